"""What connections have spent today and this month, for who may read the DAG that compares it with X's count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from airflow_twitter.dag_ids import SPENDING_DAG_ID
from airflow_twitter.pages.access import Reader
from airflow_twitter.posts.store import Store, StoreError
from airflow_twitter.settings_files import spending_path
from airflow_twitter.spending.budgets import Budgets
from airflow_twitter.spending.entries import Summary
from airflow_twitter.spending.ledger import Ledger, connections
from airflow_twitter.spending.settings import FILE, read_settings


@dataclass(frozen=True)
class Spending:
    """What one connection has spent, by UTC day and calendar month, and its budgets."""

    conn_id: str
    today: Summary
    month: Summary
    budgets: Budgets


def read_spending(
    session: Session, store: Store, reader: Reader, now: datetime
) -> tuple[list[Spending] | None, list[str]]:
    """Return the spending by connection, None for who may not see it; and what cannot be read."""
    if not reader.readable({SPENDING_DAG_ID}, session):
        return None, []
    settings, mistakes = read_settings(spending_path())
    problems = []
    if mistakes:
        problems.append(f"{FILE} has mistakes (see Import Errors): nothing is bought until it is corrected.")
    found = []
    for conn_id in _connections(store, problems):
        ledger = Ledger(store, conn_id, settings.prices)
        try:
            found.append(Spending(conn_id, ledger.day(now), ledger.month(now), settings.of(conn_id)))
        except (OSError, StoreError):
            problems.append(f"The ledger of {conn_id} cannot be read, so that nobody knows what was bought.")
    return found, problems


def _connections(store: Store, problems: list[str]) -> list[str]:
    try:
        return connections(store)
    except (OSError, StoreError):
        problems.append("The folder ledger cannot be read, so that nobody knows what was bought.")
        return []
