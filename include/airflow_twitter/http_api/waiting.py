"""What waits to be posted by an account, in which order: runs of its queue, and posts that are being prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_twitter.accounts.form import PostFormError, moment
from airflow_twitter.accounts.settings import Account
from airflow_twitter.dag_ids import PUBLISH_DAG_ID
from airflow_twitter.posts.store import StoreError
from airflow_twitter.publishing.errors import RecordError
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.records import Records

UNDER_WAY = (DagRunState.QUEUED, DagRunState.RUNNING)


@dataclass(frozen=True)
class Waiting:
    """One post on its way. `not_before` orders the queue; `queued` says that it has a run there, `running` its turn."""

    key: str
    not_before: datetime
    queued: bool
    running: bool
    text: str | None = None


def waiting(session: Session, records: Records, account: Account) -> list[Waiting]:
    """Return what waits, in the order in which Airflow takes it: whatever has its turn comes first."""
    rows = session.execute(
        select(DagRun.run_id, DagRun._state, DagRun.run_after).where(
            DagRun.dag_id == account.dag_id, DagRun._state.in_(UNDER_WAY)
        )
    )
    found = {
        row.run_id: Waiting(row.run_id, row.run_after, True, str(row._state) == DagRunState.RUNNING.value)
        for row in rows
    }
    for each in _being_prepared(session, records, account):
        found.setdefault(each.key, each)
    return sorted(found.values(), key=lambda each: (not each.running, each.not_before, each.key))


def place_of(key: str, queue: list[Waiting]) -> int | None:
    """Return the place of a post, 1 for the next one; None when it does not wait any more."""
    return next((place for place, each in enumerate(queue, start=1) if each.key == key), None)


def asked_of(session: Session, account: Account, key: str) -> Mapping[str, Any] | None:
    """Return what a run of twitter_publish was asked for, None when there is no such run for the account."""
    conf = session.scalar(select(DagRun.conf).where(DagRun.dag_id == PUBLISH_DAG_ID, DagRun.run_id == key))
    return conf if isinstance(conf, dict) and conf.get("account") == account.account else None


def is_paused(session: Session, dag_id: str) -> bool | None:
    """Tell whether a DAG is paused; None when Airflow does not know it."""
    return session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag_id))


def record_of(records: Records, account: str, key: str) -> Record | None:
    """Return the record of a post, None when there is none or it cannot be read."""
    return record_or_damage(records, account, key)[0]


def record_or_damage(records: Records, account: str, key: str) -> tuple[Record | None, str | None]:
    """Return the record of a post, if there is one; or why it cannot be read, and what to do."""
    try:
        return records.find(account, key), None
    except (RecordError, StoreError) as error:
        return None, str(error)


def _being_prepared(session: Session, records: Records, account: Account) -> list[Waiting]:
    rows = session.execute(
        select(DagRun.run_id, DagRun.run_after, DagRun.conf).where(
            DagRun.dag_id == PUBLISH_DAG_ID, DagRun._state.in_(UNDER_WAY)
        )
    )
    found = []
    for run_id, run_after, conf in rows:
        asked = conf if isinstance(conf, dict) else {}
        if asked.get("account") != account.account or asked.get("dry_run"):
            continue
        record = record_of(records, account.account, run_id)
        if record is None or not record.state.over:
            at = not_before(record, asked, run_after)
            found.append(Waiting(run_id, at, False, False, str(asked.get("text"))))
    return found


def not_before(record: Record | None, asked: Mapping[str, Any], run_after: datetime) -> datetime:
    """Return by which moment a post that is being prepared will be ordered in the queue."""
    if record is not None and (said := record.details.get("run_after")):
        return datetime.fromisoformat(said).astimezone(UTC)
    try:
        return max(run_after, moment(asked, "publish_at") or run_after)
    except PostFormError:
        return run_after
