"""Which videos need not be kept any longer: those of no post that is still on its way, after their time."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.media import FOLDER
from airflow_twitter.publishing.records import Records


def clean_media(store: Store, *, now: datetime, keep_s: float, dry_run: bool = False) -> list[str]:
    """Remove what lies in media/ and was last written over `keep_s` seconds ago; return the keys.

    Pictures and notes made from videos go by the same time. What a post that is not over may still need stays. With
    `dry_run` nothing is removed. A post that is prepared again later brings its video anew.
    """
    before = now - timedelta(seconds=keep_s)
    old = [key for key in store.list(FOLDER) if store.modified_at(key) < before]
    if not old:
        return []
    needed = _needed(Records(store))
    removed = [key for key in old if not any(sha256 in key for sha256 in needed)]
    if not dry_run:
        for key in removed:
            store.delete(key)
    return removed


def _needed(records: Records) -> set[str]:
    """Return the hashes of what posts that are not over need: videos, their originals, captions."""
    needed: set[str] = set()
    for record in records.all():
        if not record.state.over and record.content.media_sha256:
            needed.add(record.content.media_sha256)
            if record.content.captions:
                needed.add(record.content.captions.sha256)
            video = record.details.get("video")
            if isinstance(video, dict) and video.get("original"):
                needed.add(str(video["original"]))
    return needed
