"""A real scheduler's tasks, and the scheduler itself, are killed in mid-work: the data end exact."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from real_airflow import RealAirflow

from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Rule, Simulator, Topic, World
from local_airflow.account import as_json

pytestmark = [pytest.mark.system, pytest.mark.scheduler, pytest.mark.timeout(600)]

SECRET = "app-secret-of-tests"
WORDS = ("searched", "merged", "scheduled")
KEYWORDS = """
keywords:
  - {keyword: searched, schedule: null}
  - {keyword: merged, schedule: null}
  - {keyword: scheduled, schedule: null, connection: twitter_other}
"""
SMALL_PAGES = {"max_results": 10}
NEVER_S = 300.0
"""Longer than any task here may wait for an answer: who waits for it is killed."""


def simulator(*words: str) -> Simulator:
    """A simulator with sixty posts about each word, which never answers the third search in time."""
    world = World(seed=7, topics={word: Topic(total=60) for word in words})
    hangs = Rule(endpoint="search_recent", nth=3, fault="slow", params={"delay_s": NEVER_S, "pieces": 1000})
    return Simulator(world=world, credentials=("key", SECRET), rules=[hangs])


@pytest.fixture(scope="module")
def x() -> Iterator[Simulator]:
    """What the keywords of one connection are collected from."""
    with simulator("searched", "merged") as x:
        yield x


@pytest.fixture(scope="module")
def other_x() -> Iterator[Simulator]:
    """What those of the other are collected from."""
    with simulator("scheduled") as x:
        yield x


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, x: Simulator, other_x: Simulator
) -> Iterator[RealAirflow]:
    """A real Airflow that soon looks after the tasks of a scheduler that has died."""
    settings = {
        "AIRFLOW_CONN_TWITTER_DEFAULT": as_json(x.url, "key", SECRET),
        "AIRFLOW_CONN_TWITTER_OTHER": as_json(other_x.url, "key", SECRET),
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        # Shorter, and a scheduler that is busy takes itself for dead.
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
    }
    airflow = RealAirflow(tmp_path_factory.mktemp("airflow"), KEYWORDS, {}, settings)
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()


def searches(x: Simulator, word: str) -> list[Any]:
    """The searches for a word that the simulator was asked."""
    return [entry for entry in x.book.to("search_recent") if word in entry.params["query"]]


def is_searching(x: Simulator, word: str, count: int) -> bool:
    """Tell whether the search for a word has asked so often."""
    return len(searches(x, word)) >= count


def kill_task(airflow: RealAirflow, dag_id: str, run_id: str, task_id: str) -> None:
    """Kill the process of a task."""
    os.kill(airflow.task(dag_id, run_id, task_id)["pid"], signal.SIGKILL)


def check_exact(airflow: RealAirflow, x: Simulator, word: str) -> None:
    """The day files and the export hold exactly the posts that exist, and no page was bought twice but one."""
    truth = sorted(x.truth(word))
    files = sorted((airflow.place.data / "posts" / word).glob("*.jsonl"))
    stored = [json.loads(line)["id"] for file in files for line in file.open()]
    assert stored == truth
    assert [p["id"] for p in json.loads((airflow.place.data / f"tweets_{word}.json").read_bytes())] == truth
    assert list(airflow.place.data.rglob(f"*{word}*/**/.*.tmp")) == []
    asked = searches(x, word)
    tokens = [entry.params.get("next_token") for entry in asked]
    assert len(set(tokens)) == 6
    assert len(tokens) <= 7


def test_killed_in_search_and_in_merge(airflow: RealAirflow, x: Simulator) -> None:
    """`kill -9` of a search that waits for a page, and of a merge between days and coverage: the retries end exact."""
    searched, merged = "twitter_search__searched", "twitter_search__merged"
    airflow.unpause(searched)
    airflow.unpause(merged)
    run_id = airflow.trigger(searched, SMALL_PAGES)
    airflow.wait(lambda: is_searching(x, "searched", 3), "the third page")
    kill_task(airflow, searched, run_id, "search")

    other = airflow.trigger(merged, SMALL_PAGES)
    store = Store(airflow.place.data)
    window = airflow.place.data / "staging" / merged / other / "window.json"
    airflow.wait(window.exists, "the window")
    key = f"coverage/merged/{json.loads(window.read_bytes())['fingerprint']}.json"
    with store.lock(key):
        airflow.wait(lambda: list((airflow.place.data / "posts" / "merged").glob("*.jsonl")), "the first day")
        kill_task(airflow, merged, other, "merge")
        airflow.wait(lambda: airflow.task(merged, other, "merge")["state"] == "up_for_retry", "the kill")
        assert not store.exists(key)

    assert airflow.finish(searched, run_id) == "success"
    assert airflow.finish(merged, other) == "success"
    assert airflow.task(searched, run_id, "search")["try_number"] >= 2
    assert airflow.task(merged, other, "merge")["try_number"] >= 2
    assert "Resuming behind page 2" in airflow.log(run_id)
    check_exact(airflow, x, "searched")
    check_exact(airflow, x, "merged")
    assert len(searches(x, "merged")) == 6


def test_scheduler_killed_in_mid_search(airflow: RealAirflow, other_x: Simulator) -> None:
    """`kill -9` of the scheduler while a search waits for a page, and a new scheduler: the run ends exact."""
    dag_id = "twitter_search__scheduled"
    airflow.unpause(dag_id)
    run_id = airflow.trigger(dag_id, SMALL_PAGES)
    airflow.wait(lambda: is_searching(other_x, "scheduled", 3), "the third page")

    airflow.kill("scheduler")
    airflow.start_again("scheduler")

    assert airflow.finish(dag_id, run_id) == "success"
    check_exact(airflow, other_x, "scheduled")
