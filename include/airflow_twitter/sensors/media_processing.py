"""Wait, without a worker slot, until X has processed a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseSensorOperator, Context

from airflow_twitter.accounts.post_run import PostRun, post_of
from airflow_twitter.accounts.settings import Account
from airflow_twitter.accounts.steps import MEDIA_LIMIT, WAIT_MAX_S, step
from airflow_twitter.assets import RATE_LIMIT


class TwitterMediaProcessingSensor(BaseSensorOperator):
    """Ask X how far it is, at the moments that X names, until the video can be posted.

    Media that have expired, or that X could not process, are made again on the spot.

    :param account: the account that posts.
    """

    ui_color = "#e8e1f5"

    def __init__(self, *, account: Account, inlets: Sequence[Any] = (), **kwargs: Any) -> None:
        # A held account waits for a person, however long that takes: what ends the wait is the post's own expiry.
        super().__init__(mode="reschedule", timeout=WAIT_MAX_S, inlets=[*inlets, RATE_LIMIT], **kwargs)
        self.account = account

    def poke(self, context: Context) -> bool:
        """Return True when X is ready; else reschedule to the moment when it is to be asked again."""
        run = PostRun(context, self.account, post_of(context["params"]))
        with step(run, MEDIA_LIMIT, of_video=True):
            if run.record.content.media_sha256 is None:
                self.log.info("This post has no video.")
                return True
            with run.client() as client:
                run.ready_media(client)
            run.show(run.record.state)
        return True
