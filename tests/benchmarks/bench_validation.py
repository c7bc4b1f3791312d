"""Page bytes to validated posts with quarantine, against a bare json.loads of the same pages."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

from harness import PostMaker, Row, in_rounds, post_ids

from airflow_twitter.posts.quarantine import quarantine_line
from airflow_twitter.posts.validation import validate_page

PAGES = 60
PAGE_POSTS = 100
BOUND = 0.7


def run() -> list[Row]:
    """Measure posts as X sends them, and posts with all letters escaped."""
    return [
        _measure("validate pages", escaped=False),
        _measure("validate pages, all letters escaped as \\uXXXX", escaped=True),
    ]


def _measure(name: str, *, escaped: bool) -> Row:
    pages = _pages(escaped)
    size = sum(map(len, pages)) / (PAGES * PAGE_POSTS)
    rounds = in_rounds(
        {"json": _timed(lambda: _load(pages)), "ours": _timed(lambda: _validate(pages))}, runs=5
    )
    posts = PAGES * PAGE_POSTS
    return Row(
        name,
        rounds.ratio("ours", "json"),
        BOUND,
        "x of json.loads",
        f"{posts:,} posts of {size:,.0f} bytes, one in {PAGE_POSTS} bad: {posts / rounds.median('ours'):,.0f} "
        f"posts a second, json.loads {posts / rounds.median('json'):,.0f}",
    )


def _pages(escaped: bool) -> list[bytes]:
    maker = PostMaker(escaped=escaped)
    (_, ids), *_ = post_ids(datetime(2026, 11, 1, tzinfo=UTC), 1, PAGES * PAGE_POSTS)
    ids.reverse()
    pages = [maker.page(ids[start : start + PAGE_POSTS]) for start in range(0, len(ids), PAGE_POSTS)]
    return [page.replace(b'"text":"', b'"text":null,"x":"', 1) for page in pages]


def _load(pages: list[bytes]) -> None:
    for page in pages:
        json.loads(page)


def _validate(pages: list[bytes]) -> None:
    good = bad = 0
    for number, body in enumerate(pages, 1):
        page = validate_page(body, fetched_at="2026-11-22T08:00:00Z", run_id="scheduled__2026", page=number)
        good += len(page.good)
        bad += len([quarantine_line(each) for each in page.bad])
    if (good, bad) != (PAGES * (PAGE_POSTS - 1), PAGES):
        raise RuntimeError(f"{good} good and {bad} bad posts are not what was made")


def _timed(work: Callable[[], None]) -> Callable[[], float]:
    def measure() -> float:
        gc.collect()
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return measure
