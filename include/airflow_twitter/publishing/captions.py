"""Captions of a video: a subtitle file that X gets as media of its own, and joins to the video.

docs.x.com/x-api/media/create-media-subtitles. The position stands in the post's record, so that whoever goes on
after an interruption sends nothing again that X has.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from airflow_twitter.api.errors import InvalidRequestError
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.client import MediaClient
from airflow_twitter.publishing.errors import CancelledError, RecordError
from airflow_twitter.publishing.fetch import fetch
from airflow_twitter.publishing.media import media_file
from airflow_twitter.publishing.record import Captions, CaptionsUpload, Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.sources import Sources
from airflow_twitter.publishing.srt import Subtitles, read_srt
from airflow_twitter.publishing.states import PostState
from airflow_twitter.publishing.upload import EXPIRES_MARGIN_S, MAX_GONE

log = logging.getLogger(__name__)

BYTES_MAX = 512 * 1024
"""One segment holds them, and no video is so long that its captions would be larger."""

MEDIA_TYPE, MEDIA_CATEGORY = "text/srt", "subtitles"
NAMES = {
    "ar": "العربية",
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "it": "Italiano",
    "ja": "日本語",
    "ko": "한국어",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt": "Português",
    "tr": "Türkçe",
    "zh": "中文",
}
"""How viewers call the language of captions; others are shown by their code."""


def bring_captions(store: Store, sources: Sources, source: str, language: str) -> tuple[Captions, Subtitles]:
    """Return the captions of a post, and what they say; they then lie in the store by their hash.

    Raises VideoRejectedError for what is no SRT file, and SourceError.
    """
    stored = fetch(source, replace(sources, max_bytes=BYTES_MAX, what="subtitle file"), store)
    return Captions(sha256=stored.sha256, language=language), read_srt(store.read(stored.key))


def join_captions(records: Records, record: Record, client: MediaClient) -> Record:
    """Send the captions of a post to X and join them to its video, which X has; return the record.

    What X has is not sent again: it is joined again to a video that was made anew. A record without captions is
    returned as it is. Raises MediaGoneError when X has forgotten the video, and errors of api/errors.py.
    """
    if record.content.captions is None or record.captioned or record.out:
        return record
    with records.hold(record.account, record.key, "captions"):
        return _Joining(records, record.account, record.key, client).run()


class _Joining:
    """One call for one record, whose captions nobody else is sending meanwhile."""

    def __init__(self, records: Records, account: str, key: str, client: MediaClient) -> None:
        self.records = records
        self.client = client
        self.record = records.read(account, key)

    def run(self) -> Record:
        content, video = self.record.content, self.record.upload
        if content.captions is None or video is None or video.media_id is None or self.record.captioned:
            return self.record
        for gone in range(MAX_GONE + 1):
            upload = self._begin(content.captions)
            try:
                self._send(upload)
                self._join(upload, video.media_id)
                return self.record
            except InvalidRequestError as error:
                # Either the captions are gone, or the video: its status tells, by the error that it raises.
                self.client.media_status(video.media_id)
                if gone == MAX_GONE:
                    raise
                log.warning("X does not go on with the captions of %s: %s", self.record.key, error)
                upload.media_id = None
                self._save(upload)
        raise AssertionError("unreachable")

    def _begin(self, captions: Captions) -> CaptionsUpload:
        """Return the position to go on from: that of the record while X has these captions, else a new one."""
        upload = self.record.captions_upload
        alive = upload is not None and upload.alive(self.records.now(), EXPIRES_MARGIN_S)
        if upload is not None and upload.captions == captions and alive:
            return upload
        media = self.client.initialize_media(MEDIA_TYPE, MEDIA_CATEGORY, len(self._data(captions)))
        upload = CaptionsUpload(captions=captions, media_id=media.id, expires_at=media.expires_at)
        self._save(upload)
        return upload

    def _send(self, upload: CaptionsUpload) -> None:
        if not upload.finalized:
            self.client.append_media(str(upload.media_id), 0, self._data(upload.captions))
            state = self.client.finalize_media(str(upload.media_id))
            upload.expires_at = state.expires_at or upload.expires_at
            upload.finalized = True
            self._save(upload)

    def _join(self, upload: CaptionsUpload, video_id: str) -> None:
        language = upload.captions.language
        self.client.add_captions(
            video_id, str(upload.media_id), language=language, name=NAMES.get(language, language)
        )
        upload.joined_to = video_id
        self._save(upload)
        log.info("CAPTIONS JOINED: key=%s, language=%s", self.record.key, language)

    def _data(self, captions: Captions) -> bytes:
        try:
            return self.records.store.read(media_file(captions.sha256))
        except FileNotFoundError:
            raise RecordError(
                f"The captions {media_file(captions.sha256)} are not in the data folder; prepare the post again."
            ) from None

    def _save(self, upload: CaptionsUpload) -> None:
        with self.records.change(self.record.account, self.record.key) as record:
            if record.state is PostState.CANCELLED:
                raise CancelledError(f"The post {record.key} was cancelled; the upload stops.")
            record.captions_upload = upload
        self.record = record
