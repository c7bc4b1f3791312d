"""Which windows of a query are known, in whole or in part: coverage/<slug>/<fingerprint>.json.

Pages come newest first, so that a run that ended early leaves a hole below its oldest post: what is new since
last time begins at the end of the contiguous coverage, never at the newest post of the dataset. Intervals are
half-open.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from airflow_twitter.posts.keys import WithMend
from airflow_twitter.posts.store import Store, StoreError

log = logging.getLogger(__name__)

MAX_RUNS = 1000
_KEY = re.compile(r"coverage/([a-z0-9_-]{1,64})/([0-9a-f]{16})\.json")


class CoverageError(WithMend):
    """Report a coverage file that cannot be read."""


Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Interval = tuple[datetime, datetime]


class CoveredWindow(msgspec.Struct, frozen=True, kw_only=True):
    """What one run did of one window, [since, until), both aware.

    `counted` is how many posts X counted in it and `stored` how many the dataset held of it then, None when X was not
    asked.

    `state` is "complete" when its last page is in, else "partial": then `next_token` asks for the next page,
    `reason` is why it was not asked for in one word (partial.Partial), and `why` in a sentence. `clear_number` is
    how often the run had been cleared when its pages were fetched, `continues` the run of the same DAG that it went on
    with.
    """

    since: Moment
    until: Moment
    state: Literal["complete", "partial"]
    next_token: str | None = None
    reason: str | None = None
    why: str | None = None
    posts: int = 0
    counted: int | None = None
    stored: int | None = None
    pages: int = 0
    dag_id: str
    run_id: str
    continues: str | None = None
    clear_number: int = 0
    recorded_at: Moment

    def __post_init__(self) -> None:
        for moment in (self.since, self.until, self.recorded_at):
            if moment.tzinfo is None:
                raise ValueError(f"{moment.isoformat()} has no time zone")
        if self.until < self.since:
            raise ValueError(f"a window cannot end at {self.until.isoformat()}, before its start")


class _CoverageFile(msgspec.Struct):
    query: str
    endpoint: str
    windows: list[CoveredWindow] = []


@dataclass(frozen=True)
class Query:
    """What is recorded of one query of a keyword, oldest record first."""

    slug: str
    fingerprint: str
    query: str
    endpoint: str
    windows: list[CoveredWindow]


def fingerprint(query: str, endpoint: str) -> str:
    """Return 16 hexadecimal digits that tell queries (as sent, language included) and endpoints apart."""
    return hashlib.sha256(f"{endpoint}\n{query}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def coverage_key(slug: str, fingerprint: str) -> str:
    """Return where the coverage of a query lies."""
    return f"coverage/{slug}/{fingerprint}.json"


def record(
    store: Store, slug: str, query: str, endpoint: str, window: CoveredWindow, *, lock_timeout_s: float = 60.0
) -> None:
    """Record what a run did of its window, in place of what was recorded of that run before.

    A damaged file is kept aside first. Beyond 1000 runs the oldest complete windows are joined to blocks,
    without their run ids. Raises LockTimeout.
    """
    key = coverage_key(slug, fingerprint(query, endpoint))
    with store.lock(key, lock_timeout_s):
        held = _read_or_set_aside(store, key)
        kept = [entry for entry in held.windows if _run(entry) != _run(window)] if held else []
        windows = _compacted([*kept, window])
        content = msgspec.json.encode(_CoverageFile(query=query, endpoint=endpoint, windows=windows))
        store.put(key, msgspec.json.format(content, indent=2) + b"\n")


def queries(store: Store) -> tuple[list[Query], list[tuple[str, str]]]:
    """Return every query of every keyword, and (slug, key) of the coverage files that cannot be read."""
    read, unreadable = [], []
    for key in store.list("coverage"):
        match = _KEY.fullmatch(key)
        if match is None:
            continue
        try:
            held = msgspec.json.decode(store.read(key), type=_CoverageFile)
        except (OSError, StoreError, ValueError, RecursionError):
            unreadable.append((match[1], key))
        else:
            read.append(Query(match[1], match[2], held.query, held.endpoint, held.windows))
    return read, unreadable


def windows(store: Store, slug: str, fingerprint: str) -> list[CoveredWindow]:
    """Return what is recorded of a query, oldest record first; raises CoverageError when it is damaged."""
    held = _read(store, coverage_key(slug, fingerprint))
    return held.windows if held else []


def find_run(store: Store, slug: str, fingerprint: str, dag_id: str, run_id: str) -> CoveredWindow | None:
    """Return what a run recorded of its window, if it did."""
    found = [entry for entry in windows(store, slug, fingerprint) if _run(entry) == (dag_id, run_id)]
    return found[-1] if found else None


def covered(windows: Iterable[CoveredWindow]) -> list[Interval]:
    """Return the blocks that complete windows cover together, oldest first."""
    return _joined((window.since, window.until) for window in windows if window.state == "complete")


def contiguous_end(windows: Iterable[CoveredWindow]) -> datetime | None:
    """Return the end of the newest block of complete windows: what is new since last time begins here."""
    blocks = covered(windows)
    return blocks[-1][1] if blocks else None


def gaps(windows: Iterable[CoveredWindow]) -> list[Interval]:
    """Return the holes between the blocks, oldest first."""
    blocks = covered(windows)
    return [(before[1], after[0]) for before, after in pairwise(blocks)]


def still_partial(windows: Iterable[CoveredWindow]) -> list[CoveredWindow]:
    """Return the partial windows that complete ones do not cover, newest record first.

    One that was gone on with to its end is not partial any more, even where X no longer reached its beginning by then.
    """
    windows = list(windows)
    if all(window.state == "complete" for window in windows):
        return []
    blocks, ended = covered(windows), _ended(windows)
    left = [
        window
        for window in windows
        if window.state == "partial"
        and not lies_in(blocks, window.since, window.until)
        and _run(window) not in ended
    ]
    return sorted(left, key=lambda window: window.recorded_at, reverse=True)


def lies_in(blocks: Iterable[Interval], since: datetime, until: datetime) -> bool:
    """Tell whether one of the blocks holds all of a span."""
    return any(begin <= since and until <= end for begin, end in blocks)


def _ended(windows: Iterable[CoveredWindow]) -> set[tuple[str, str]]:
    """Return the runs that others went on with until one was complete."""
    by_run = {_run(window): window for window in windows}
    ended: set[tuple[str, str]] = set()
    for window in by_run.values():
        last: CoveredWindow | None = window if window.state == "complete" else None
        while last is not None and last.continues and (key := (last.dag_id, last.continues)) not in ended:
            ended.add(key)
            last = by_run.get(key)
    return ended


def _run(window: CoveredWindow) -> tuple[str, str]:
    return window.dag_id, window.run_id


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    blocks: list[Interval] = []
    for since, until in sorted(intervals):
        if blocks and since <= blocks[-1][1]:
            blocks[-1] = (blocks[-1][0], max(until, blocks[-1][1]))
        elif since < until:
            blocks.append((since, until))
    return blocks


def _compacted(entries: list[CoveredWindow]) -> list[CoveredWindow]:
    """Join the oldest complete windows to blocks when there are too many; partial ones stay unless others ended them."""
    if len(entries) <= MAX_RUNS:
        return entries
    old, recent = entries[: -MAX_RUNS // 2], entries[-MAX_RUNS // 2 :]
    recorded_at = old[-1].recorded_at
    blocks = [
        CoveredWindow(
            since=since, until=until, state="complete", dag_id="", run_id="", recorded_at=recorded_at
        )
        for since, until in covered(old)
    ]
    ended = _ended(entries)
    partial = [entry for entry in old if entry.state == "partial" and _run(entry) not in ended]
    return blocks + partial[-MAX_RUNS // 4 :] + recent


def _read(store: Store, key: str) -> _CoverageFile | None:
    try:
        return msgspec.json.decode(store.read(key), type=_CoverageFile)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise CoverageError(
            f"{store.url(key)} is damaged ({error}), so that nobody knows what was bought.",
            "Repair it, or rename it to begin anew.",
        ) from None


def _read_or_set_aside(store: Store, key: str) -> _CoverageFile | None:
    try:
        return _read(store, key)
    except CoverageError as error:
        log.error("%s It was kept as %s; what is known begins anew.", error, store.set_aside(key))
        return None
