"""Whole runs of the DAGs of upkeep, in the data folder that a collecting run has filled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


def test_unknown_key(run_dag: RunDag) -> None:
    """A key that the form does not have fails the run, and nothing is done."""
    run = run_dag("twitter_maintenance", {"staging_day": 1})
    assert run.state == "failed"
    assert "Unknown keys in the run's conf: staging_day" in run.log
