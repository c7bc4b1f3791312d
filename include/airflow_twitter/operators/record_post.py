"""Tell Airflow, and published.json, of a post that is out."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from airflow_twitter.accounts.post_run import PostRun, post_of
from airflow_twitter.accounts.settings import Account
from airflow_twitter.links.post import XPostLink
from airflow_twitter.publishing.published import tell_published
from airflow_twitter.publishing.states import PostState
from airflow_twitter.times import rfc3339


class TwitterRecordPostOperator(BaseOperator):
    """Enter what was posted into published.json and the asset events of the outlets; return its address.

    :param account: the account that posted.
    """

    operator_extra_links = (XPostLink(),)
    ui_color = "#fbe8cf"

    def __init__(self, *, account: Account, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.account = account

    def execute(self, context: Context) -> str | None:
        """Tell of the post."""
        run = PostRun(context, self.account, post_of(context["params"]))
        record = run.record
        tell_published(run.store, record)
        extra: dict[str, Any] = {
            "account": record.account,
            "post": record.key,
            "post_id": record.post_id,
            "post_url": record.post_url,
            "posted_at": record.posted_at and rfc3339(record.posted_at),
            "simulated": record.simulated,
        }
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra = extra
        self.post_url = record.post_url
        run.show(PostState.POSTED)
        self.log.info(
            "PUBLISH END: %saccount=%s, post=%s, %s",
            "SIMULATED, " if record.simulated else "",
            record.account,
            record.key,
            record.post_url,
        )
        return record.post_url
