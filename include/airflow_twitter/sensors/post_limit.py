"""Wait, without a worker slot, until an account may post."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseSensorOperator, Context

from airflow_twitter.accounts.holding import next_post_at
from airflow_twitter.accounts.post_run import PostRun, post_of
from airflow_twitter.accounts.settings import Account
from airflow_twitter.accounts.steps import CREATE_LIMIT, WAIT_MAX_S, step
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.publishing.errors import LookAgain
from airflow_twitter.publishing.states import PostState


class TwitterPostLimitSensor(BaseSensorOperator):
    """Wait until the account is not held, the distance to its last post has passed, and X is known to have room.

    Asks X nothing: before a byte of a video is sent it goes by what X said last of the limit of creating posts.

    :param account: the account whose queue the run is in.
    """

    ui_color = "#e8e1f5"

    def __init__(self, *, account: Account, inlets: Sequence[Any] = (), **kwargs: Any) -> None:
        # A held account waits for a person, however long that takes: what ends the wait is the post's own expiry.
        super().__init__(mode="reschedule", timeout=WAIT_MAX_S, inlets=[*inlets, RATE_LIMIT], **kwargs)
        self.account = account

    def poke(self, context: Context) -> bool:
        """Return True when the account may post; else reschedule to the moment when it may."""
        run = PostRun(context, self.account, post_of(context["params"]))
        with step(run, CREATE_LIMIT):
            may_post_at = next_post_at(run.store, self.account.account, self.account.distance_s)
            if may_post_at and may_post_at > datetime.now(UTC) and not run.record.out:
                raise LookAgain(
                    may_post_at, f"The account posts every {self.account.distance_s:g} s at most."
                )
            if not run.record.out:
                run.note(PostState.QUEUED, "Its turn has come.")
            run.show(run.record.state)
        return True
