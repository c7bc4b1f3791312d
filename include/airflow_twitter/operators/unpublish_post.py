"""Delete a post from X by the run that published it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_twitter.accounts.post_run import PostRun
from airflow_twitter.accounts.spending import PostSpending
from airflow_twitter.accounts.steps import DELETE_LIMIT, step
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.publishing.decisions import mark_deleted
from airflow_twitter.publishing.states import PostState


class TwitterUnpublishOperator(BaseOperator):
    """Delete the post of a run, and write that down. Running it again changes nothing.

    :param accounts_file: the file of the accounts.
    """

    ui_color = "#f3d9d0"

    def __init__(self, *, accounts_file: str, inlets: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(inlets=[*inlets, RATE_LIMIT], **kwargs)
        self.accounts_file = accounts_file

    def execute(self, context: Context) -> None:
        """Delete the post."""
        run = PostRun.of_params(context, self.accounts_file)
        with step(run, DELETE_LIMIT):
            record = run.record
            if record.state is PostState.DELETED:
                self.log.info("%s", run.show(PostState.DELETED))
                return
            if record.post_id is None:
                raise AirflowFailException(
                    f"The post of the run {run.key} is not known to be on X (state: {record.state.value}). If it is "
                    "there, mark it as posted with its address first."
                )
            with run.client() as client:
                if not PostSpending(run, record, client).delete_post(record.post_id):
                    self.log.warning("X says that there was no such post any more.")
            mark_deleted(
                run.records, record.account, record.key, by=context["dag_run"].triggering_user_name or ""
            )
            self.log.info(
                "POST DELETED: account=%s, post=%s. %s", record.account, record.key, record.post_url
            )
            run.show(PostState.DELETED)
