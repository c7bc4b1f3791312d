"""What Airflow is to the tasks that publish, in memory: for tests that need no database."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
    DagRunTriggerException,
)
from tests.airflow_in_memory import StateStore

from airflow_twitter.accounts.form import FIELDS
from airflow_twitter.accounts.holding import release
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.dag_factories.publish import publishing_dags
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.simulator import Account, Simulator

AUTHOR = "ann"
RUN = "manual__1"
ACCOUNT = Account()


class TaskInstance:
    """One task of a run, as an operator sees it."""

    def __init__(self, airflow: Publishing, dag_id: str, task_id: str, run_id: str, try_number: int) -> None:
        self.dag_id = dag_id
        self.task_id = task_id
        self.run_id = run_id
        self.try_number = try_number
        self.max_tries = 5
        self.id = f"{run_id}.{task_id}"
        self.map_index = -1
        self._airflow = airflow

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value."""
        self._airflow.xcoms[self.dag_id, self.run_id, self.task_id][key] = json.dumps(value)

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        """Return what a task of the run pushed."""
        return self._airflow.xcom(task_ids, key, dag_id=self.dag_id, run_id=self.run_id)

    def get_first_reschedule_date(self, context: Any) -> None:
        """Return when the task was first rescheduled: never, here."""

    def get_dr_count(self, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        """Return how many of these runs there are, in any of some states."""
        if dag_id == "twitter_publish":
            return sum(run_id in self._airflow.preparing for run_id in run_ids)
        found = [
            self._airflow.runs[dag_id, run_id] for run_id in run_ids if (dag_id, run_id) in self._airflow.runs
        ]
        return sum(states is None or run["state"] in states for run in found)

    def get_dagrun_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run that was triggered."""
        return self._airflow.runs[dag_id, run_id]["state"]


class Publishing:
    """The DAGs of an accounts.yaml, whose tasks are executed one by one; and the runs that they trigger."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.store = Store(data)
        self.records = Records(self.store)
        self.xcoms: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
        self.runs: dict[tuple[str, str], dict[str, Any]] = {}
        self.preparing: set[str] = set()
        """The runs of twitter_publish that have begun, and did not end in a queue."""
        self.limits = StateStore()
        self.outlet_events: dict[Any, Any] = defaultdict(SimpleNamespace)
        self.accounts("- account: main\n  distance_s: 0\n  visible_s: 30\n")

    def accounts(self, entries: str) -> None:
        """Write accounts.yaml."""
        path = self.folder / "accounts.yaml"
        path.write_text(f"accounts:\n{entries}")
        self.dags = publishing_dags(path)

    def task(
        self,
        dag_id: str,
        task_id: str,
        params: dict[str, Any],
        *,
        run_id: str = RUN,
        try_number: int = 1,
        event: dict[str, Any] | None = None,
        author: str | None = AUTHOR,
        run_after: datetime | None = None,
        began: datetime | None = None,
    ) -> Any:
        """Execute a task as it starts, or with an `event` as it resumes; return what it returns."""
        operator = self.dags[dag_id].get_task(task_id)
        key = (dag_id, run_id, task_id)
        if dag_id == "twitter_publish":
            self.preparing.add(run_id)
        if event is None:
            self.xcoms[key].clear()
        context: Any = {
            "ti": TaskInstance(self, dag_id, task_id, run_id, try_number),
            "task": operator,
            "dag": self.dags[dag_id],
            "params": params,
            "dag_run": SimpleNamespace(
                run_id=run_id,
                run_after=run_after or datetime.now(UTC),
                start_date=began or datetime.now(UTC),
                logical_date=None,
                conf=dict(params),
                triggering_user_name=author,
            ),
            "asset_state_store": {RATE_LIMIT: self.limits},
            "outlet_events": self.outlet_events,
        }
        context["task_instance"] = context["ti"]
        if event is not None:
            result = operator.execute_complete(context=context, event=event)
        else:
            try:
                result = operator.execute(context=context)
            except DagRunTriggerException as trigger:
                self._trigger(trigger)
                return None
        if result is not None:
            self.xcoms[key]["return_value"] = json.dumps(result, default=str)
        return result

    def _trigger(self, trigger: DagRunTriggerException) -> None:
        run = (trigger.trigger_dag_id, trigger.dag_run_id)
        assert run not in self.runs or trigger.reset_dag_run
        self.runs[run] = {
            "conf": trigger.conf,
            "run_after": trigger.run_after,
            "note": trigger.note,
            "state": "queued",
        }

    def xcom(self, task_id: str, key: str, *, dag_id: str, run_id: str = RUN) -> Any:
        """Return what a task pushed."""
        return json.loads(self.xcoms[dag_id, run_id, task_id].get(key, "null"))

    def state(self, task_id: str, *, dag_id: str = "twitter_post__main", run_id: str = RUN) -> dict[str, Any]:
        """Return the machine form of the state that a task pushed last."""
        return dict(self.xcom(task_id, "state", dag_id=dag_id, run_id=run_id))

    def prepare(
        self,
        *,
        run_id: str = RUN,
        author: str | None = AUTHOR,
        began: datetime | None = None,
        **post: Any,
    ) -> dict[str, Any]:
        """Execute the preparation of a post, whose run began just now unless it is said when."""
        params = form(**post)
        prepared = self.task("twitter_publish", "prepare", params, run_id=run_id, author=author, began=began)
        return dict(prepared)

    def publish(self, *, run_id: str = RUN, author: str | None = AUTHOR, **post: Any) -> None:
        """Execute a run of twitter_publish that nobody has to approve."""
        self.prepare(run_id=run_id, author=author, **post)
        self.task("twitter_publish", "hand_over", form(**post), run_id=run_id)
        self.preparing.discard(run_id)

    def step(self, task_id: str, *, run_id: str = RUN, account: str = "main", try_number: int = 1) -> Any:
        """Execute a task of a run in an account's queue; return what it returns, or when it goes on."""
        try:
            return self.task(
                f"twitter_post__{account}", task_id, {"post": run_id}, run_id=run_id, try_number=try_number
            )
        except AirflowRescheduleException as wait:
            return wait.reschedule_date

    def post(self, *, run_id: str = RUN, account: str = "main") -> str | None:
        """Execute a whole run of the queue that has nothing to wait for; return the post's address."""
        for task_id in ("wait_for_rate_limit", "upload", "wait_for_processing", "create_post"):
            waits = self.step(task_id, run_id=run_id, account=account)
            assert not isinstance(waits, datetime), f"{task_id} waits until {waits}"
        return self.step("record", run_id=run_id, account=account)

    def fails(self, task_id: str, *, run_id: str = RUN, account: str = "main") -> str:
        """Execute a task that fails for good, and return what it says."""
        with pytest.raises(AirflowFailException) as caught:
            self.step(task_id, run_id=run_id, account=account)
        return str(caught.value)

    def skips(self, task_id: str, *, run_id: str = RUN, account: str = "main") -> str:
        """Execute a task that is skipped, and return what it says."""
        with pytest.raises(AirflowSkipException) as caught:
            self.step(task_id, run_id=run_id, account=account)
        return str(caught.value)

    def record(self, run_id: str = RUN, account: str = "main") -> Record:
        """Return the record of a post."""
        return self.records.read(account, run_id)

    def release(self, account: str = "main") -> None:
        """Release a held account."""
        release(self.store, account)


def form(**post: Any) -> dict[str, Any]:
    """Return what the form of twitter_publish gives when only some of it is filled in."""
    defaults = {name: field["default"] for name, field in FIELDS.items() if "default" in field}
    return {**defaults, "account": "main", "text": "", **post}


@pytest.fixture
def airflow(tmp_path: Path, data_folder: Path) -> Publishing:
    """An Airflow in memory with one account, `main`."""
    folder = tmp_path / "dags"
    folder.mkdir()
    return Publishing(folder, data_folder)


@pytest.fixture
def start_simulator(connect: Callable[..., None]) -> Iterator[Callable[..., Simulator]]:
    """Start a simulator and point the connection at it; keyword arguments go to the simulator."""
    started: list[Simulator] = []

    def start(**options: Any) -> Simulator:
        simulator = Simulator(
            **{"credentials": ("app-key", "app-secret-of-tests"), "processing_s": 0.0, **options}
        )
        simulator.start()
        started.append(simulator)
        connect(
            simulator.url,
            access_token=ACCOUNT.access_token,
            access_token_secret=ACCOUNT.access_token_secret,
        )
        return simulator

    yield start
    for simulator in started:
        simulator.stop()


def texts(simulator: Simulator) -> list[str]:
    """Return the texts of all posts that exist, oldest first."""
    return [post.raw for post in simulator.posts if post.deleted_at_s is None]
