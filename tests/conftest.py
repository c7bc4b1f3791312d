"""What the tests share: a private Airflow home, a data folder, and a connection to a simulator."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def _own_airflow() -> None:
    """Give this test process an Airflow of its own; Airflow reads this when it is first imported."""
    home = tempfile.mkdtemp(prefix="airflow-twitter-tests-")
    os.environ.update(
        AIRFLOW_HOME=home,
        AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
        AIRFLOW__CORE__PLUGINS_FOLDER=str(PROJECT / "plugins"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__UNIT_TEST_MODE="False",
        AIRFLOW__LOGGING__LOGGING_LEVEL="INFO",
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    )
    for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        del os.environ[name]


# Here and not in a hook: pytest imports the conftest files of named folders, and with them Airflow, before its hooks.
_own_airflow()


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that TWITTER_DATA names."""
    folder = tmp_path / "data"
    monkeypatch.setenv("TWITTER_DATA", str(folder))
    return folder


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Point the connection `twitter_default` at a base URL."""

    def set_connection(
        host: str, login: str = "app-key", password: str = "app-secret-of-tests", **extra: str
    ) -> None:
        connection = {
            "conn_type": "twitter",
            "host": host,
            "login": login,
            "password": password,
            "extra": extra,
        }
        monkeypatch.setenv("AIRFLOW_CONN_TWITTER_DEFAULT", json.dumps(connection))

    return set_connection


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Airflow's metadata database, empty but for its tables."""
    from airflow.utils.db import initdb

    initdb()
