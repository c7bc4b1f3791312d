"""Videos are kept as long as a post may need them, and for a while after that."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.media import keep
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.retention import clean_media
from airflow_twitter.publishing.states import PostState

DAY_S = 86_400.0


@pytest.fixture
def video(records: Records, store: Store, clock: Any) -> str:
    """Return the key of a 40 days old video with its picture, of the post `first`."""
    stored = keep(store, [b"a video"])
    original = keep(store, [b"its original"])
    store.put(f"media/frames/{stored.sha256}.jpg", b"a picture")
    details = {"video": {"original": original.sha256}}
    records.open("acme", "first", Content(text="t", media_sha256=stored.sha256), details=details)
    for key in store.list("media"):
        at = (clock() - timedelta(days=40)).timestamp()
        os.utime(store.url(key), (at, at))
    keep(store, [b"a new video"])
    return stored.key


@pytest.mark.parametrize("state", PostState)
def test_video_goes_when_its_post_is_over(
    records: Records, store: Store, clock: Any, video: str, state: PostState
) -> None:
    """Of a post that is over, video, original and picture go after their time; of any other nothing does."""
    records.note("acme", "first", state, "So it is.")
    told = clean_media(store, now=clock(), keep_s=30 * DAY_S, dry_run=True)
    assert store.exists(video)
    assert clean_media(store, now=clock(), keep_s=30 * DAY_S) == told
    assert len(told) == (3 if state.over else 0)
    assert store.exists(video) is not state.over
    assert len(store.list("media")) == (1 if state.over else 4)


def test_young_files_stay(records: Records, store: Store, clock: Any, video: str) -> None:
    """Before its time nothing goes."""
    records.note("acme", "first", PostState.POSTED, "Out.")
    assert clean_media(store, now=clock(), keep_s=50 * DAY_S) == []
