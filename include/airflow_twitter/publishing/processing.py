"""Have a post's media ready when they are needed: uploaded, processed by X, and not expired.

Processing: docs.x.com/x-api/media/quickstart/media-upload-chunked.
"""

from __future__ import annotations

from datetime import timedelta

from airflow_twitter.api.errors import MediaGoneError
from airflow_twitter.publishing.captions import join_captions
from airflow_twitter.publishing.client import MediaClient, MediaState
from airflow_twitter.publishing.errors import LookAgain, MediaFailedError
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState
from airflow_twitter.publishing.upload import (
    MAX_GONE,
    SEGMENT_BYTES,
    OnProgress,
    forget_upload,
    upload_media,
)

LOOK_MIN_S = 10.0
PROCESSING_MAX_S = 3600.0
_MAX_FAILED = 2


def ensure_media(
    records: Records,
    account: str,
    key: str,
    client: MediaClient,
    *,
    on_progress: OnProgress | None = None,
    segment_bytes: int = SEGMENT_BYTES,
) -> Record:
    """Return the record once its media are ready to be posted; upload (again) what is missing, expired or failed.

    The video is ready once X has processed it and has its captions, if it has any. Raises LookAgain while X
    processes the video (its `progress` tells how far X is), MediaFailedError when X could not process it twice,
    and what `upload_media` raises.
    """
    for gone in range(MAX_GONE + 1):
        record = upload_media(
            records, account, key, client, on_progress=on_progress, segment_bytes=segment_bytes
        )
        upload = record.upload
        if record.content.media_sha256 is None or record.out or record.in_doubt or upload is None:
            return record
        try:
            if not upload.ready:
                record = _take_state(records, record, client.media_status(str(upload.media_id)))
            return join_captions(records, record, client)
        except MediaGoneError:
            if gone == MAX_GONE:
                raise
            forget_upload(records, record, "The media are gone; they are made again.", failed=False)
    raise AssertionError("unreachable")


def forget_media(records: Records, account: str, key: str, reason: str) -> None:
    """Have the media made again: X said on creating the post that it does not have them any more."""
    forget_upload(records, records.read(account, key), reason, failed=False)


def _take_state(records: Records, record: Record, state: MediaState) -> Record:
    now = records.now()
    if state.state == "succeeded":
        with records.change(record.account, record.key) as record:
            if record.upload is not None:
                record.upload.ready = True
                record.upload.expires_at = state.expires_at or record.upload.expires_at
        return record
    finalized_at = (record.upload and record.upload.finalized_at) or now
    stuck = (now - finalized_at).total_seconds() > PROCESSING_MAX_S
    if state.state != "failed" and not stuck:
        records.note(record.account, record.key, PostState.PROCESSING, "X prepares the video.")
        wait_s = max(state.check_after_s or 0.0, LOOK_MIN_S)
        percent = state.progress_percent
        raise LookAgain(
            now + timedelta(seconds=wait_s),
            "X is preparing the video.",
            None if percent is None else percent / 100,
        )
    reason = state.error or ("it took over an hour" if stuck else "no reason given")
    upload = forget_upload(records, record, f"X could not process the video: {reason}.", failed=True)
    if upload.failed >= _MAX_FAILED:
        raise MediaFailedError(
            f"X could not process the video in {upload.failed} tries: {reason}. Nothing was posted. Let it be "
            "transcoded (fit_video), or export the video anew."
        )
    raise LookAgain(
        now + timedelta(seconds=LOOK_MIN_S),
        f"X could not process the video ({reason}); it is sent once more.",
    )
