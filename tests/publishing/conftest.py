"""What the tests of publishing share: a store, and records on a clock that passes only when told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.records import Records


class Clock:
    """A clock that stands still unless it is moved on."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store in an empty folder."""
    return Store(tmp_path / "data")


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def records(store: Store, clock: Callable[[], datetime]) -> Records:
    """Return the records of an empty store."""
    return Records(store, now=clock)
