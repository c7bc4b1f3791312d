"""Let Airflow on SQLite wait for its turn to write, so that a backfill beside a busy scheduler does not fail.

Airflow reads and then writes within a savepoint. SQLite gives the second step up at once, whatever the timeout,
when somebody else has begun to write in between ("database is locked"), and `airflow backfill create` leaves half
a backfill behind. Taking the write lock with the savepoint makes it wait instead.
Source: sqlite.org/lang_transaction.html
"""

from __future__ import annotations

import os
import sqlite3
from typing import Any


class PatientCursor(sqlite3.Cursor):
    """Begins to write when a savepoint begins a transaction."""

    def execute(self, sql: str, parameters: Any = ()) -> PatientCursor:
        """Run a statement."""
        if sql.startswith("SAVEPOINT") and not self.connection.in_transaction:
            super().execute("BEGIN IMMEDIATE")
        super().execute(sql, parameters)
        return self


class PatientConnection(sqlite3.Connection):
    """A connection whose savepoints wait for the write lock."""

    def cursor(self, factory: Any = PatientCursor) -> Any:
        """Return a cursor."""
        return super().cursor(factory)


_SQLITE = os.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite").startswith("sqlite")

CONNECT_ARGS: dict[str, Any] = {"timeout": 30.0, "factory": PatientConnection} if _SQLITE else {}
"""For Airflow's setting `sql_alchemy_connect_args`, in seconds; empty where another database is configured."""
