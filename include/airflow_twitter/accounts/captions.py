"""Captions of a video: a subtitle file that is sent beside it and joined to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.errors import VideoRejectedError
from airflow_twitter.publishing.fetch import fetch
from airflow_twitter.publishing.findings import Finding
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.sources import Sources

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


def bring_captions(store: Store, sources: Sources, source: str, language: str) -> dict[str, Any]:
    """Return what is known of a post's captions, as JSON values; they then lie in the store by their hash.

    Raises VideoRejectedError for what is no SRT file in UTF-8, and SourceError.
    """
    stored = fetch(source, replace(sources, max_bytes=BYTES_MAX), store)
    try:
        text = store.read(stored.key).decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if " --> " not in text:
        finding = Finding(
            "captions",
            "an SRT file in UTF-8",
            "there is no line such as 00:00:01,000 --> 00:00:02,000",
            "Export the captions as SRT.",
        )
        raise VideoRejectedError((finding,))
    return {"key": stored.key, "sha256": stored.sha256, "language": language, "joined_to": None}


def join_captions(records: Records, account: str, key: str, client: Any) -> None:
    """Send the captions of a post, if it has any, and join them to its video, once for each time it is sent.

    Doing it again after a lost answer changes nothing that viewers see.
    """
    record = records.read(account, key)
    captions = record.details.get("captions")
    media_id = record.upload.media_id if record.upload else None
    if captions is None or media_id is None or captions["joined_to"] == media_id or record.out:
        return
    data = records.store.read(captions["key"])
    media = client.initialize_media(MEDIA_TYPE, MEDIA_CATEGORY, len(data))
    client.append_media(media.id, 0, data)
    client.finalize_media(media.id)
    language = captions["language"]
    client.add_captions(media_id, media.id, language=language, name=NAMES.get(language, language))
    with records.change(account, key) as changed:
        changed.details = {**changed.details, "captions": {**captions, "joined_to": media_id}}
