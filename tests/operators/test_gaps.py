"""Choosing which gaps to fill, within a budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.airflow_in_memory import NOON, Airflow, at

from airflow_twitter.operators.gaps import TwitterPlanFillsOperator
from airflow_twitter.posts import coverage
from airflow_twitter.posts.coverage import CoveredWindow
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Simulator

DAG = "twitter_search__tea"

pytestmark = pytest.mark.usefixtures("clock")


class Runs:
    """The runs that Airflow knows, by id, with their states."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.paused = False

    def get_dr_count(self, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        """Count runs."""
        return sum(run in self.states and (not states or self.states[run] in states) for run in run_ids)

    def get_dag(self, dag_id: str) -> Any:
        """Return what is known of a DAG."""
        return SimpleNamespace(is_paused=self.paused)


@pytest.fixture
def runs() -> Runs:
    """No runs."""
    return Runs()


@pytest.fixture
def plan(airflow: Airflow, tmp_path: Path, runs: Runs) -> Callable[..., list[dict[str, Any]]]:
    """Plan for one keyword."""

    def run(keywords: str = "- keyword: tea\n", **options: Any) -> list[dict[str, Any]]:
        (tmp_path / "keywords.yaml").write_text(f"keywords:\n{keywords}")
        context = airflow.context("plan", run_id="manual__fill")
        context["ti"].get_dr_count, context["ti"].get_dag = runs.get_dr_count, runs.get_dag
        context["dag"] = SimpleNamespace(fileloc=str(tmp_path / "twitter_upkeep.py"))
        return TwitterPlanFillsOperator(task_id="plan", **options).execute(context)

    return run


def cover(data_folder: Path, *spans: tuple[str, str], slug: str = "tea") -> None:
    """Record complete windows."""
    for since, until in spans:
        window = CoveredWindow(
            since=at(since), until=at(until), state="complete", dag_id=DAG, run_id=since, recorded_at=NOON
        )
        coverage.record(Store(data_folder), slug, slug, "recent", window)


def times(run: dict[str, Any]) -> tuple[str, str]:
    """The days of a run."""
    return run["conf"]["start_time"][5:10], run["conf"]["end_time"][5:10]


def test_budget_is_shared_out(data_folder: Path, plan: Any) -> None:
    """Each gap gets its share, and pages that are no larger; the gaps that recent search loses first come first."""
    cover(data_folder, ("11-25", "11-26"), ("11-27", "11-28"), ("11-29", "11-30"))

    runs = plan(budget="0.9")

    assert [times(run) for run in runs] == [("11-26", "11-27"), ("11-28", "11-29"), ("11-30", "12-01")]
    assert [(run["conf"]["run_budget"], run["conf"]["max_results"]) for run in runs] == [(0.3, 60)] * 3
    assert {run["trigger_dag_id"] for run in runs} == {DAG}
    # Counting before would take from a share that is one page.
    assert {run["conf"]["estimate"] for run in runs} == {"off"}
    assert len({run["trigger_run_id"] for run in runs}) == 3


def test_small_budget(data_folder: Path, plan: Any) -> None:
    """A budget that holds no more than a small page fills one gap; none at all fills none."""
    cover(data_folder, ("11-25", "11-26"), ("11-27", "11-28"), ("11-29", "12-01"))

    (run,) = plan(budget="0.06")
    assert (run["conf"]["run_budget"], run["conf"]["max_results"]) == (0.05, 10)
    assert plan(budget="0.04") == []
    assert len(plan(budget="10", runs_max="1")) == 1
    assert plan(runs_max="0") == []


def test_expansions_cost_more(data_folder: Path, plan: Any) -> None:
    """Where authors and referenced posts are bought too, a page of the same price is smaller."""
    cover(data_folder, ("11-25", "11-26"), ("11-27", "12-01"))
    (run,) = plan("- keyword: tea\n  expand: true\n")
    assert run["conf"]["max_results"] == 40


def test_once(data_folder: Path, plan: Any, runs: Runs) -> None:
    """A gap whose run is queued or running is left alone; after it has failed it is tried again, five times in all."""
    cover(data_folder, ("11-25", "11-26"), ("11-27", "12-01"))
    seen = []
    for _ in range(5):
        (run,) = plan()
        seen.append(run["trigger_run_id"])
        runs.states[seen[-1]] = "queued"
        assert plan() == []
        runs.states[seen[-1]] = "failed"

    assert len(set(seen)) == 5
    assert plan() == []


def test_any_active_run_counts(
    airflow: Airflow, data_folder: Path, plan: Any, runs: Runs, start_simulator: Callable[..., Simulator]
) -> None:
    """A gap in which another run is at work, such as a backfill, is left to that one."""
    start_simulator()
    cover(data_folder, ("11-25", "11-26"), ("11-27", "12-01"), slug="accounting")
    search = {"keyword": "accounting", "start_time": "2026-11-26", "end_time": "2026-11-27"}
    assert airflow.wait(search, run_id="backfill__1")
    folder = data_folder / "staging" / "twitter_search__accounting"
    (data_folder / "staging" / "twitter_search").rename(folder)

    runs.states["backfill__1"] = "running"
    assert plan("- keyword: accounting\n") == []
    runs.states["backfill__1"] = "success"
    assert len(plan("- keyword: accounting\n")) == 1


def test_left_alone(data_folder: Path, plan: Any, runs: Runs) -> None:
    """Gaps that have just ended, beyond recent search's reach, or of a paused DAG are left alone."""
    cover(data_folder, ("11-20", "11-21"), ("11-25", "11-30"))
    assert [times(run) for run in plan()] == [("11-30", "12-01")]
    assert plan(min_age_hours="13") == []
    archive, _ = plan(full_archive="True")
    assert (times(archive), archive["conf"]["endpoint"]) == (("11-21", "11-25"), "all")
    runs.paused = True
    assert plan() == []


def test_only_told(data_folder: Path, plan: Any, capfd: Any) -> None:
    """A dry run logs what it would start and starts nothing; a mistake in the file hides no other keyword."""
    cover(data_folder, ("11-25", "11-26"), ("11-27", "12-01"))
    assert plan("- keyword: tea\n- keyword: bad\n  page_max: many\n", tell_only="True") == []
    log = capfd.readouterr().out
    assert f"Fills a gap of {DAG}" in log
    assert "keywords[1].page_max" in log
