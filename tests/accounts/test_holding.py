"""The hold of an account, and the distance between its posts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow_twitter.accounts.holding import Hold, held, hold, next_post_at, posted_now, release
from airflow_twitter.posts.store import Store

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
WHY = Hold(NOON, "credits", "No credits are left.", "manual__1")


def test_hold_and_release(tmp_path: Path) -> None:
    """An account is held until it is released; the first reason stays, and other accounts go on."""
    store = Store(tmp_path)
    assert held(store, "main") is None

    assert hold(store, "main", WHY) == WHY
    assert hold(store, "main", Hold(NOON, "auth", "Wrong keys.", "manual__2")) == WHY
    assert held(store, "main") == WHY
    assert held(store, "other") is None

    assert release(store, "main") == WHY
    assert held(store, "main") is None
    assert release(store, "main") is None


def test_damaged_hold_holds(tmp_path: Path) -> None:
    """A hold that cannot be read holds all the same, says so, and can be released."""
    store = Store(tmp_path)
    store.put("accounts/main/held.json", b"{")

    damaged = held(store, "main")

    assert damaged is not None
    assert "cannot be read" in damaged.error
    release(store, "main")
    assert held(store, "main") is None


def test_distance(tmp_path: Path) -> None:
    """The next post may come the distance after the last one, whoever wrote that down first."""
    store = Store(tmp_path)
    assert next_post_at(store, "main", 120) is None

    posted_now(store, "main", NOON)
    posted_now(store, "main", NOON - timedelta(minutes=5))

    assert next_post_at(store, "main", 120) == NOON + timedelta(seconds=120)
    assert next_post_at(store, "other", 120) is None
