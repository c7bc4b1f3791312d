"""What it costs to note every purchase, and to keep every page, before the next is asked for.

A search walks through a window of full pages, of which the simulator answers each after 0.3 seconds, as X does; the time
spent in the ledger and in committing pages is taken from inside. The ledger alone is measured with a day that is empty,
and with one in which 100,000 posts were bought before.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from harness import Rounds, Row, in_rounds, workspace

sys.path.append(str(Path(__file__).parents[2]))

from tests.airflow_in_memory import Airflow

from airflow_twitter.posts.staging import Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Rule, Simulator, Topic, World
from airflow_twitter.spending.budgets import Budgets
from airflow_twitter.spending.ledger import Ledger, Purchase

ANSWER_S = 0.3
PAGES, PAGE_POSTS = 30, 100
PACE_S = 2.0
"""X's limit of 450 requests in 15 minutes gives each page so long."""

SHARE_BOUND = 0.1
PACE_BOUND = 0.02
GROWTH_BOUND = 1.5
BEFORE = 1000
BATCH = 60
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
BUDGETS = Budgets(run=10_000.0, day=10_000.0, month=10_000.0)


def run() -> list[Row]:
    """Measure a search from inside, and the ledger alone."""
    whole, spent = _search()
    ledger, commit = spent.median("ledger"), spent.median("commit")
    alone = _ledger_alone()
    per_page = (ledger + commit) / PAGES
    return [
        Row(
            "ledger and committed pages",
            (ledger + commit) / whole,
            SHARE_BOUND,
            "of a search",
            f"{PAGES} pages of {PAGE_POSTS} posts, each answered in {ANSWER_S:g} s: {whole:.2f} s, of which the ledger "
            f"{1000 * ledger / PAGES:.1f} ms and the commit {1000 * commit / PAGES:.1f} ms a page, synced to disk",
        ),
        Row(
            "the same",
            per_page / PACE_S,
            PACE_BOUND,
            "of the time that X's limit gives a page",
            f"{1000 * per_page:.1f} ms of {PACE_S:g} s",
        ),
        Row(
            "ledger of a full day",
            alone.ratio("full", "empty"),
            GROWTH_BOUND,
            "x of an empty one",
            f"{BATCH} pages into a day with {BEFORE * PAGE_POSTS:,} posts: {1000 * alone.median('full') / BATCH:.1f} ms "
            f"a page, empty {1000 * alone.median('empty') / BATCH:.1f} ms; reserved, noted, synced, with three budgets",
        ),
    ]


def _search() -> tuple[float, Rounds]:
    """Return the seconds of the median search, and those that it spent in the ledger and in committing."""
    walls: list[float] = []
    values: dict[str, list[float]] = {"ledger": [], "commit": []}
    slow = Rule(endpoint="search_recent", fault="slow", params={"delay_s": ANSWER_S})
    world = World(topics={"invoice": Topic(total=PAGES * PAGE_POSTS)})
    for _ in range(3):
        with (
            workspace() as folder,
            Simulator(world=world, rules=[slow]) as simulator,
            _airflow(folder, simulator) as airflow,
        ):
            seconds = dict.fromkeys(values, 0.0)
            with _timed(seconds):
                start = time.perf_counter()
                airflow.search({"keyword": "invoice", "max_results": PAGE_POSTS})
                walls.append(time.perf_counter() - start)
            if len(simulator.book.sold) != PAGES * PAGE_POSTS:
                raise RuntimeError(f"{len(simulator.book.sold)} posts were bought")
        for name, value in seconds.items():
            values[name].append(value)
    return sorted(walls)[1], Rounds(values)


@contextmanager
def _airflow(folder: Path, simulator: Simulator) -> Iterator[Airflow]:
    connection = {"conn_type": "twitter", "host": simulator.url, "login": "key", "password": "secret"}
    env = {"TWITTER_DATA": str(folder), "AIRFLOW_CONN_TWITTER_DEFAULT": json.dumps(connection)}
    settings = folder / "spending.yaml"
    settings.write_text("budgets: {twitter_default: {run: 10000, day: 10000, month: 10000}}\n")
    with patch.dict(os.environ, {**env, "TWITTER_SPENDING": str(settings)}):
        yield Airflow()


@contextmanager
def _timed(seconds: dict[str, float]) -> Iterator[None]:
    """Add up the time spent in the outermost calls of each kind."""

    def timed(method: Callable[..., Any], kind: str) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                seconds[kind] += time.perf_counter() - start

        return call

    with ExitStack() as stack:
        for owner, names, kind in (
            (Ledger, ("record", "reserve", "release", "knows", "spent", "day", "month"), "ledger"),
            (Staging, ("commit",), "commit"),
        ):
            for name in names:
                method = getattr(owner, name)
                # reserve calls spent, and month calls between: only what a search calls itself counts.
                wrapped = method if name == "spent" else timed(method, kind)
                stack.enter_context(patch.object(owner, name, wrapped))
        yield


def _ledger_alone() -> Rounds:
    with workspace() as folder:
        full = Store(folder / "full")
        _buy(full, BEFORE, "before")
        turn = iter(range(1000))

        def empty() -> float:
            return _buy(Store(folder / f"empty{next(turn)}"), BATCH, "page")

        def into_full() -> float:
            return _buy(full, BATCH, f"page{next(turn)}")

        return in_rounds({"empty": empty, "full": into_full}, runs=5)


def _buy(store: Store, pages: int, name: str) -> float:
    """Reserve and note so many pages, as one run of its own; return the seconds, without the first page's.

    The first one reads what the day holds.
    """
    ledger = Ledger(store, "twitter_default")
    start = 0.0
    for number in range(pages + 1):
        if number == 1:
            start = time.perf_counter()
        key = f"dag/run/0/{name}-{number}"
        held = ledger.reserve(
            key, run=name, units={"post_read": PAGE_POSTS}, at=NOON, budgets=BUDGETS, since=NOON
        )
        ids = [f"21273{name}{number:06}{post:03}" for post in range(PAGE_POSTS)]
        ledger.record(Purchase(key=key, run=name, at=NOON, items={"post_read": ids}), held)
    return time.perf_counter() - start
