"""What Airflow is to one task of a collecting run, in memory: for tests that need no database."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException

from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.operators.merge import TwitterMergeOperator
from airflow_twitter.operators.search import TwitterSearchOperator
from airflow_twitter.operators.validate import TwitterValidateOperator
from airflow_twitter.posts.staging import Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.sensors.rate_limit import TwitterRateLimitSensor
from airflow_twitter.simulator import Simulator, Topic, World

DAG_ID = "twitter_search"
Interval = tuple[datetime, datetime]


class StateStore:
    """The state of one asset: JSON values only, as in Airflow."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value."""
        return json.loads(self.values[key]) if key in self.values else default

    def set(self, key: str, value: Any) -> None:
        """Keep a value; None is refused."""
        assert value is not None
        self.values[key] = json.dumps(value)


class TaskInstance:
    """One task's XComs, which Airflow empties when the task starts again."""

    def __init__(self, airflow: Airflow, task_id: str, run_id: str, try_number: int) -> None:
        self.try_number = try_number
        self.dag_id = DAG_ID
        self.task_id = task_id
        self.run_id = run_id
        self.first_reschedule_date: datetime | None = None
        self._xcoms = airflow.xcoms
        self._states = airflow.states
        self._active = airflow.active

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value."""
        self._xcoms[self.run_id, self.task_id][key] = json.dumps(value)

    def xcom_pull(self, task_ids: str, key: str = "return_value", run_id: str | None = None) -> Any:
        """Return what a task of a run pushed, None when it did not."""
        return json.loads(self._xcoms[run_id or self.run_id, task_ids].get(key, "null"))

    def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
        """Return the states of tasks that have any, by run."""
        return {
            run_id: {name: self._states[run_id, name] for name in task_ids if (run_id, name) in self._states}
            for run_id in run_ids
        }

    def get_dr_count(self, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        """Return how many of the runs are at work."""
        return len(self._active.intersection(run_ids))

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        """Return when the task was first rescheduled."""
        return self.first_reschedule_date


class Airflow:
    """XComs and asset state of all runs of one DAG, and the tasks of it to be executed one by one."""

    def __init__(self) -> None:
        self.xcoms: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self.states: dict[tuple[str, str], str] = {}
        self.active: set[str] = set()
        self.limits = StateStore()
        self.outlet_events: dict[Any, Any] = {}

    def context(
        self,
        task_id: str = "search",
        *,
        run_id: str = "manual__1",
        run_type: str = "manual",
        interval: Interval | None = None,
        clear_number: int = 0,
        try_number: int | None = None,
    ) -> Any:
        """Return what a task is given when it starts; its XComs are empty then."""
        self.xcoms[run_id, task_id].clear()
        start, end = interval or (None, None)
        run = SimpleNamespace(
            run_id=run_id,
            run_type=run_type,
            data_interval_start=start,
            data_interval_end=end,
            logical_date=start,
            clear_number=clear_number,
            conf={},
        )
        return {
            "ti": TaskInstance(self, task_id, run_id, try_number or 1 + clear_number),
            "dag_run": run,
            "asset_state_store": {RATE_LIMIT: self.limits},
            "outlet_events": self.outlet_events,
        }

    def xcom(self, task_id: str, key: str, run_id: str = "manual__1") -> Any:
        """Return what a task pushed."""
        return json.loads(self.xcoms[run_id, task_id].get(key, "null"))

    def wait(self, search: dict[str, Any], **run: Any) -> bool:
        """Execute the sensor once; True when it lets the search begin, False when it was rescheduled."""
        sensor = TwitterRateLimitSensor(task_id="wait_for_rate_limit", search=search)
        try:
            sensor.execute(context=self.context("wait_for_rate_limit", **run))
        except AirflowRescheduleException:
            return False
        return True

    def search(self, search: dict[str, Any], **run: Any) -> TwitterSearchOperator:
        """Execute the search of a run and return the operator; raises what it raises."""
        operator = TwitterSearchOperator(task_id="search", search=search)
        operator.execute(context=self.context("search", **run))
        return operator

    def validate(self, bad_share_max: float | str = 0.1, **run: Any) -> dict[str, Any]:
        """Execute the validation of a run and keep what it returns."""
        context = self.context("validate", **run)
        operator = TwitterValidateOperator(task_id="validate", bad_share_max=bad_share_max)
        counts = operator.execute(context=context)
        context["ti"].xcom_push("return_value", counts)
        return counts

    def merge(
        self, outlets: tuple[Any, ...] = (), export: bool | str = True, **run: Any
    ) -> dict[str, Any] | None:
        """Execute the merge of a run; None when it was skipped."""
        operator = TwitterMergeOperator(task_id="merge", outlets=[*outlets], export=export)
        try:
            return operator.execute(context=self.context("merge", **run))
        except AirflowSkipException:
            return None

    def collect(self, search: dict[str, Any], **run: Any) -> None:
        """Execute a whole run that has nothing to wait for."""
        assert self.wait(search, **run)
        self.search(search, **run)
        self.validate(**run)
        self.merge(**run)

    def run(self, run_id: str = "manual__1", **run: Any) -> CollectRun:
        """Return a run as its tasks see it."""
        return CollectRun(self.context("look", run_id=run_id, **run))


NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
TOPICS = {
    "sevdesk": Topic(total=2),
    "accounting": Topic(total=60),
    "daily": Topic(per_day=40),
}


@pytest.fixture
def airflow(data_folder: Path) -> Airflow:
    """An Airflow in memory, whose runs keep their files in the data folder."""
    return Airflow()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Noon of 1 December 2026, for us and for the simulator; passes only when it is moved."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def start_simulator(connect: Callable[..., None]) -> Iterator[Callable[..., Simulator]]:
    """Start a simulator and point the connection at it; keyword arguments go to the simulator."""
    started: list[Simulator] = []

    def start(**options: Any) -> Simulator:
        world = World(topics=TOPICS)
        simulator = Simulator(
            **{"world": world, "credentials": ("app-key", "app-secret-of-tests"), **options}
        )
        simulator.start()
        started.append(simulator)
        connect(simulator.url)
        return simulator

    yield start
    for simulator in started:
        simulator.stop()


def staged(data_folder: Path, run_id: str = "manual__1") -> Staging:
    """Return what a run has staged."""
    return Staging(Store(data_folder), DAG_ID, run_id)


def searches(simulator: Any, endpoint: str = "search_recent") -> list[Any]:
    """Return the searches that the simulator was asked, in order."""
    return [entry for entry in simulator.book.requests if entry.endpoint == endpoint]


def at(text: str) -> datetime:
    """Return a moment of 2026 from text such as ``11-22 12:00:05``, in UTC."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def no_sleep(monkeypatch: pytest.MonkeyPatch, module: str, then: Callable[[float], Any]) -> list[float]:
    """Replace ``time.sleep`` in one module; return the list of the seconds that it was asked to sleep."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        then(seconds)

    monkeypatch.setattr(f"{module}.time", SimpleNamespace(sleep=sleep))
    return slept
