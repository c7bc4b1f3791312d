"""What the check of a list found out about a post's video, kept for the run that then prepares the post.

So that what goes out is what was checked, byte for byte, though the file may have been replaced or removed since;
and nothing is fetched and decoded twice. What is missing here, or was checked for another wish, is brought anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.media import FOLDER, media_file

_WISH = ("account", "video", "fit_video", "target_size_mb", "captions", "captions_language")


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a post's video and captions, as JSON values; None for what it has not."""

    video: dict[str, Any] | None = None
    captions: dict[str, Any] | None = None


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    wish: str
    brought: Brought


def keep_checked(store: Store, key: str, post: Mapping[str, Any], brought: Brought) -> None:
    """Keep what was found out for the post that the run `key` of ``twitter_publish`` will prepare."""
    store.put(_note(key), msgspec.json.encode(_Note(wish=_wish(post), brought=brought)))


def find_checked(store: Store, key: str, post: Mapping[str, Any]) -> Brought | None:
    """Return what was found out for the post of a run, None when that is not known, or gone by now."""
    try:
        note = msgspec.json.decode(store.read(_note(key)), type=_Note)
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    parts = [part for part in (note.brought.video, note.brought.captions) if part is not None]
    if note.wish != _wish(post) or not all(store.exists(media_file(str(part["sha256"]))) for part in parts):
        return None
    for part in parts:
        store.renew(media_file(str(part["sha256"])))
    return note.brought


def _wish(post: Mapping[str, Any]) -> str:
    """Return a name for what is wished, which does not give its addresses away."""
    return hashlib.sha256(msgspec.json.encode([post[name] for name in _WISH])).hexdigest()


def _note(key: str) -> str:
    return f"{FOLDER}/checked/{safe_segment(key)}.json"
