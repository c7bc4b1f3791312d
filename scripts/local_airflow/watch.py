"""Show how a DAG run goes on, a line for each thing that happens."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from local_airflow.rest import Airflow

_ENDED = {"success", "failed"}
_SHOWN = {"running", "success", "failed", "up_for_retry", "skipped"}


class Watch:
    """Polls one run's tasks, and what ``search`` has told of its pages.

    ``waits`` counts how often ``search`` gave its slot back to wait for X's limit.
    """

    def __init__(self, airflow: Airflow, dag_id: str, run_id: str) -> None:
        self.waits = 0
        self._airflow = airflow
        self._run = f"dags/{dag_id}/dagRuns/{run_id}"
        self._states: dict[str, str | None] = {}
        self._resumes_at: str | None = None
        self._begin = time.monotonic()

    def until_ended(self, timeout_s: float) -> str:
        """Print what happens until the run has ended, and return its state, or the last one before the timeout."""
        while True:
            state = str(self._airflow.get(self._run)["state"])
            for task in self._airflow.get(f"{self._run}/taskInstances", order_by="start_date")[
                "task_instances"
            ]:
                self._show(task["task_id"], task["state"])
            if state in _ENDED or time.monotonic() - self._begin > timeout_s:
                return state
            time.sleep(0.6)

    def _show(self, task_id: str, state: str | None) -> None:
        before = self._states.get(task_id)
        if task_id == "search" and state == "up_for_reschedule":
            self._show_wait()
        self._states[task_id] = state
        if state != before and state in _SHOWN:
            told = self._pages() if task_id == "search" and state in _ENDED else ""
            self._say(f"{task_id:<20} {state}{told}")

    def _show_wait(self) -> None:
        resumes_at = self._xcom("resumes_at")
        if resumes_at is None or resumes_at == self._resumes_at:
            return
        self.waits += 1
        self._resumes_at = resumes_at
        moment = datetime.fromisoformat(resumes_at)
        wait_s = (moment - datetime.now(UTC)).total_seconds()
        clock = moment.astimezone().strftime("%H:%M:%S")
        self._say(f"{'search':<20} limit reached{self._pages()}; waiting until {clock} ({wait_s:.0f} s)")

    def _pages(self) -> str:
        return f", pages so far: {self._xcom('pages')}, posts: {self._xcom('posts')}"

    def _xcom(self, key: str) -> Any:
        entry = self._airflow.get(f"{self._run}/taskInstances/search/xcomEntries/{key}")
        return entry["value"] if entry else None

    def _say(self, what: str) -> None:
        print(f"  {time.monotonic() - self._begin:4.0f} s  {what}", flush=True)
