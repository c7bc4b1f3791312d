"""Check a list of posts as a whole, and queue every one of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_twitter.accounts.post_list import PostListError, read_post_list
from airflow_twitter.accounts.preparing import check_post
from airflow_twitter.accounts.settings import read_accounts
from airflow_twitter.dag_ids import PUBLISH_DAG_ID
from airflow_twitter.data_folder import data_store
from airflow_twitter.posts.store import StoreError
from airflow_twitter.publishing.errors import PublishingError

LISTS = "lists"
_OF_LIST = ("account", "approval", "dry_run")


class TwitterCheckListOperator(BaseOperator):
    """Read a list of posts from the folder ``lists/`` of the data folder, and check every one of them.

    Returns, in the order of the list, what triggers a run of ``twitter_publish`` for each. Fails with everything
    that is wrong, and then nothing is queued.

    :param accounts_file: the file of the accounts.
    """

    ui_color = "#d6ecfa"

    def __init__(self, *, accounts_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.accounts_file = accounts_file

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Check the list and return the runs that publish it."""
        name = context["params"]["file"]
        try:
            data = data_store().read(f"{LISTS}/{name}")
            posts = read_post_list(name, data, {key: context["params"][key] for key in _OF_LIST})
            self._check(name, posts)
        except (OSError, StoreError) as error:
            raise AirflowFailException(
                f"{LISTS}/{name} cannot be read from the data folder: {error}"
            ) from None
        except PostListError as error:
            raise AirflowFailException(str(error)) from None
        run = context["dag_run"]
        self.log.info("%s holds %d posts, all of them right.", name, len(posts))
        return [
            {
                "run_id": f"{run.run_id}__{number:03d}",
                "post": post,
                # A microsecond apart, so that the queue keeps the order of the list.
                "asked_at": (run.run_after + timedelta(microseconds=number)).isoformat(),
            }
            for number, post in enumerate(posts, start=1)
        ]

    def _check(self, name: str, posts: list[dict[str, Any]]) -> None:
        accounts, _ = read_accounts(Path(self.accounts_file))
        known = {account.account for account in accounts}
        mistakes = []
        for number, post in enumerate(posts, start=1):
            if post["account"] not in known:
                mistakes.append(f"post {number}, account: there is no {post['account']!r} in accounts.yaml")
            try:
                check_post(post, {"sha256": "", "warnings": ()} if post["video"] else None)
            except PublishingError as error:
                mistakes.append(f"post {number}, text: {error}")
        if mistakes:
            raise PostListError(name, mistakes)


class TwitterQueueListOperator(TriggerDagRunOperator):
    """Trigger the run of ``twitter_publish`` for one post of a list, once.

    :param post: the fields of the post.
    :param run_id: the id of the run.
    :param asked_at: the moment by which the queue orders it, in ISO 8601.
    """

    template_fields = ()
    ui_color = "#d6ecfa"

    def __init__(self, *, post: dict[str, Any], run_id: str, asked_at: str, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id=PUBLISH_DAG_ID,
            trigger_run_id=run_id,
            conf=post,
            run_after=asked_at,
            openlineage_inject_parent_info=False,
            **kwargs,
        )

    def execute(self, context: Context) -> None:
        """Trigger the run, unless it is there already."""
        if context["ti"].get_dr_count(self.trigger_dag_id, run_ids=[str(self.trigger_run_id)]):
            self.log.info("%s %s is there already.", self.trigger_dag_id, self.trigger_run_id)
            return
        super().execute(context)
