"""Bring a post out, exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context

from airflow_twitter.accounts.holding import posted_now
from airflow_twitter.accounts.post_run import PostRun, post_of
from airflow_twitter.accounts.settings import Account
from airflow_twitter.accounts.spending import PostSpending
from airflow_twitter.accounts.steps import CREATE_LIMIT, step
from airflow_twitter.api.errors import MediaGoneError, NetworkError, ServerError, XError
from airflow_twitter.api.user_endpoints import TIMELINE
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.publishing.create import Looking, create_post
from airflow_twitter.publishing.errors import LookAgain, PublishingError, UnknownOutcomeError
from airflow_twitter.publishing.processing import forget_media
from airflow_twitter.publishing.states import PostState


class TwitterCreatePostOperator(BaseOperator):
    """Create the post of this run, once, whatever got lost before.

    After every doubt the account's timeline is looked at before anything is sent. While there is nothing to do but
    to look again later, the slot is given back. Fails for good, as *unknown*, when nobody can tell whether the post
    exists. Returns the post's id.

    :param account: the account that posts.
    """

    ui_color = "#d6ecfa"

    def __init__(self, *, account: Account, inlets: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(inlets=[*inlets, RATE_LIMIT], **kwargs)
        self.account = account

    def execute(self, context: Context) -> str | None:
        """Create the post, or find it on the timeline."""
        run = PostRun(context, self.account, post_of(context["params"]))
        with step(run, CREATE_LIMIT) as limit, run.client() as client:
            expires_at = run.record.details.get("expires_at")
            run.ready_media(client)
            spending = PostSpending(run, run.record, client)
            spending.reserve()
            try:
                record = create_post(
                    run.records,
                    self.account.account,
                    run.key,
                    spending,
                    not_after=expires_at and datetime.fromisoformat(expires_at),
                    looking=Looking(for_s=self.account.visible_s),
                )
            except (NetworkError, ServerError, LookAgain, UnknownOutcomeError):
                raise
            except MediaGoneError as error:
                spending.give_back()
                forget_media(run.records, self.account.account, run.key, str(error))
                raise LookAgain(datetime.now(UTC), "X has forgotten the video; it is sent again.") from None
            except (XError, PublishingError):
                if not run.record.in_doubt:
                    spending.give_back()
                raise
            spending.bought(record)
            for heard_of in (limit, SharedLimit(context, self.account.connection, TIMELINE.name)):
                if (known := client.limit_of(heard_of.endpoint)) is not None:
                    heard_of.heard(known)
            posted_now(run.store, self.account.account, record.posted_at or datetime.now(UTC))
            run.show(PostState.POSTED)
            return record.post_id
