"""How well X's request windows are used: ours in a real Airflow, tweepy and twarc as they are, each on a simulator.

All collect the same number of pages, some from the same window after the reset. Ours is measured with one keyword and
with two that share a connection. As a script this file is a process in which tweepy or twarc collects.
"""

from __future__ import annotations

import itertools
import logging
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from bench_run import CREDENTIALS, started
from elsewhere import send_elsewhere
from harness import Row, workspace
from real_airflow import RealAirflow

from airflow_twitter.simulator import Simulator, Topic, World

LIMIT = 3
"""Requests in a window."""
WINDOW_S = 40.0
"""Long enough that every wait is over 10 s, also that of a search which comes back after the others had their share;
shorter ones are slept in the task."""
PAGE = 10
PAGES = {"alone": {"alone": 9}, "shared": {"left": 5, "right": 4}}
"""Pages that each keyword has, by the connection that it uses."""
LATE_MAX_S = 5.0
SAMPLE_S = 0.2
TIMEOUT_S = 240.0

KEYWORDS = """
keywords:
  - {keyword: alone, schedule: null, connection: twitter_alone}
  - {keyword: left, schedule: null, connection: twitter_shared}
  - {keyword: right, schedule: null, connection: twitter_shared}
"""


Sample = tuple[float, set[str]]
"""A moment in Unix seconds, and whose processes were alive then."""


@dataclass(frozen=True)
class Use:
    """How one collector used its windows: pages in each, and how late after each reset it asked again.

    `held` is the largest number of processes that it held in the second half of any wait, `refused` counts 429s.
    """

    pages: list[int]
    late_s: list[float]
    held: int
    refused: int


def run() -> list[Row]:
    """Measure ours, one case after the other, while tweepy and twarc collect beside them."""
    with ExitStack() as stack:
        folder = stack.enter_context(workspace())
        simulators = {name: stack.enter_context(_simulator(pages)) for name, pages in PAGES.items()}
        urls = {f"twitter_{name}": simulator.url for name, simulator in simulators.items()}
        airflow = stack.enter_context(started(folder, KEYWORDS, urls))
        others = stack.enter_context(ThreadPoolExecutor())
        peers = {name: others.submit(_peer, name) for name in ("tweepy", "twarc")}
        ours = {name: _ours(airflow, simulators[name], pages) for name, pages in PAGES.items()}
        used = {name: peer.result() for name, peer in peers.items()}
    rows = _our_rows(ours)
    for name, use in used.items():
        rows += _peer_rows(name, use)
    return rows


def _our_rows(ours: Mapping[str, Use]) -> list[Row]:
    late_s = [late for use in ours.values() for late in use.late_s]
    unused = sum(LIMIT - pages for use in ours.values() for pages in use.pages[:-1])
    refused = sum(use.refused for use in ours.values())
    each = ", ".join(f"{late:.1f}" for late in late_s)
    pages = "; ".join(f"{_names(name)} {'+'.join(map(str, use.pages))}" for name, use in ours.items())
    return [
        Row(
            "next request after a reset",
            max(late_s),
            LATE_MAX_S,
            "s",
            f"the latest of {each} s; {_setting()}",
        ),
        Row(
            "requests left unused while pages are left",
            unused,
            0,
            "requests",
            f"pages by window: {pages}; {refused} requests refused",
        ),
        Row(
            "task processes held while waiting",
            max(use.held for use in ours.values()),
            0,
            "processes",
            "the most in the second half of any wait, of the sensor and the search",
        ),
    ]


def _peer_rows(name: str, use: Use) -> list[Row]:
    each = ", ".join(f"{late:.1f}" for late in use.late_s)
    pages = "+".join(map(str, use.pages))
    full = use.pages[:-1]
    return [
        Row(f"{name}: next request after a reset", max(use.late_s), None, "s", f"the latest of {each} s"),
        Row(
            f"{name}: requests left unused while pages are left",
            sum(LIMIT - pages for pages in full),
            None,
            "requests",
            f"pages by window: {pages}; {use.refused} requests refused",
        ),
        Row(f"{name}: processes held while waiting", use.held, None, "processes", "asleep in the client"),
    ]


def _setting() -> str:
    return f"windows of {LIMIT} requests and {WINDOW_S:.0f} s, real scheduler"


def _names(connection: str) -> str:
    return " and ".join(PAGES[connection])


