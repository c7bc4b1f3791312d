"""Airflow's SQLite waits for its turn to write."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from airflow_twitter.sqlite import CONNECT_ARGS


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False, **CONNECT_ARGS)


def test_a_savepoint_waits_for_the_writer(tmp_path: Path) -> None:
    """Reading and then writing in a savepoint outlasts another writer, where plain SQLite gives up at once."""
    path = tmp_path / "airflow.db"
    ours, other = _connect(path), sqlite3.connect(path, check_same_thread=False)
    other.execute("CREATE TABLE runs (id INTEGER)")
    other.commit()
    other.execute("INSERT INTO runs VALUES (1)")
    release = threading.Timer(0.3, other.commit)
    release.start()

    cursor = ours.cursor()
    cursor.execute("SAVEPOINT a")
    assert cursor.execute("SELECT count(*) FROM runs").fetchall() == [(1,)]
    cursor.execute("INSERT INTO runs VALUES (2)")
    cursor.execute("RELEASE SAVEPOINT a")
    ours.commit()
    release.join()

    assert other.execute("SELECT id FROM runs ORDER BY id").fetchall() == [(1,), (2,)]
    ours.close()
    other.close()


@pytest.mark.parametrize(
    ("url", "count"), [("sqlite:////a.db", 2), ("postgresql+psycopg2://host/airflow", 0)]
)
def test_only_sqlite_gets_these_arguments(url: str, count: int) -> None:
    """Another database is connected to without them, for its driver would refuse them."""
    code = "from airflow_twitter.sqlite import CONNECT_ARGS; print(len(CONNECT_ARGS))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == count
