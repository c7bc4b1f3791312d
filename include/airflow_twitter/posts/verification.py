"""Whether a complete window holds as many posts as X counts in it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from airflow_twitter.posts import dataset
from airflow_twitter.posts.bounds import line_pieces
from airflow_twitter.posts.lines import UNDATED, id_time, line_decoder
from airflow_twitter.posts.staging import Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.times import Moment

TOLERANCE = 0.01
"""The share of posts that may be missing without a warning: X's counts and its searches need not agree to the last
post, and some are deleted between the two (docs.x.com/x-api/posts/counts/introduction)."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What X counted in a span [since, until), and when it said so (UTC text).

    With a `next_token` that is what it has counted so far.
    """

    since: Moment
    until: Moment
    posts: int
    at: str
    next_token: str | None = None


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What X counted in a span, and how many posts the dataset holds of it, those of other queries included."""

    counted: int
    stored: int

    @property
    def missing(self) -> int:
        """How many posts are missing; 0 when there are as many, or more."""
        return max(0, self.counted - self.stored)

    @property
    def agrees(self) -> bool:
        """Tell whether no more are missing than deletions explain: one in a hundred, and always one."""
        return self.missing <= max(1, self.counted * TOLERANCE)

    def __str__(self) -> str:
        told = f"X counts {self.counted} posts in this window, {self.stored} are stored"
        if self.agrees:
            return f"{told}."
        return (
            f"{told}: {self.missing} are missing. They may be in quarantine, have been deleted in between, or have been "
            "indexed late: run the window again with refetch."
        )


def read_counted(staging: Staging) -> Counted | None:
    """Return what X counted for a run; None when it was not asked to the end."""
    counted = read_counting(staging)
    return counted if counted is not None and counted.next_token is None else None


def read_counting(staging: Staging) -> Counted | None:
    """Return what X has counted for a run so far; None when it was not asked."""
    try:
        return msgspec.json.decode(staging.store.read(_key(staging)), type=Counted)
    except (OSError, ValueError, RecursionError):
        return None


def write_counted(staging: Staging, counted: Counted) -> None:
    """Keep what X counted for a run."""
    staging.store.put(_key(staging), msgspec.json.encode(counted) + b"\n")


def verify(store: Store, slug: str, counted: Counted) -> Verified:
    """Count what is stored of the span; costs what its days hold."""
    return Verified(counted=counted.posts, stored=stored(store, slug, counted.since, counted.until))


def stored(store: Store, slug: str, since: datetime, until: datetime) -> int:
    """Return how many posts of a span the dataset holds, by the times of their ids."""
    first, last = f"{since:%Y-%m-%d}", f"{until - timedelta(microseconds=1):%Y-%m-%d}"
    total = 0
    for key in dataset.segments(store, f"posts/{slug}"):
        day = key.rpartition("/")[2].removesuffix(".jsonl")
        if day != UNDATED and first <= day <= last:
            with store.open(key) as file:
                total += sum(_lies_in(line, since, until) for line in line_pieces(file))
    return total


def _lies_in(line: bytes, since: datetime, until: datetime) -> bool:
    try:
        made = id_time(line_decoder.decode(line).number)
    except (ValueError, RecursionError):
        return False
    return made is not None and since <= made < until and b'"_withdrawn":' not in line


def _key(staging: Staging) -> str:
    return f"{staging.folder}/counted.json"
