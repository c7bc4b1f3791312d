"""Whole runs that spend: a dry one, one with a budget, one that goes on, and the comparison with X's count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_twitter.posts.store import Store
from airflow_twitter.simulator.bill import bills
from airflow_twitter.spending.ledger import Ledger

pytestmark = pytest.mark.system

Start = Callable[..., Any]
RunDag = Callable[..., Any]
CONF = {"keyword": "accounting", "max_results": 20, "estimate": "warn"}


def test_spending(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """A dry run buys only counts; a budget ends a run partial; the next completes it; X counts what was noted."""
    simulator = start_simulator()

    dry = run_dag("twitter_search", {**CONF, "dry_run": True})
    assert dry.state == "success"
    assert {dry.tasks[name] for name in ("search", "validate", "merge", "window_complete")} == {"skipped"}
    assert dry.xcoms["search"]["estimate"]["posts"] == 60
    assert simulator.book.sold == []
    assert not (data_folder / "posts").exists()
    assert not (data_folder / "coverage").exists()

    first = run_dag("twitter_search", {**CONF, "run_budget": 0.25})
    assert first.state == "success"
    assert first.tasks["window_complete"] == "skipped"
    assert first.xcoms["search"]["reason"] == "budget"
    assert first.xcoms["search"]["dollars"] == 0.205
    assert f'continue_from_run="{first.run_id}": the new run has a budget of its own.' in first.log

    rest = run_dag("twitter_search", {**CONF, "run_budget": 0.25, "continue_from_run": first.run_id})
    assert rest.tasks["window_complete"] == "success"
    assert sorted(simulator.book.sold) == sorted(simulator.truth("accounting"))

    too_much = run_dag(
        "twitter_search", {**CONF, "keyword": "invoice", "estimate": "enforce", "run_budget": 0.1}
    )
    assert too_much.state == "failed"
    assert len(simulator.book.sold) == 60
    assert "run_budget=0.305 or more, or estimate=warn to buy what fits." in too_much.log

    told = run_dag("twitter_spending", {"tolerance": 0})
    assert told.state == "success"
    ledger = Ledger(Store(data_folder), "twitter_default")
    of_bills = {day: bill.dollars for day, bill in bills(simulator.book.requests).items()}
    assert {str(day): ledger.day(day).dollars for day in ledger.days()} == of_bills
    assert sum(of_bills.values()) == pytest.approx(0.32)
    assert f"twitter_default, {ledger.days()[0]}: " in told.log
    assert "X and the ledger agree, within 0 %." in told.log
