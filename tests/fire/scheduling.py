"""A run of ``twitter_search`` as Airflow drives it, in memory: trigger rules, retries, reschedules, clears.

The DAG is the factory's own, with its operators, its templates and its rules; only the scheduler is played. That the
real one does the same is shown by tests/system.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from unittest import mock

from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException
from tests.airflow_in_memory import Airflow

from airflow_twitter.api.errors import TransientError
from airflow_twitter.collecting.form import FIELDS
from airflow_twitter.dag_factories.search import any_keyword_dag

LEGS_MAX = 2000
SHORTEST_RESCHEDULE_S = 10
SCHEDULER_IS_LATE_S = 0.4

Move = Callable[[datetime], Any]
"""Moves the clock to a moment."""


@dataclass
class Ran:
    """What became of a run: its tasks' states, the errors of those that failed, and its own state."""

    states: dict[str, str] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    legs: int = 0

    @property
    def state(self) -> str:
        """The state that Airflow gives the run: that of its only leaf, window_complete."""
        return "failed" if self.states["window_complete"] in ("failed", "upstream_failed") else "success"


class Scheduler:
    """Run the DAG's tasks for one run after the other; `move` moves the clock, which nothing else does but sleeps."""

    def __init__(self, airflow: Airflow, move: Move) -> None:
        self.airflow = airflow
        self.airflow.outlet_events = defaultdict(mock.MagicMock)
        self._move = move
        self._tries: dict[tuple[str, str], int] = {}

    def run(self, conf: Mapping[str, Any], *, run_id: str = "manual__1", clear_number: int = 0) -> Ran:
        """Run all tasks, as when a run is triggered, or cleared as a whole."""
        ran = Ran()
        dag = search_dag()
        for task_id in [task.task_id for task in dag.topological_sort()]:
            self.airflow.states.pop((run_id, task_id), None)
        for task in dag.topological_sort():
            ran.states[task.task_id] = self._before(task, ran, run_id) or self._execute(
                task, conf, ran, {"run_id": run_id, "clear_number": clear_number}
            )
            self.airflow.states[run_id, task.task_id] = ran.states[task.task_id]
        return ran

    def _before(self, task: Any, ran: Ran, run_id: str) -> str | None:
        """Return the state that a task gets without being run, None when it is to be run."""
        above = [ran.states[name] for name in task.upstream_task_ids]
        failed = any(state in ("failed", "upstream_failed") for state in above)
        if task.trigger_rule in ("all_success", "none_failed") and failed:
            return "upstream_failed"
        if task.trigger_rule == "all_success" and "skipped" in above:
            return "skipped"
        for name in task.upstream_task_ids:
            told = self.airflow.xcom(name, "skipmixin_key", run_id) or {}
            if task.task_id in told.get("skipped", ()):
                return "skipped"
        return "success" if task.inherits_from_empty_operator else None

    def _execute(self, task: Any, conf: Mapping[str, Any], ran: Ran, run: dict[str, Any]) -> str:
        """Run a task until it has ended, through all waits and retries; return its state.

        An error that is neither told to Airflow nor passing trouble is one of ours, and goes through.
        """
        for retry in range(task.retries + 1):
            place = (run["run_id"], task.task_id)
            self._tries[place] = self._tries.get(place, 0) + 1
            try:
                return self._try(task, conf, ran, {**run, "try_number": self._tries[place]})
            except AirflowSkipException:
                return "skipped"
            except AirflowFailException as error:
                ran.errors[task.task_id] = error
                return "failed"
            except TransientError as error:
                ran.errors[task.task_id] = error
                pause = min(task.retry_delay * 2**retry, task.max_retry_delay)
                self._move(datetime.now(UTC) + pause)
        return "failed"

    def _try(self, task: Any, conf: Mapping[str, Any], ran: Ran, run: dict[str, Any]) -> str:
        while True:
            operator, context = self._rendered(task, conf, run)
            try:
                result = operator.execute(context=context)
            except AirflowRescheduleException as wait:
                self._wait(wait.reschedule_date, ran)
                continue
            if result is not None:
                context["ti"].xcom_push("return_value", result)
            return "success"

    def _wait(self, until: datetime, ran: Ran) -> None:
        now = datetime.now(UTC)
        assert (until - now).total_seconds() >= SHORTEST_RESCHEDULE_S, f"rescheduled at {now} for {until}"
        ran.legs += 1
        assert ran.legs < LEGS_MAX, "it waits for ever"
        self._move(until + timedelta(seconds=SCHEDULER_IS_LATE_S))

    def _rendered(self, task: Any, conf: Mapping[str, Any], run: dict[str, Any]) -> tuple[Any, Any]:
        context = self.airflow.context(task.task_id, **run)
        operator = task.prepare_for_execution()
        params = {name: schema.get("default") for name, schema in FIELDS.items()} | dict(conf)
        values = {**context, "params": params, "dag": search_dag(), "task": operator}
        operator.render_template_fields(values, jinja_env=_templates())
        return operator, context


@cache
def search_dag() -> DAG:
    """Return the DAG that collects any keyword."""
    return any_keyword_dag()


@cache
def _templates() -> Any:
    """Return the DAG's template environment; a template is compiled once, which is most of what it costs."""
    environment = search_dag().get_template_env()
    environment.from_string = cache(environment.from_string)
    return environment
