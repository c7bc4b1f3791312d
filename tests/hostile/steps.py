"""A good run, and every later step that meets its files again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.airflow_in_memory import DAG_ID, Airflow, staged

from airflow_twitter.operators.gaps import TwitterPlanFillsOperator
from airflow_twitter.operators.maintenance import TwitterMaintenanceOperator
from airflow_twitter.pages import status
from airflow_twitter.pages.datasets import read_coverage
from airflow_twitter.pages.spending import read_spending
from airflow_twitter.pages.staged import Staged
from airflow_twitter.posts.export import export
from airflow_twitter.posts.store import Store

SEARCH = {"keyword": "accounting", "max_results": 20, "expand": True, "verify_counts": True}
STOPPED = "manual__stopped"
BEGUN = "manual__begun"


def _since(day: int) -> dict[str, str]:
    return {"start_time": f"2026-11-{day}T13:00:00Z", "end_time": "2026-12-01T00:00:00Z"}


def good_runs(airflow: Airflow, data_folder: Path) -> None:
    """Collect a keyword whole, once to a partial end, and once up to a page before the end."""
    airflow.collect(SEARCH)
    partial = {**SEARCH, "page_max": 1, **_since(24)}
    airflow.collect(partial, run_id=STOPPED)
    airflow.search({**SEARCH, **_since(24)}, run_id=BEGUN)
    pages = sorted((data_folder / staged(data_folder, BEGUN).folder / "pages").iterdir())
    pages[-1].unlink()


class Later:
    """One copy of what the good runs left, for one step: every step is a method without arguments."""

    def __init__(self, airflow: Airflow, folder: Path, keywords: Path) -> None:
        self.airflow = copy.deepcopy(airflow)
        self.folder = folder
        self.keywords = keywords

    def search_resumed(self) -> None:
        """Go on with the run that lacks its last page."""
        search = {**SEARCH, **_since(24)}
        self.airflow.wait(search, run_id=BEGUN)
        self.airflow.search(search, run_id=BEGUN)

    def continued(self) -> None:
        """Go on in another run with the partial one."""
        search = {**SEARCH, "continue_from_run": STOPPED}
        self.airflow.wait(search, run_id="manual__next")
        self.airflow.search(search, run_id="manual__next")

    def validate(self) -> None:
        """Validate the first run again."""
        self.airflow.validate()

    def merge(self) -> None:
        """Merge the first run again."""
        self.airflow.merge()

    def export(self) -> None:
        """Write the export."""
        export(Store(self.folder), "accounting")

    def second_run(self) -> None:
        """Collect the same keyword again."""
        search = {**SEARCH, **_since(25)}
        self.airflow.collect(search, run_id="manual__second")

    def refetch(self) -> None:
        """Clear the first run and buy its window anew."""
        self.airflow.wait({**SEARCH, "refetch": True}, clear_number=1)
        self.airflow.search({**SEARCH, "refetch": True}, clear_number=1)

    def page(self) -> None:
        """Read all that the status page shows of the data folder."""
        store = Store(self.folder)
        held = Staged(store)
        queries, _ = read_coverage(store)
        for run_id in ("manual__1", STOPPED, BEGUN):
            held.window((DAG_ID, run_id))
            held.pages((DAG_ID, run_id))
        status._keywords(store, ["accounting"], {}, queries, {}, held)
        reader: Any = SimpleNamespace(readable=lambda dag_ids, session: set(dag_ids))
        read_spending(SimpleNamespace(), store, reader, datetime.now(UTC))  # type: ignore[arg-type]

    def gaps(self) -> None:
        """Plan the runs that fill the gaps."""
        context = self.airflow.context("plan", run_id="scheduled__1")
        context["dag"] = SimpleNamespace(fileloc=str(self.keywords))
        context["ti"].get_dr_count = lambda *args, **kwargs: 0
        context["ti"].get_dag = lambda dag_id: SimpleNamespace(is_paused=False)
        TwitterPlanFillsOperator(task_id="plan").execute(context)

    def maintenance(self) -> None:
        """Throw away all that may be."""
        context = self.airflow.context("clean", run_id="scheduled__1")
        context["ti"].get_dr_count = lambda *args, **kwargs: 0
        days = dict.fromkeys(("staging_days", "partial_days", "quarantine_days", "media_days"), -1)
        TwitterMaintenanceOperator(task_id="clean", **days).execute(context)


STEPS: dict[str, Callable[[Later], None]] = {
    name: step for name, step in vars(Later).items() if not name.startswith("_")
}
