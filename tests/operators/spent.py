"""Budgets, what the ledger says was spent, and what the simulator's bill does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from tests.airflow_in_memory import NOON

from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Simulator
from airflow_twitter.simulator.bill import bills
from airflow_twitter.spending.ledger import Ledger, Summary


@pytest.fixture
def budgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write the budgets of the connection into a spending.yaml of the test."""

    def write(text: str) -> None:
        path = tmp_path / "spending.yaml"
        path.write_text(f"budgets:\n  twitter_default: {text}\n")
        monkeypatch.setenv("TWITTER_SPENDING", str(path))

    return write


def ledger(data_folder: Path) -> Ledger:
    """The connection's ledger as another process sees it."""
    return Ledger(Store(data_folder), "twitter_default")


def bought(data_folder: Path, day: datetime = NOON) -> Summary:
    """What the ledger says of a day."""
    return ledger(data_folder).day(day)


def agree(simulator: Simulator, data_folder: Path) -> None:
    """Every day of the ledger is the simulator's bill of it, and nothing is set aside any more."""
    of_ledger = ledger(data_folder)
    for date, bill in bills(simulator.book.requests).items():
        day = of_ledger.day(datetime.fromisoformat(f"{date}T00:00:00Z"))
        assert (day.posts, day.users, day.dollars) == (len(bill.posts), len(bill.users), bill.dollars), date
        assert day.reserved == 0.0
