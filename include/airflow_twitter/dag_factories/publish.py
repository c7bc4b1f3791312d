"""Build the DAGs that publish: one that prepares posts, and a queue for each account."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from airflow.sdk import DAG, Param, TriggerRule, chain, get_parsing_context

from airflow_twitter.accounts.form import FIELDS
from airflow_twitter.accounts.settings import Account, read_accounts
from airflow_twitter.accounts.timetable import OnRequestTimetable
from airflow_twitter.assets import published_asset
from airflow_twitter.dag_factories.beside_publish import (
    AS_MANY_AS_COME,
    PUBLISH_ARGS,
    SIDE_DAGS,
    account_param,
    post_param,
)
from airflow_twitter.dag_factories.shared import refuse_unknown_keys
from airflow_twitter.dag_ids import POST_DAG_PREFIX, PUBLISH_DAG_ID
from airflow_twitter.operators.approve_post import TwitterApprovePostOperator
from airflow_twitter.operators.create_post import TwitterCreatePostOperator
from airflow_twitter.operators.decide_post import TwitterAskAboutPostOperator
from airflow_twitter.operators.hand_over import TwitterHandOverOperator
from airflow_twitter.operators.prepare_post import TwitterPreparePostOperator
from airflow_twitter.operators.record_post import TwitterRecordPostOperator
from airflow_twitter.operators.upload_media import TwitterUploadMediaOperator
from airflow_twitter.sensors.media_processing import TwitterMediaProcessingSensor
from airflow_twitter.sensors.post_limit import TwitterPostLimitSensor

_PUBLISH_DOC = """
One run is one post. It is checked, approved if that was asked for, and handed over to the queue of its account.

| task | what it does |
|---|---|
| `prepare` | fetches the video, checks video and text against X's rules, says what the post costs. Asks X nothing |
| `approve` | waits for somebody to look at the post, if that was asked for; holds no slot |
| `hand_over` | puts the post into the queue: a run of `twitter_post__<account>` with the same run id |
"""

_POST_DOC = """
The queue of the account **{account}**: each run is a post that waits for its turn or is being posted, one at a time.
Runs are made by `twitter_publish`. Pause this DAG to hold the queue.

| task | what it does |
|---|---|
| `wait_for_rate_limit` | waits until X lets this account post, and until the distance to the last post has passed |
| `upload` | sends the video in segments; goes on where it stopped, whatever interrupts it |
| `wait_for_processing` | waits until X has processed the video |
| `create_post` | posts it, exactly once: after every doubt it looks at the account's timeline first |
| `record` | links to the post, and tells Airflow of it |
| `ask_a_person` | only when the post was sent and nobody can know whether it exists: asks in `twitter_decide` |

All of them wait without a slot.
"""


def publishing_dags(path: Path) -> dict[str, DAG]:
    """Return all DAGs that publish, by DAG id; `path` is the file of the accounts.

    While a task parses the file for its own DAG, only that DAG is built.
    """
    dag_id = get_parsing_context().dag_id
    only = dag_id.removeprefix(POST_DAG_PREFIX) if dag_id and dag_id.startswith(POST_DAG_PREFIX) else None
    accounts, _ = read_accounts(path, only)
    dags = {}
    if accounts and dag_id in (None, PUBLISH_DAG_ID):
        dags[PUBLISH_DAG_ID] = publish_dag(path, accounts)
    for side_id, side_dag in SIDE_DAGS.items():
        if accounts and dag_id in (None, side_id):
            dags[side_id] = side_dag(path, [account.account for account in accounts])
    if dag_id is None or only is not None:
        dags.update({account.dag_id: account_dag(account) for account in accounts})
    return dags


def publish_dag(path: Path, accounts: Sequence[Account]) -> DAG:
    """Return the DAG of which one run is one post."""
    with DAG(
        PUBLISH_DAG_ID,
        description="Check a post, have it approved, and queue it",
        doc_md=_PUBLISH_DOC,
        schedule=OnRequestTimetable(),
        max_active_runs=AS_MANY_AS_COME,
        # It runs only when it is triggered, so there is nothing to be afraid of.
        is_paused_upon_creation=False,
        default_args=PUBLISH_ARGS,
        tags=["twitter", "publish"],
    ) as dag:
        chain(
            TwitterPreparePostOperator(
                task_id="prepare", accounts_file=str(path), pre_execute=refuse_unknown_keys
            ),
            TwitterApprovePostOperator(task_id="approve", accounts_file=str(path)),
            # Also when approve was skipped because nobody has to approve the post.
            TwitterHandOverOperator(
                task_id="hand_over", accounts_file=str(path), trigger_rule=TriggerRule.NONE_FAILED
            ),
        )
    dag.params.update(_params([account.account for account in accounts]))
    return dag


def account_dag(account: Account) -> DAG:
    """Return the queue of one account: its waiting runs."""
    with DAG(
        account.dag_id,
        description=f"The queue of the account {account.account}",
        doc_md=_POST_DOC.format(account=account.account),
        schedule=OnRequestTimetable(),
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args=PUBLISH_ARGS,
        params={"post": post_param()},
        tags=["twitter", "account"],
    ) as dag:
        create_post = TwitterCreatePostOperator(task_id="create_post", account=account)
        chain(
            TwitterPostLimitSensor(
                task_id="wait_for_rate_limit", account=account, pre_execute=refuse_unknown_keys
            ),
            TwitterUploadMediaOperator(task_id="upload", account=account),
            TwitterMediaProcessingSensor(task_id="wait_for_processing", account=account),
            create_post,
            TwitterRecordPostOperator(
                task_id="record", account=account, outlets=[published_asset(account.account)]
            ),
        )
        create_post >> TwitterAskAboutPostOperator(
            task_id="ask_a_person", account=account, trigger_rule=TriggerRule.ONE_FAILED
        )
    return dag


def _params(accounts: Sequence[str]) -> dict[str, Param]:
    """Return the form's params, with the accounts to choose from."""
    return {
        name: account_param(accounts) if name == "account" else Param(**field)
        for name, field in FIELDS.items()
    }
