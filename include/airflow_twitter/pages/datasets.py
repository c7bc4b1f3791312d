"""What the data folder holds of each keyword, told without reading more than a little of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from airflow_twitter.posts import coverage, dataset
from airflow_twitter.posts.coverage import CoveredWindow, Interval, Query
from airflow_twitter.posts.export import export_key
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.verification import Verified

EXACT_BYTES, EXACT_FILES = 1024 * 1024, 40
"""Up to these the posts of a dataset are counted; beyond them their number is estimated."""

SAMPLE_BYTES = 256 * 1024

_DAY = re.compile(r"(\d{4}-\d\d-\d\d|undated)\.jsonl")
SLUG = re.compile(r"[a-z0-9_-]{1,64}")


@dataclass(frozen=True)
class QueryCoverage:
    """What is known of one query of a keyword.

    `short` are the complete windows that hold fewer posts than X counted in them, newest first, those left out that
    were compared again and agree.
    """

    slug: str
    query: str
    endpoint: str
    dag_ids: frozenset[str]
    last: CoveredWindow | None
    newest_complete: CoveredWindow | None
    gaps: list[Interval]
    partial: list[CoveredWindow]
    short: list[CoveredWindow]


@dataclass(frozen=True)
class Dataset:
    """The size of a keyword's dataset. `posts` is a count when `exact`, else an estimate; days are UTC.

    `export` names the one file for people, None when there is none.
    """

    posts: int
    exact: bool
    size: int
    oldest_day: str | None
    newest_day: str | None
    export: str | None


def read_coverage(store: Store) -> tuple[list[QueryCoverage], list[tuple[str, str]]]:
    """Return the coverage of every query of every keyword, and (slug, key) of the files that cannot be read."""
    queries, unreadable = coverage.queries(store)
    return list(map(summarise, queries)), unreadable


def summarise(held: Query) -> QueryCoverage:
    """Return what is recorded of a query, without the complete windows that tell nothing more."""
    complete = [window for window in held.windows if window.state == "complete"]
    return QueryCoverage(
        slug=held.slug,
        query=held.query,
        endpoint=held.endpoint,
        # A block of joined windows has lost the names of its runs.
        dag_ids=frozenset(window.dag_id for window in held.windows if window.dag_id),
        last=max(held.windows, key=lambda window: window.recorded_at, default=None),
        newest_complete=max(complete, key=lambda window: window.until, default=None),
        gaps=coverage.gaps(held.windows),
        partial=coverage.still_partial(held.windows),
        short=_short(complete),
    )


def _short(complete: list[CoveredWindow]) -> list[CoveredWindow]:
    """Return the windows whose newest comparison with X's counts tells that posts are missing, newest first."""
    compared = {(window.since, window.until): window for window in complete if window.counted is not None}
    short = [window for window in compared.values() if not _agrees(window)]
    return sorted(short, key=lambda window: window.until, reverse=True)


def _agrees(window: CoveredWindow) -> bool:
    return Verified(counted=window.counted or 0, stored=window.stored or 0).agrees


def read_dataset(store: Store, slug: str) -> Dataset:
    """Return the size of a keyword's dataset; raises StoreError when its folder leads out of the data folder."""
    sizes = _day_sizes(store, slug)
    days = sorted(sizes.keys() - {"undated"})
    size = sum(sizes.values())
    exact = size <= EXACT_BYTES and len(sizes) <= EXACT_FILES
    export = export_key(slug)
    return Dataset(
        posts=dataset.count(store, slug) if exact else _estimate(store, slug, sizes),
        exact=exact,
        size=size,
        oldest_day=days[0] if days else None,
        newest_day=days[-1] if days else None,
        export=export if store.exists(export) else None,
    )


def _day_sizes(store: Store, slug: str) -> dict[str, int]:
    """Return the size of each day file in bytes; asks the folder once, for there may be thousands."""
    try:
        with os.scandir(store.url(f"posts/{slug}")) as entries:
            return {
                entry.name.removesuffix(".jsonl"): entry.stat().st_size
                for entry in entries
                if _DAY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
            }
    except FileNotFoundError:
        return {}


def _estimate(store: Store, slug: str, sizes: dict[str, int]) -> int:
    """Return about how many posts there are, to two digits, by the length of some in the largest file."""
    largest = max(sizes, key=lambda day: sizes[day])
    with store.open(f"posts/{slug}/{largest}.jsonl") as file:
        sample = file.read(SAMPLE_BYTES)
    posts = sum(sizes.values()) * max(1, sample.count(b"\n")) / max(1, len(sample))
    return int(float(f"{posts:.1e}"))
