"""Bring a post's video to X in segments, and go on after any interruption where X stopped confirming.

Chunked upload: docs.x.com/x-api/media/quickstart/media-upload-chunked. The position stands in the post's record.
X takes the same segment again, so that a segment whose confirmation was lost is simply sent again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from airflow_twitter.api.errors import InvalidRequestError, SegmentTooLargeError
from airflow_twitter.publishing.client import MediaClient
from airflow_twitter.publishing.errors import CancelledError, RecordError
from airflow_twitter.publishing.media import hash_file, media_file
from airflow_twitter.publishing.record import Record, Upload
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState

log = logging.getLogger(__name__)

MEDIA_TYPE = "video/mp4"
MEDIA_CATEGORY = "tweet_video"
SEGMENT_BYTES = 1024 * 1024
"""1 MiB passes everywhere; at about 5 MB X's edge answers 413 or 431."""
MAX_SEGMENTS = 1000
"""Segments are numbered 0 to 999 (docs.x.com/x-api/media/media-upload-append)."""
MIN_SEGMENT_BYTES = 64 * 1024
EXPIRES_MARGIN_S = 120.0
MAX_GONE = 2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload has come: bytes, and the seconds left at the speed since it (re)started, if known."""

    sent: int
    total: int
    left_s: float | None

    @property
    def share(self) -> float:
        """Return the progress from 0 to 1."""
        return self.sent / self.total if self.total else 1.0

    def __str__(self) -> str:
        left = "" if self.left_s is None else f", about {self.left_s:.0f} s left"
        return f"{self.share:.0%} ({self.sent} of {self.total} bytes{left})"


OnProgress = Callable[[Progress], None]


def upload_media(
    records: Records,
    account: str,
    key: str,
    client: MediaClient,
    *,
    on_progress: OnProgress | None = None,
    segment_bytes: int = SEGMENT_BYTES,
    monotonic: Callable[[], float] = time.monotonic,
) -> Record:
    """Send the video of a record to X, from where the last call stopped, and return the record: X has it all.

    A record without a video, one whose video X has already, and one that was sent is returned as it is. `on_progress`
    is called at the start and after every segment. Raises errors of api/errors.py (the position is kept: call again),
    BusyError when another worker is at it, CancelledError, RecordError when the file is gone or was changed.
    """
    with records.hold(account, key, "uploading"):
        record = records.read(account, key)
        if record.content.media_sha256 is None or record.out or record.in_doubt:
            return record
        return _Uploading(records, record, client, on_progress, segment_bytes, monotonic).run()


def forget_upload(records: Records, record: Record, reason: str, *, failed: bool) -> Upload:
    """Have the media of a record made anew, unless another worker has done so; return what is left of the upload.

    `failed`: X could not process them, which is counted.
    """
    log.warning("%s: %s", record.key, reason)
    with records.change(record.account, record.key) as changed:
        upload = changed.upload
        if upload is None:
            raise RecordError(f"The post {record.key} has no upload.")
        if record.upload is None or upload.media_id == record.upload.media_id:
            _begin_anew(upload)
            upload.failed += failed
        changed.note(changed.state, reason, at=records.now())
    return upload


def _begin_anew(upload: Upload) -> None:
    upload.media_id = upload.media_key = upload.expires_at = upload.finalized_at = None
    upload.confirmed, upload.ready = 0, False


class _Uploading:
    """One call for one record, whose video nobody else is sending meanwhile."""

    def __init__(
        self,
        records: Records,
        record: Record,
        client: MediaClient,
        on_progress: OnProgress | None,
        segment_bytes: int,
        monotonic: Callable[[], float],
    ) -> None:
        self.records = records
        self.record = record
        self.client = client
        self.on_progress = on_progress
        self.monotonic = monotonic
        self.sha256 = str(record.content.media_sha256)
        self.file = media_file(self.sha256)
        self.size = self._checked_size()
        self.min_segment = max(-(-self.size // MAX_SEGMENTS), min(MIN_SEGMENT_BYTES, segment_bytes))
        self.segment_bytes = max(segment_bytes, self.min_segment)

    def run(self) -> Record:
        gone = 0
        while True:
            upload = self._begin()
            if upload.finalized_at is not None:
                return self.record
            try:
                self._send(upload)
                self._finalize(upload)
                return self.record
            except SegmentTooLargeError:
                self._shrink(upload)
            except InvalidRequestError as error:
                # The media are gone (MediaGoneError), or X misses segments that it confirmed.
                gone += 1
                if gone > MAX_GONE:
                    raise
                forget_upload(
                    self.records, self.record, f"X does not go on with the media: {error}", failed=False
                )

    def _checked_size(self) -> int:
        upload = self.record.upload
        if upload is not None and upload.finalized_at is not None:
            return upload.size
        try:
            sha256, size = hash_file(self.records.store, self.file)
        except FileNotFoundError:
            raise RecordError(
                f"The video {self.file} is not in the data folder; prepare the post again."
            ) from None
        if sha256 != self.sha256:
            raise RecordError(
                f"The video {self.file} is not the one that was prepared; prepare the post again."
            )
        return size

    def _begin(self) -> Upload:
        """Return the position to go on from: that of the record while X has the media, else a new one."""
        self.record = self.records.read(self.record.account, self.record.key)
        upload, now = self.record.upload, self.records.now()
        if upload is not None and upload.sha256 == self.sha256 and upload.alive(now, EXPIRES_MARGIN_S):
            log.info(
                "UPLOAD RESUME: key=%s, segment %d of %d", self.record.key, upload.confirmed, upload.segments
            )
            return upload
        return self._initialize(upload)

    def _initialize(self, old: Upload | None) -> Upload:
        size = self.segment_bytes
        if old is not None and old.sha256 == self.sha256:
            size = max(min(size, old.segment_bytes), self.min_segment)
        media = self.client.initialize_media(MEDIA_TYPE, MEDIA_CATEGORY, self.size)
        upload = Upload(
            sha256=self.sha256,
            size=self.size,
            segment_bytes=size,
            media_id=media.id,
            media_key=media.key,
            expires_at=media.expires_at,
            made=1 + (old.made if old else 0),
            failed=old.failed if old else 0,
        )
        log.info("UPLOAD START: key=%s, bytes=%d, segments=%d", self.record.key, self.size, upload.segments)
        self._save(upload, "The upload begins.")
        return upload

    def _send(self, upload: Upload) -> None:
        started, first = self.monotonic(), upload.confirmed
        self._tell(upload, first, started)
        with self.records.store.open(self.file) as file:
            file.seek(first * upload.segment_bytes)
            for index in range(first, upload.segments):
                self.client.append_media(str(upload.media_id), index, file.read(upload.segment_bytes))
                upload.confirmed = index + 1
                self._save(upload)
                self._tell(upload, first, started)

    def _finalize(self, upload: Upload) -> None:
        state = self.client.finalize_media(str(upload.media_id))
        upload.finalized_at = self.records.now()
        upload.ready = state.state == "succeeded"
        upload.expires_at = state.expires_at or upload.expires_at
        self._save(upload, "X has the whole video.")

    def _shrink(self, upload: Upload) -> None:
        if upload.segment_bytes <= self.min_segment:
            raise SegmentTooLargeError(
                f"X refuses segments of {upload.segment_bytes} bytes, and smaller ones would be over {MAX_SEGMENTS}",
                status=413,
            )
        _begin_anew(upload)
        upload.segment_bytes = max(upload.segment_bytes // 2, self.min_segment)
        log.warning("Segments were too large; sent afresh with %d bytes each", upload.segment_bytes)
        self._save(upload, f"Segments were too large; sent afresh with {upload.segment_bytes} bytes each.")

    def _save(self, upload: Upload, note: str | None = None) -> None:
        with self.records.change(self.record.account, self.record.key) as record:
            if record.state is PostState.CANCELLED:
                raise CancelledError(f"The post {record.key} was cancelled; the upload stops.")
            record.upload = upload
            if note is not None:
                record.note(PostState.UPLOADING, note, at=self.records.now())
        self.record = record

    def _tell(self, upload: Upload, first: int, started: float) -> None:
        if self.on_progress is None:
            return
        sent = min(upload.confirmed * upload.segment_bytes, upload.size)
        done = sent - min(first * upload.segment_bytes, upload.size)
        left_s = (upload.size - sent) * (self.monotonic() - started) / done if done else None
        self.on_progress(Progress(sent, upload.size, left_s))