def _simulator(pages: Mapping[str, int]) -> Simulator:
    topics = {name: Topic(total=count * PAGE) for name, count in pages.items()}
    return Simulator(
        world=World(topics=topics),
        limits={"search_recent": LIMIT},
        window_s=WINDOW_S,
        credentials=CREDENTIALS,
    )


def _ours(airflow: RealAirflow, simulator: Simulator, keywords: Mapping[str, int]) -> Use:
    """Trigger the keywords' DAGs at once and wait for their ends."""
    dag_ids = [f"twitter_search__{keyword}" for keyword in keywords]
    for dag_id in dag_ids:
        airflow.unpause(dag_id)
    with _sampled(airflow.tasks_with_process) as samples:
        runs = {dag_id: airflow.trigger(dag_id, {"max_results": PAGE}) for dag_id in dag_ids}
        for dag_id, run_id in runs.items():
            if (state := airflow.finish(dag_id, run_id, TIMEOUT_S)) != "success":
                raise RuntimeError(f"{dag_id} ended as {state}:\n{airflow.log(run_id)[-4000:]}")
    waiting = {
        airflow.task(dag_id, run_id, task_id)["id"]
        for dag_id, run_id in runs.items()
        for task_id in ("wait_for_rate_limit", "search")
    }
    return _use(simulator, keywords, [(at, ids & waiting) for at, ids in samples])


def _peer(name: str) -> Use:
    """Let another client collect in a process of its own, on a simulator of its own."""
    pages = {"alone": sum(PAGES["alone"].values())}
    with _simulator(pages) as simulator:
        command = [sys.executable, __file__, name, simulator.url, simulator.bearer_token]
        with subprocess.Popen(command) as process:
            try:
                with _sampled(lambda: {name} if process.poll() is None else set()) as samples:
                    failed = process.wait(TIMEOUT_S)
            finally:
                process.kill()
        if failed:
            raise RuntimeError(f"{name} failed")
        return _use(simulator, pages, samples)


@contextmanager
def _sampled(look: Callable[[], set[str]]) -> Iterator[list[Sample]]:
    """Yield a list that grows while the block lasts."""
    samples: list[Sample] = []
    over = threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_S):
            samples.append((time.time(), look()))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def _use(simulator: Simulator, keywords: Mapping[str, int], samples: list[Sample]) -> Use:
    """Read from the simulator's book how its windows were used."""
    posts = sum(keywords.values()) * PAGE
    if len(simulator.book.sold) != posts or simulator.book.sold_twice:
        raise RuntimeError(f"{len(simulator.book.sold)} posts were bought, {posts} are there")
    if not any(ids for _, ids in samples):
        raise RuntimeError("no process was seen at work: none would have been seen waiting")
    answered, refused = [], 0
    for entry in simulator.book.to("search_recent"):
        answered += [datetime.fromisoformat(entry.at).timestamp()] * (entry.status == 200)
        refused += entry.status == 429
    windows = _windows(answered)
    late_s, held = [], 0
    for window, following in itertools.pairwise(windows):
        reset, last = _reset(window), window[-1]
        late_s.append(following[0] - reset)
        counts = [len(ids) for at, ids in samples if (last + reset) / 2 < at < reset - 1]
        if not counts:
            raise RuntimeError(f"no sample was taken in a wait of {reset - last:.1f} s")
        held = max(held, *counts)
    return Use([len(window) for window in windows], late_s, held, refused)


def _windows(answered: list[float]) -> list[list[float]]:
    """Group the times of requests into X's windows: one begins with the first request after the last one's reset."""
    windows: list[list[float]] = []
    for at in answered:
        if not windows or at >= _reset(windows[-1]):
            windows.append([])
        windows[-1].append(at)
    return windows


def _reset(window: list[float]) -> int:
    """Return when a window ends, in whole Unix seconds, as X counts."""
    return math.ceil(window[0] + WINDOW_S)


def _tweepy(url: str, token: str) -> None:
    import tweepy  # type: ignore[import-untyped]

    send_elsewhere(url)
    client = tweepy.Client(bearer_token=token, wait_on_rate_limit=True)
    for _ in tweepy.Paginator(client.search_recent_tweets, "alone", max_results=PAGE):
        pass


def _twarc(url: str, token: str) -> None:
    from twarc import Twarc2  # type: ignore[import-untyped]

    send_elsewhere(url)
    client = Twarc2(bearer_token=token)
    for _ in client.search_recent("alone", max_results=PAGE):
        pass


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    {"tweepy": _tweepy, "twarc": _twarc}[sys.argv[1]](*sys.argv[2:])
