"""What the tests of the spending share: a store in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_twitter.posts.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in an empty folder."""
    return Store(tmp_path / "data")
