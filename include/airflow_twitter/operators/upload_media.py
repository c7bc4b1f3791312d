"""Send the video of a post to X, and go on where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from airflow_twitter.accounts.post_run import PostRun, post_of
from airflow_twitter.accounts.settings import Account
from airflow_twitter.accounts.steps import MEDIA_LIMIT, step
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.publishing.states import PostState
from airflow_twitter.publishing.upload import Progress, upload_media

_TELL_EVERY = 0.05


class TwitterUploadMediaOperator(BaseOperator):
    """Send the video segment by segment, and tell in log and XCom how far it is.

    The position lies with the record of the post: after a reset, a kill, a retry or a clear the upload goes on at
    the first segment that X has not confirmed. A post without a video has nothing to send.

    :param account: the account that posts.
    """

    ui_color = "#d6ecfa"

    def __init__(self, *, account: Account, inlets: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(inlets=[*inlets, RATE_LIMIT], **kwargs)
        self.account = account

    def execute(self, context: Context) -> None:
        """Bring the video to X."""
        run = PostRun(context, self.account, post_of(context["params"]))
        told = -1.0

        def tell(progress: Progress) -> None:
            nonlocal told
            if progress.share < 1.0 and progress.share < told + _TELL_EVERY:
                return
            told = progress.share
            self.log.info("Upload of %s: %s", run.key, progress)
            run.show(PostState.UPLOADING, progress=round(progress.share, 3))
            left_s = None if progress.left_s is None else round(progress.left_s)
            context["ti"].xcom_push(
                "upload",
                {
                    "bytes_sent": progress.sent,
                    "bytes_total": progress.total,
                    "percent": round(progress.share * 100),
                    "left_s": left_s,
                },
            )

        with step(run, MEDIA_LIMIT, of_video=True):
            if run.record.content.media_sha256 is None:
                self.log.info("This post has no video.")
                return
            with run.client() as client:
                upload_media(
                    run.records,
                    self.account.account,
                    run.key,
                    client,
                    on_progress=tell,
                    segment_bytes=self.account.segment_bytes,
                )
