"""Where prices and budgets are read, and what a run says of its money."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from tests.airflow_in_memory import at

from airflow_twitter.api.prices import Prices
from airflow_twitter.collecting.spending import how_to_go_on, spending_settings
from airflow_twitter.settings_files import spending_path
from airflow_twitter.spending.budgets import BudgetReached, dollars

PROJECT = Path(__file__).parent.parent.parent


def context(fileloc: Path | None) -> Any:
    """The context of a task whose DAG stands in a file."""
    return {"dag": SimpleNamespace(fileloc=None if fileloc is None else str(fileloc))}


def test_beside_the_dag(tmp_path: Path) -> None:
    """The file beside the DAG's counts, wherever the worker has its bundle; else that of the DAGs folder."""
    assert spending_path(str(tmp_path / "my.py")) == PROJECT / "dags" / "spending.yaml"
    (tmp_path / "spending.yaml").write_text("prices: {post_read: 1}")
    assert spending_path(str(tmp_path / "my.py")) == tmp_path / "spending.yaml"
    assert spending_settings(context(tmp_path / "my.py")).prices == Prices(post_read=1)
    assert spending_path(None) == spending_path() == PROJECT / "dags" / "spending.yaml"


def test_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """TWITTER_SPENDING comes first; when there is no such file the log says that there are no budgets."""
    monkeypatch.setenv("TWITTER_SPENDING", str(tmp_path / "money.yaml"))
    assert spending_path(str(PROJECT / "dags" / "x.py")) == tmp_path / "money.yaml"
    assert spending_settings().prices == Prices()
    assert "there are no budgets" in caplog.text


def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a mistake in the file the task fails, without a retry, and says where it is."""
    (tmp_path / "spending.yaml").write_text("prices: {post_raed: 1}")
    monkeypatch.setenv("TWITTER_SPENDING", str(tmp_path / "spending.yaml"))
    with pytest.raises(AirflowFailException, match=r"spending.yaml, line 1, prices.post_raed: unknown key"):
        spending_settings()


@pytest.mark.parametrize(
    ("scope", "wanted", "now", "advice"),
    [
        ("run", 0.5, "11-30 23:00:00", "again: the new run has a budget of its own."),
        (
            "run",
            1.5,
            "11-30 23:00:00",
            "again and run_budget=1.5 or more, which is what one request may cost.",
        ),
        ("day", 0.5, "11-30 23:00:00", "again from 2026-12-01T00:00:00Z on, when the next day begins"),
        ("month", 0.5, "11-30 23:00:00", "again from 2026-12-01T00:00:00Z on, when the next month begins"),
        ("month", 0.5, "01-31 23:00:00", "again from 2026-02-01T00:00:00Z on, when the next month begins"),
        ("month", 0.5, "12-01 00:00:00", "again from 2027-01-01T00:00:00Z on, when the next month begins"),
    ],
)
def test_how_to_go_on(scope: Any, wanted: float, now: str, advice: str) -> None:
    """The advice names what to do and from when on."""
    reached = BudgetReached("twitter_default", scope, 1.0, 0.9, wanted)
    assert how_to_go_on(reached, "trigger it again", at(now)).startswith(f"To go on, trigger it {advice}")


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "$0.00"), (0.005, "$0.005"), (1234.5, "$1,234.50"), (0.1 + 0.2, "$0.30"), (0.000001, "$0.000001")],
)
def test_dollars(amount: float, text: str) -> None:
    """Amounts are written in cents, or as fine as they are."""
    assert dollars(round(amount, 6)) == text
