"""The dataset of a keyword: a union of posts by id, in one sorted file per UTC day.

    posts/<slug>/<YYYY-MM-DD>.jsonl           posts, by day
    includes/<slug>/<kind>/<YYYY-MM>.jsonl    authors (users), media, and posts referred to (posts), by month

A merge rewrites only the days in which something changes, each atomically. Being a union, a merge that was
torn between two days is healed by running it again, and running it twice changes nothing.
"""

from __future__ import annotations

import io
import itertools
import logging
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO

from airflow_twitter.posts.lines import Line, Portion, Post, portions, united
from airflow_twitter.posts.segments import DamagedSegment, Index, SegmentMerge, salvage
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.withdrawn import without_withdrawn

log = logging.getLogger(__name__)

# Lines that are gathered at most: before days that are complete are merged, before any day is. Besides, MERGERS
# days are being merged.
EARLY_BYTES = 16 * 1024 * 1024
BATCH_BYTES = 96 * 1024 * 1024
MERGERS = 2
INCLUDE_KINDS = ("users", "media", "posts")

_SEGMENT = re.compile(r"(\d{4}-\d\d(-\d\d)?|undated)\.jsonl")


@dataclass
class MergeResult:
    """What a merge did, in posts: `days` were rewritten, `total_in_days` counts all posts of all days read.

    `damaged` are the keys under which damaged day files were kept, `lost_lines` counts what was unreadable in
    them. A post that comes again in a later batch of one large merge counts there once more, as unchanged or
    updated.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    days: list[str] = field(default_factory=list)
    total_in_days: int = 0
    damaged: list[str] = field(default_factory=list)
    lost_lines: int = 0

    def add(self, other: MergeResult) -> None:
        """Add the counts of another result, except `total_in_days`."""
        self.new += other.new
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.days += other.days
        self.damaged += other.damaged
        self.lost_lines += other.lost_lines


def merge(store: Store, slug: str, posts: Iterable[Post], *, lock_timeout_s: float = 60.0) -> MergeResult:
    """Unite posts, in any order, with the dataset of `slug`; the newest `_fetched_at` of an id stays.

    Memory is bounded by about 300 MB, whatever the size of the posts and of the dataset; time follows the
    days that are touched. A damaged day file is kept aside, logged as an error, and what can be read of it
    goes into the new file. Raises LockTimeout when another process holds the dataset for longer than
    `lock_timeout_s`; then run it again, which is harmless at any time.
    """
    result = _merge(store, f"posts/{slug}", slug, posts, lock_timeout_s)
    log.info(
        "Merged into posts/%s: %s new, %s updated and %s unchanged posts, %s days rewritten",
        slug, result.new, result.updated, result.unchanged, len(result.days),
    )  # fmt: skip
    return result


def merge_includes(
    store: Store, slug: str, kind: str, records: Iterable[Post], *, lock_timeout_s: float = 60.0
) -> MergeResult:
    """Unite included objects of one kind ("users", "media", "posts") with those kept beside the dataset.

    Works and raises like merge, and ValueError for another kind.
    """
    if kind not in INCLUDE_KINDS:
        raise ValueError(f"{kind!r} is no kind of included objects: {', '.join(INCLUDE_KINDS)}")
    return _merge(store, f"includes/{slug}/{kind}", slug, records, lock_timeout_s)


def lock(store: Store, slug: str, timeout_s: float = 60.0) -> AbstractContextManager[None]:
    """Hold the dataset of `slug`; everything that writes it does so under this lock. Raises LockTimeout."""
    return store.lock(f"posts/{slug}", timeout_s)


def segments(store: Store, folder: str) -> list[str]:
    """Return the keys of the files of a dataset folder in the order of their ids."""
    keys = [key for key in store.list(folder) if _SEGMENT.fullmatch(key[len(folder) + 1 :])]
    return sorted(keys, key=lambda key: (not key.endswith("/undated.jsonl"), key))


def count(store: Store, slug: str) -> int:
    """Return the number of posts in the dataset of `slug`, by reading it."""
    total = 0
    for key in segments(store, f"posts/{slug}"):
        with store.open(key) as file:
            while block := file.read(1 << 20):
                total += block.count(b"\n")
    return total


def repair(store: Store, key: str) -> tuple[str, int]:
    """Keep a damaged file aside and put its readable lines, sorted, in its place; the caller holds the lock.

    Returns the key under which the original was kept, and how many lines were lost.
    """
    result = MergeResult()
    _merge_into_damaged(store, key, {}, "found when it was read", result)
    return result.damaged[0], result.lost_lines


def _merge(store: Store, folder: str, slug: str, posts: Iterable[Post], lock_timeout_s: float) -> MergeResult:
    result = MergeResult()
    totals: dict[str, int] = {}
    running: dict[str, Future[MergeResult]] = {}

    def finish(day: str) -> None:
        part = running.pop(day).result()
        totals[day] = part.total_in_days
        result.add(part)

    _keep_freed_memory()
    # Two days at a time: one is written and synced by the system while Python merges the other.
    with lock(store, slug, lock_timeout_s), ThreadPoolExecutor(MERGERS, thread_name_prefix="merge") as pool:
        store.clean(folder)
        for day, lines in _by_day(posts):
            if day in running:
                finish(day)
            elif len(running) >= MERGERS:
                finish(next(iter(running)))
            running[day] = pool.submit(_merge_segment, store, f"{folder}/{day}.jsonl", day, lines)
        for day in list(running):
            finish(day)
    result.days = sorted(set(result.days))
    result.total_in_days = sum(totals.values())
    return result


def _keep_freed_memory() -> None:
    """Have the C library keep the memory of one day's lines for the next day's, where that is glibc.

    It does so below the size of the largest block that was ever freed (M_MMAP_THRESHOLD in mallopt(3)); otherwise
    a tenth of a large merge is spent on getting the same memory from the system again and again.
    """
    bytes(8 * 1024 * 1024)


def _by_day(posts: Iterable[Post]) -> Iterator[Portion]:
    """Gather posts by day and yield the days that are complete, as far as can be told.

    X sends posts in the order of time: when another day has begun, the days before are complete. Should one come
    again, more is gathered from then on, since each yield costs that a file is written.
    """
    days: dict[str, dict[int, Line]] = {}
    given: set[str] = set()
    size, limit = 0, EARLY_BYTES
    for day, lines in portions(posts):
        size += sum(map(len, lines.values()))
        held = days.setdefault(day, {})
        if held.keys().isdisjoint(lines):
            held.update(lines)
        else:
            united(held, lines.items())
        if day in given:
            limit = BATCH_BYTES
        if size >= limit and (len(days) > 1 or size >= BATCH_BYTES):
            kept = {day: days.pop(day)} if len(days) > 1 else {}
            yield from sorted(days.items())
            given.update(days)
            days, size = kept, sum(len(line) for lines in kept.values() for line in lines.values())
    yield from sorted(days.items())


def _merge_segment(store: Store, key: str, day: str, incoming: dict[int, Line]) -> MergeResult:
    """Merge into one file."""
    incoming = without_withdrawn(store, key, incoming)
    held = store.recall(key)
    index = None if held is None else Index.from_bytes(held)
    part = MergeResult()
    try:
        with _open_or_empty(store, key) as existing:
            merge_ = SegmentMerge(existing, incoming, index)
            changed = _write(store, key, merge_)
    except DamagedSegment as damage:
        merge_ = _merge_into_damaged(store, key, incoming, str(damage), part)
        changed = True
    if changed or index is None:
        store.remember(key, merge_.merged.to_bytes())
    part.new, part.updated, part.unchanged = merge_.new, merge_.updated, merge_.unchanged
    part.days = [day] if changed else []
    part.total_in_days = merge_.total
    return part


def _merge_into_damaged(
    store: Store, key: str, incoming: dict[int, Line], reason: str, result: MergeResult
) -> SegmentMerge:
    with store.open(key) as file:
        readable, lost = salvage(file)
    # The damaged file also stays under its name until the new one replaces it: a crash here loses nothing.
    aside = store.set_aside(key, keep=True)
    log.error(
        "%s is damaged (%s). It was kept as %s; %s lines were read from it and %s are lost.",
        store.url(key), reason, aside.rpartition("/")[2], len(readable), lost,
    )  # fmt: skip
    result.damaged.append(aside)
    result.lost_lines += lost
    whole = b"".join(map(readable.__getitem__, sorted(readable)))
    merge_ = SegmentMerge(io.BytesIO(whole), incoming, rewrite=True)
    if not _write(store, key, merge_):
        store.delete(key)  # nothing in it was readable, and nothing is new
    return merge_


def _write(store: Store, key: str, merge_: SegmentMerge) -> bool:
    """Write the merged file unless nothing changed; tell whether it was written."""
    blocks = merge_.blocks()
    first = next(blocks, None)
    if first is not None:
        store.put(key, itertools.chain((first,), blocks))
    return first is not None


def _open_or_empty(store: Store, key: str) -> AbstractContextManager[BinaryIO]:
    try:
        return store.open(key)
    except FileNotFoundError:
        return io.BytesIO()
