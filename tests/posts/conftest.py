"""What the tests of the posts share: a store in a temporary folder, and posts made up for a moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from airflow_twitter.posts.lines import Post, post_day
from airflow_twitter.posts.store import Store

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657

MakePost = Callable[..., Post]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store in an empty folder."""
    return Store(tmp_path / "data")


@pytest.fixture
def id_at() -> Callable[..., int]:
    """Return a function that makes the id of the nth post of a moment."""

    def make(moment: str, number: int = 0) -> int:
        milliseconds = int(datetime.fromisoformat(moment).timestamp() * 1000)
        return (milliseconds - SNOWFLAKE_EPOCH_MS << 22) + number

    return make


@pytest.fixture
def make_post(id_at: Callable[..., int]) -> MakePost:
    """Return a function that makes a post ready to be merged, by id or by moment."""

    def make(at: int | str, seen: str = "2026-11-22T08:00:00.000000Z", text: str = "a text") -> Post:
        number = at if isinstance(at, int) else id_at(at)
        content = {"id": str(number), "text": text, "_fetched_at": seen, "_run_id": "a run", "_page": 1}
        line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        return Post(number, post_day(number), line)

    return make
