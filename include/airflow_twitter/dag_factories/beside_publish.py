"""The DAGs beside the queues: a list of posts, a doubt about a post, taking a post back, releasing an account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, chain

from airflow_twitter.accounts.form import FIELDS, POST
from airflow_twitter.accounts.timetable import OnRequestTimetable
from airflow_twitter.dag_factories.shared import DEFAULT_ARGS, refuse_unknown_keys
from airflow_twitter.dag_ids import DECIDE_DAG_ID, LIST_DAG_ID, RELEASE_DAG_ID, UNPUBLISH_DAG_ID
from airflow_twitter.operators.decide_post import TwitterDecidePostOperator
from airflow_twitter.operators.hand_over import TwitterHandOverOperator
from airflow_twitter.operators.publish_list import TwitterCheckListOperator, TwitterQueueListOperator
from airflow_twitter.operators.release_account import TwitterReleaseAccountOperator
from airflow_twitter.operators.unpublish_post import TwitterUnpublishOperator

PUBLISH_ARGS = {**DEFAULT_ARGS, "retries": 5}

AS_MANY_AS_COME = 1_000_000
"""For `max_active_runs`: a run that waits for a person or a limit is an active one for Airflow. 0 would mean none."""

_LIST_DOC = """
Publishes a list of posts from a file in the folder `lists/` of the data folder: `.json`, `.jsonl` or `.csv`, with the
fields of `twitter_publish`. The whole list is checked first, every video too; one mistake, and nothing of it is queued.
`check` shows how far it is under *XCom*, in `progress`, and everything that is wrong in `faults`. Then each post becomes
a run of `twitter_publish`, in the order of the list.
"""

_DECIDE_DOC = """
Asks a person about a post whose answer from X was lost and that is not to be seen on the account: is it there or not?
*Posted* ends the matter, *Not posted* puts it into the queue again. Runs are made by `twitter_post__<account>`.
"""

_UNPUBLISH_DOC = """
Deletes a post from X. *Post* is the id of the run that published it.
"""

_RELEASE_DOC = """
Releases an account that is held, since X had said no to it: no credits, a cap, wrong keys. Its posts then go on by
themselves within a minute.
"""


def list_dag(path: Path, accounts: Sequence[str]) -> DAG:
    """Return the DAG that publishes a list of posts."""
    file: dict[str, Any] = {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "title": "File",
        "description": "The name of a file in the folder lists/ of the data folder: posts.json, .jsonl or .csv.",
    }
    shared = {name: Param(**FIELDS[name]) for name in ("approval", "dry_run")}
    with _dag(LIST_DAG_ID, "Publish a list of posts from a file", _LIST_DOC) as dag:
        check = TwitterCheckListOperator(
            task_id="check",
            accounts_file=str(path),
            pre_execute=refuse_unknown_keys,
            # The check bounds itself between its steps; this ends one that never comes back.
            execution_timeout=timedelta(hours=6),
        )
        queue = TwitterQueueListOperator.partial(task_id="queue").expand_kwargs(check.output)
        chain(check, queue)
    dag.params.update({"file": Param(**file), "account": account_param(accounts), **shared})
    return dag


def decide_dag(path: Path, accounts: Sequence[str]) -> DAG:
    """Return the DAG that asks a person whether a post exists."""
    with _dag(DECIDE_DAG_ID, "Ask a person whether a post exists", _DECIDE_DOC) as dag:
        chain(
            TwitterDecidePostOperator(
                task_id="decide", accounts_file=str(path), pre_execute=refuse_unknown_keys
            ),
            TwitterHandOverOperator(task_id="hand_over", accounts_file=str(path), prepare_task_id="decide"),
        )
    dag.params.update({"account": account_param(accounts), "post": post_param()})
    return dag


def unpublish_dag(path: Path, accounts: Sequence[str]) -> DAG:
    """Return the DAG that deletes a post."""
    with _dag(UNPUBLISH_DAG_ID, "Delete a post from X by the run that published it", _UNPUBLISH_DOC) as dag:
        TwitterUnpublishOperator(task_id="delete", accounts_file=str(path), pre_execute=refuse_unknown_keys)
    dag.params.update({"account": account_param(accounts), "post": post_param()})
    return dag


def release_dag(path: Path, accounts: Sequence[str]) -> DAG:
    """Return the DAG that releases an account."""
    with _dag(RELEASE_DAG_ID, "Let the queue of a held account go on", _RELEASE_DOC) as dag:
        TwitterReleaseAccountOperator(
            task_id="release", accounts_file=str(path), pre_execute=refuse_unknown_keys
        )
    dag.params.update({"account": account_param(accounts)})
    return dag


SIDE_DAGS: dict[str, Callable[[Path, Sequence[str]], DAG]] = {
    LIST_DAG_ID: list_dag,
    DECIDE_DAG_ID: decide_dag,
    UNPUBLISH_DAG_ID: unpublish_dag,
    RELEASE_DAG_ID: release_dag,
}


def account_param(accounts: Sequence[str]) -> Param:
    """Return the field in which an account is chosen; the first one is the default."""
    return Param(**{**FIELDS["account"], "enum": list(accounts), "default": accounts[0]})


def post_param() -> Param:
    """Return the field that names a post by the run that prepared it."""
    schema: dict[str, Any] = {
        "type": ["null", "string"],
        "maxLength": 250,
        "title": "Post",
        "description": "Which post: the id of the run of twitter_publish that prepared it.",
        "section": POST,
    }
    return Param(None, **schema)


def _dag(dag_id: str, description: str, doc: str) -> DAG:
    return DAG(
        dag_id,
        description=description,
        doc_md=doc,
        schedule=OnRequestTimetable(),
        max_active_runs=AS_MANY_AS_COME,
        # It runs only when it is triggered, so there is nothing to be afraid of.
        is_paused_upon_creation=False,
        default_args=PUBLISH_ARGS,
        tags=["twitter", "publish"],
    )
