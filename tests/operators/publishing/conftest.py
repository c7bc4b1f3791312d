"""An Airflow in memory that publishes, and a simulator to point it at."""

from __future__ import annotations

from functools import partialmethod

import pytest
from tests.approving import asked
from tests.publishing_in_memory import airflow, start_simulator

from airflow_twitter.api.user_client import UserClient

__all__ = ["airflow", "asked", "start_simulator"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients give up at once, where they would try for two minutes."""
    monkeypatch.setattr(UserClient, "__init__", partialmethod(UserClient.__init__, retry_for_s=0.0))
