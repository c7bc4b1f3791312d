"""What the page says of money, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.pages.test_status import said

from airflow_twitter.spending.budgets import Budgets
from airflow_twitter.spending.ledger import Ledger, Purchase

Get = Callable[..., Any]


def buy(world: Any, conn_id: str = "twitter_default", posts: int = 60, users: int = 0) -> Ledger:
    """Note a purchase of today."""
    items = {"post_read": [f"p{n}" for n in range(posts)], "user_read": [f"u{n}" for n in range(users)]}
    ledger = Ledger(world.store, conn_id)
    ledger.record(Purchase(key="k", run="r", at=datetime.now(UTC), items=items))
    return ledger


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write a spending.yaml."""

    def write(text: str) -> None:
        (tmp_path / "spending.yaml").write_text(text)
        monkeypatch.setenv("TWITTER_SPENDING", str(tmp_path / "spending.yaml"))

    return write


def test_nothing(get: Get, world: Any) -> None:
    """Before the first purchase the page says that there was none."""
    assert "Spending Nothing was bought yet." in said(get())


def test_spent(get: Get, world: Any, settings: Callable[[str], None]) -> None:
    """Today's and this month's dollars stand beside the budgets, by connection."""
    settings("budgets:\n  twitter_default: {day: 20, month: 100}\n")
    world.dag("twitter_spending")
    buy(world, users=1)
    buy(world, "other", posts=1)
    text = said(get())
    assert "twitter_default $0.31 of $20.00 $0.31 of $100.00 60 posts, 1 user, 1 request nothing" in text
    assert "other $0.005 no budget $0.005 no budget 1 post, 0 users, 1 request nothing" in text
    assert 'href="../dags/twitter_spending"' in get().text


def test_not_sure(get: Get, world: Any) -> None:
    """What may have been billed besides is told."""
    ledger = buy(world)
    now = datetime.now(UTC)
    held = ledger.reserve("p", run="r", units={"post_read": 100}, at=now, budgets=Budgets(), since=now)
    ledger.unanswered(held)
    assert "up to $0.50 for requests under way or without an answer" in said(get())


def test_nearly_used_up(get: Get, world: Any, settings: Callable[[str], None]) -> None:
    """A budget of which little is left stands out."""
    settings("budgets:\n  twitter_default: {day: 0.31, month: 100}\n")
    buy(world)
    assert '<span class="low">$0.30</span> of $0.31' in get().text


def test_who_may_see_it(get: Get, world: Any) -> None:
    """Only who may read the DAG that compares spending sees any."""
    for dag_id in ("twitter_search__tea", "twitter_spending"):
        world.dag(dag_id)
    buy(world)
    assert "Spending" not in said(get(dags=["twitter_search__tea"]))
    assert "$" not in said(get(dags=["twitter_search__tea"]))
    assert "$0.30" in said(get(dags=["twitter_spending"]))


def test_mistakes(get: Get, world: Any, settings: Callable[[str], None]) -> None:
    """While spending.yaml has a mistake the page says that nothing is bought."""
    settings("prices: {post_read: cheap}\n")
    buy(world)
    assert "spending.yaml has mistakes (see Import Errors): nothing is bought until it is corrected." in said(
        get()
    )


def test_unreadable(get: Get, world: Any) -> None:
    """A ledger that cannot be read does not take the page with it."""
    folder = world.store.root / "ledger" / "twitter_default"
    (folder / f"{datetime.now(UTC):%Y-%m-%d}.jsonl").mkdir(parents=True)
    buy(world, "other")
    (folder / "2026-01-01.jsonl").write_text("")
    assert "The ledger of twitter_default cannot be read" in said(get())
