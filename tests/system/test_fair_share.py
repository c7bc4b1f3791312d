"""Twenty keywords on one app, two of them large, under a real scheduler: how its request windows are shared.

The simulator's book is the truth. In it a window begins with the first request after the last one ended.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from real_airflow import RealAirflow

from airflow_twitter.simulator import Simulator, Topic, World
from local_airflow.account import as_json

pytestmark = [pytest.mark.system, pytest.mark.scheduler, pytest.mark.timeout(600)]

LIMIT = 40
WINDOW_S = 50.0
"""Long enough for twenty searches to begin one after the other, on a busy machine too."""
UNUSED_MAX = 4
"""Requests that a window may leave unused while pages are left: a tenth."""
PAGE = 10
LARGE, SMALL = 50, 1
"""Pages that a large and a small keyword has."""
KEYWORDS = {f"large{at}": LARGE for at in range(2)} | {f"small{at:02d}": SMALL for at in range(18)}
SLEPT_S = 10.0
"""Waits up to this are slept in the task."""


@dataclass(frozen=True)
class Window:
    """A window of the book: when it begins and ends (Unix seconds), and who got how many pages in it."""

    begins: float
    ends: float
    last: float
    pages: Counter[str]
    refused: int


@dataclass(frozen=True)
class Collected:
    """What came of all runs: their states, the book's windows, and whose tasks had a process at which moments."""

    states: dict[str, str]
    windows: list[Window]
    samples: list[tuple[float, set[str]]]
    waiting: set[str]
    simulator: Simulator


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collected]:
    """Let all keywords be collected at once, the large ones first in the queue."""
    world = World(seed=7, topics={keyword: Topic(total=pages * PAGE) for keyword, pages in KEYWORDS.items()})
    entries = "".join(
        f"  - {{keyword: {keyword}, schedule: null, connection: twitter_shared}}\n" for keyword in KEYWORDS
    )
    with Simulator(world=world, limits={"search_recent": LIMIT}, window_s=WINDOW_S) as simulator:
        settings = {
            "AIRFLOW_CONN_TWITTER_SHARED": as_json(simulator.url, "key", "secret"),
            # One for the search, which Airflow prefers to what follows it, and one for all the rest: more would only
            # make searches begin more slowly on two processors, and a held one would be missed.
            "AIRFLOW__CORE__PARALLELISM": "2",
        }
        folder = tmp_path_factory.mktemp("airflow")
        airflow = RealAirflow(folder, f"keywords:\n{entries}", {}, settings)
        try:
            airflow.start()
            yield collect(airflow, simulator)
        finally:
            airflow.stop()


def collect(airflow: RealAirflow, simulator: Simulator) -> Collected:
    """Let every keyword's DAG begin at once, look at the processes meanwhile, and wait for all ends."""
    dag_ids = {keyword: f"twitter_search__{keyword}" for keyword in KEYWORDS}
    these = "dags?dag_id_pattern=twitter_search&limit=100"

    def known() -> bool:
        return {dag["dag_id"] for dag in airflow.rest.get(these)["dags"]} >= set(dag_ids.values())

    airflow.wait(known, "the DAGs", 240)
    runs = {keyword: airflow.trigger(dag_id, {"max_results": PAGE}) for keyword, dag_id in dag_ids.items()}
    samples: list[tuple[float, set[str]]] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            samples.append((time.time(), airflow.tasks_with_process()))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        airflow.rest.send("PATCH", these, {"is_paused": False})
        airflow.wait(lambda: len(simulator.book.sold) >= PAGE * sum(KEYWORDS.values()), "every post", 400)
        states = {keyword: airflow.finish(dag_ids[keyword], run_id) for keyword, run_id in runs.items()}
    finally:
        over.set()
        watcher.join()
    waiting = {
        str(airflow.task(dag_ids[keyword], run_id, task_id)["id"])
        for keyword, run_id in runs.items()
        for task_id in ("wait_for_rate_limit", "search")
    }
    return Collected(states, windows_of(simulator.book.to("search_recent")), samples, waiting, simulator)


def windows_of(entries: list[Any]) -> list[Window]:
    """Group the book's requests into X's windows."""
    windows: list[Window] = []
    for entry in entries:
        at = datetime.fromisoformat(entry.at).timestamp()
        if not windows or at >= windows[-1].ends:
            windows.append(Window(at, math.ceil(at + WINDOW_S), at, Counter(), 0))
        now = windows.pop()
        keyword = next(keyword for keyword in KEYWORDS if keyword in entry.params["query"])
        pages = now.pages + Counter({keyword: 1} if entry.status == 200 else {})
        windows.append(Window(now.begins, now.ends, at, pages, now.refused + (entry.status == 429)))
    return windows


def test_all_finish(collected: Collected) -> None:
    """Every run ends well, with every post bought once."""
    assert set(collected.states.values()) == {"success"}
    assert len(collected.simulator.book.sold) == PAGE * sum(KEYWORDS.values())
    assert collected.simulator.book.sold_twice == []


def test_never_over_the_limit(collected: Collected) -> None:
    """No window is exceeded, and X refuses at most one request in each."""
    for window in collected.windows:
        assert sum(window.pages.values()) <= LIMIT
        assert window.refused <= 1


def test_small_keywords_are_not_starved(collected: Collected) -> None:
    """Every small keyword is done within the first window in which all that wanted something had their share."""
    had: Counter[str] = Counter()
    fair = []
    for window in collected.windows:
        left = {keyword: pages - had[keyword] for keyword, pages in KEYWORDS.items() if pages > had[keyword]}
        share = LIMIT // len(left)
        fair.append(all(window.pages[keyword] >= min(share, pages) for keyword, pages in left.items()))
        had += window.pages
    first = fair.index(True) + 1
    done = sum((window.pages for window in collected.windows[:first]), Counter[str]())
    assert [keyword for keyword, pages in KEYWORDS.items() if pages == SMALL and not done[keyword]] == []
    assert first <= 2, [dict(window.pages) for window in collected.windows]


def test_windows_are_used_up(collected: Collected) -> None:
    """While pages are left, nearly all requests of a window are used."""
    used = [sum(window.pages.values()) for window in collected.windows]
    assert min(used[:-1]) >= LIMIT - UNUSED_MAX, used


def test_no_process_is_held(collected: Collected) -> None:
    """While all wait for a window, no search and no sensor has a process."""
    seen = False
    for window, following in itertools.pairwise(collected.windows):
        middle = (window.last + window.ends - SLEPT_S) / 2
        held = [
            ids & collected.waiting
            for at, ids in collected.samples
            if middle < at < min(window.ends, following.begins) - SLEPT_S
        ]
        seen = seen or bool(held)
        assert not held or not set.intersection(*held)
    assert seen
