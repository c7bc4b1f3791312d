"""Whole runs of the DAGs of upkeep, in the data folder that a collecting run has filled."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_twitter.simulator import Topic, World

pytestmark = pytest.mark.system

Start = Callable[..., Any]
RunDag = Callable[..., Any]


def test_maintenance(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """The DAG removes the pages of the run that was merged, and keeps those of the partial one."""
    simulator = start_simulator()
    merged = run_dag("twitter_search", {"keyword": "sevdesk"})
    partial = run_dag("twitter_search", {"keyword": "invoice", "page_max": 1, "max_results": 10})
    asked = len(simulator.book.requests)

    told = run_dag("twitter_maintenance", {"staging_days": 0, "dry_run": True})
    assert told.xcoms["clean"]["return_value"]["runs"] == [f"staging/twitter_search/{merged.run_id}"]
    run = run_dag("twitter_maintenance", {"staging_days": 0})

    assert run.state == "success"
    assert run.xcoms["clean"]["return_value"]["runs"] == [f"staging/twitter_search/{merged.run_id}"]
    assert run.xcoms["clean"]["return_value"]["kept"] == {"partial": 1}
    assert "Removed the staged pages of 1 runs" in run.log
    assert [path.name for path in data_folder.glob("staging/*/*")] == [partial.run_id]
    assert (data_folder / "tweets_sevdesk.json").exists()
    assert len(simulator.book.requests) == asked


def test_recheck(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """The price is told for nothing; then what is gone leaves the dataset and the export, and the report says so."""
    simulator = start_simulator()
    run_dag("twitter_search", {"keyword": "invoice"})
    gone = simulator.truth("invoice")[:2]
    simulator.withdraw(gone)

    told = run_dag("twitter_recheck", {"again_after_days": 0, "dry_run": True})
    assert told.state == "success"
    assert told.xcoms["price"]["return_value"] == {"due": 60, "asked": 60, "requests": 1, "dollars": 0.3}
    assert (told.tasks["look_up"], told.tasks["withdraw"]) == ("skipped", "skipped")
    assert simulator.book.to("lookup") == []
    run = run_dag("twitter_recheck", {"again_after_days": 0})

    assert run.state == "success"
    assert run.xcoms["withdraw"]["return_value"]["gone"] == {"deleted": 2}
    assert "60 posts are due, 60 are asked for in 1 requests, for $0.30 at most" in run.log
    exported = [post["id"] for post in json.loads((data_folder / "tweets_invoice.json").read_bytes())]
    assert exported == simulator.truth("invoice")[::-1]
    (report,) = (data_folder / "rechecks").glob("*.json")
    assert json.loads(report.read_bytes())["gone"] == {"deleted": gone[::-1]}


def test_fill_gaps(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """Gaps are filled by runs that the DAG starts, each within its share of the budget; then there is none."""
    simulator = start_simulator(world=World(topics={"invoice": Topic(per_day=30)}))
    dag_id = "twitter_search__invoice"
    before = {"start_time": day(-3), "end_time": day(-2)}
    assert run_dag(dag_id, before).state == "success"
    partial = run_dag(dag_id, {"start_time": day(-1), "end_time": day(0), "page_max": 1, "max_results": 10})

    told = run_dag("twitter_fill_gaps", {"dry_run": True, "min_age_hours": 0})
    assert told.xcoms["plan"]["due"] == 2
    assert told.tasks["fill"] == "skipped"
    filled = run_dag("twitter_fill_gaps", {"min_age_hours": 0, "budget": 1})

    assert filled.state == "success"
    missing, continued = filled.xcoms["plan"]["return_value"]
    assert missing["conf"] == {
        "start_time": day(-2),
        "end_time": day(-1),
        "run_budget": 0.5,
        "max_results": 100,
        "estimate": "off",
    }
    assert continued["conf"] == {
        "continue_from_run": partial.run_id,
        "run_budget": 0.5,
        "estimate": "off",
    }
    for run in (missing, continued):
        assert run_dag(run["trigger_dag_id"], run["conf"]).state == "success"
    done = run_dag("twitter_fill_gaps", {"min_age_hours": 0})
    assert done.xcoms["plan"]["due"] == 0
    exported = {post["id"] for post in json.loads((data_folder / "tweets_invoice.json").read_bytes())}
    assert set(simulator.truth("invoice", since=day(-3), until=day(0))) <= exported


def day(offset: int) -> str:
    """Midnight of a day before today."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{today + timedelta(days=offset):%Y-%m-%dT%H:%M:%SZ}"


def test_unknown_key(run_dag: RunDag) -> None:
    """A key that the form does not have fails the run, and nothing is done."""
    run = run_dag("twitter_maintenance", {"staging_day": 1})
    assert run.state == "failed"
    assert "Unknown keys in the run's conf: staging_day" in run.log
