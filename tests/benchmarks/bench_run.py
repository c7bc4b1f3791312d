"""Trigger to success of a keyword whose window has one page, beside a DAG of as many tasks that do nothing.

Both run in turn in one real Airflow: scheduler, DAG processor, API server and triggerer as `make up` starts them, with
SQLite and the LocalExecutor. The empty tasks are Python tasks: Airflow does not even start an EmptyOperator. Each run
collects an hour of its own, so that it buys, validates, merges and exports posts that are new.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from harness import Row, in_rounds, workspace

sys.path.extend(str(Path(__file__).parents[2] / folder) for folder in ("scripts", "tests/system"))

from real_airflow import RealAirflow

from airflow_twitter.simulator import Simulator, Topic, World
from local_airflow.account import as_json

RUNS = 7
BOUND = 1.5
POSTS_AN_HOUR = 50
CREDENTIALS = ("key", "secret")

KEYWORDS = "keywords: [{keyword: invoice, schedule: null}]"
COLLECTING, EMPTY = "twitter_search__invoice", "empty"
EMPTY_DAG = '''
"""An airflow DAG of four tasks that do nothing."""
from airflow.sdk import chain, dag, task

@dag(schedule=None)
def empty():
    @task
    def nothing() -> None:
        pass
    chain(*[nothing.override(task_id=f"nothing_{number}")() for number in range(4)])

empty()
'''


def run() -> list[Row]:
    """Measure runs of both DAGs in turn, after one of each that is not counted."""
    topics = {"invoice": Topic(per_day=POSTS_AN_HOUR * 24)}
    with (
        workspace() as folder,
        Simulator(world=World(topics=topics), credentials=CREDENTIALS) as simulator,
        started(folder, KEYWORDS, {"twitter_default": simulator.url}, {"empty.py": EMPTY_DAG}) as airflow,
    ):
        cases = _cases(airflow)
        for case in cases.values():
            case()
        before = len(simulator.book.to("search_recent"))
        rounds = in_rounds(cases, RUNS)
        pages = len(simulator.book.to("search_recent")) - before
        posts = len(json.loads((airflow.place.data / "tweets_invoice.json").read_bytes()))
    if (pages, posts) != (RUNS, (RUNS + 1) * POSTS_AN_HOUR):
        raise RuntimeError(f"{RUNS} runs asked for {pages} pages, and {posts} posts are there")
    return [
        Row(
            "run of a one-page keyword",
            rounds.ratio(COLLECTING, EMPTY),
            BOUND,
            "x of an empty DAG",
            f"trigger to end, 4 tasks, {RUNS} runs of each, real scheduler, SQLite: "
            f"{rounds.median(COLLECTING):.2f} s, empty tasks {rounds.median(EMPTY):.2f} s",
        )
    ]


@contextmanager
def started(
    folder: Path, keywords: str, connections: Mapping[str, str], extra_dags: Mapping[str, str] | None = None
) -> Iterator[RealAirflow]:
    """Run a real Airflow with a keywords.yaml of its own, and connections to simulators by their URLs."""
    settings = {
        f"AIRFLOW_CONN_{name.upper()}": as_json(url, *CREDENTIALS) for name, url in connections.items()
    }
    airflow = RealAirflow(folder, keywords, extra_dags or {}, settings)
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()


def _cases(airflow: RealAirflow) -> dict[str, Callable[[], float]]:
    hours = itertools.count(1)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def collecting() -> float:
        end = today - timedelta(hours=next(hours))
        times = {"start_time": end - timedelta(hours=1), "end_time": end}
        return seconds(
            airflow, COLLECTING, {name: f"{time:%Y-%m-%dT%H:%M:%SZ}" for name, time in times.items()}
        )

    for dag_id in (COLLECTING, EMPTY):
        airflow.unpause(dag_id)
    return {EMPTY: lambda: seconds(airflow, EMPTY, {}), COLLECTING: collecting}


def seconds(airflow: RealAirflow, dag_id: str, conf: Mapping[str, Any]) -> float:
    """Run a DAG and return how long it took from the trigger, by Airflow's own times."""
    triggered = datetime.now(UTC)
    run_id = airflow.trigger(dag_id, conf)
    if (state := airflow.finish(dag_id, run_id)) != "success":
        raise RuntimeError(f"{dag_id} {run_id} ended as {state}:\n{airflow.log(run_id)[-4000:]}")
    ended = datetime.fromisoformat(airflow.rest.get(f"dags/{dag_id}/dagRuns/{run_id}")["end_date"])
    return (ended - triggered).total_seconds()
