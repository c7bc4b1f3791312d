"""How a post stands: from its record, from what its tasks said last, and from what its runs have come to."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_twitter.accounts.addresses import video_url
from airflow_twitter.accounts.holding import Hold
from airflow_twitter.accounts.settings import Account
from airflow_twitter.dag_ids import PUBLISH_DAG_ID
from airflow_twitter.publishing.errors import unknown
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.reports import Report, report
from airflow_twitter.publishing.states import PostState

_HOLDABLE = frozenset({PostState.QUEUED, PostState.WAITING})
_SETTLED_ERRORS = {
    PostState.UNKNOWN: "unknown",
    PostState.CANCELLED: "cancelled",
    PostState.EXPIRED: "expired",
    PostState.DUPLICATE: "duplicate",
    PostState.REJECTED: "rejected_by_approver",
    PostState.FAILED: "internal",
}


@dataclass(frozen=True)
class Said:
    """What a task said of the state of its post, and when."""

    report: Report
    at: datetime


@dataclass(frozen=True)
class Known:
    """What Airflow knows of posts, by key: what was said last, and the state of the run that has them."""

    said: Mapping[str, Said]
    runs: Mapping[str, str]


def known_of(session: Session, account: Account, keys: Collection[str]) -> Known:
    """Ask Airflow's database about posts of an account."""
    dags = (PUBLISH_DAG_ID, account.dag_id)
    said: dict[str, Said] = {}
    rows = session.execute(
        select(XComModel.run_id, XComModel.key, XComModel.value, XComModel.timestamp)
        .where(XComModel.dag_id.in_(dags), XComModel.run_id.in_(keys), XComModel.key == "state")
        .order_by(XComModel.timestamp)
    )
    for row in rows:
        told = _read(XComModel.deserialize_value(row))
        if told is not None:
            said[row.run_id] = Said(told, row.timestamp)
    runs: dict[str, str] = {}
    found = session.execute(
        select(DagRun.run_id, DagRun.dag_id, DagRun._state).where(
            DagRun.dag_id.in_(dags), DagRun.run_id.in_(keys)
        )
    )
    # The run in the queue comes after the one that prepared the post.
    for run in sorted(found, key=lambda run: run.dag_id == account.dag_id):
        runs[run.run_id] = str(run._state)
    return Known(said, runs)


def report_of(
    account: Account, key: str, record: Record | None, known: Known, why: Hold | None, now: datetime
) -> Report:
    """Return how a post stands now. `why` is what its account is held for."""
    said, run = known.said.get(key), known.runs.get(key)
    shown = _shown(record, said, now)
    if run == DagRunState.FAILED.value and shown.state.goes_on:
        shown = _of_ended(key, record)
    if why is not None and shown.state in _HOLDABLE:
        shown = replace(
            shown, state=PostState.HELD, error_type=why.error_type, error=why.error, will_retry=True
        )
    if record is None:
        return shown
    has_video = record.content.media_sha256 is not None
    return replace(
        shown,
        video_url=video_url(account.account, key) if has_video else None,
        post_url=record.post_url or shown.post_url,
        simulated=record.simulated,
    )


def damaged(why: str) -> Report:
    """Return how a post stands whose record cannot be read: it may be out, and a person has to look."""
    return Report(PostState.UNKNOWN, error_type="record", error=why)


def _shown(record: Record | None, said: Said | None, now: datetime) -> Report:
    if record is None:
        return _now(said, now) if said else _of(PostState.PREPARING)
    if said is None:
        return _of(record.state)
    settled = record.state.over or record.state is PostState.UNKNOWN
    if said.report.state is record.state or (_is_newer(said, record) and not settled):
        return _now(said, now)
    return _of(record.state)


def _is_newer(said: Said, record: Record) -> bool:
    """Tell whether a task said something after what was noted last; it notes in the record first, and then says it."""
    last = record.history[-1] if record.history else None
    if last is None:
        return True
    return said.at >= last.at - timedelta(seconds=1 if last.by is None else 0)


def _of_ended(key: str, record: Record | None) -> Report:
    """Return how a post stands whose task died, or was ended by a person, before it could say so."""
    if record is not None and record.in_doubt:
        return report(PostState.UNKNOWN, now=datetime.now(UTC), error=unknown(key, "its run ended since"))
    error = f"The run {key} ended without saying why; its log in Airflow may tell."
    return Report(PostState.FAILED, error_type="internal", error=error)


def _of(state: PostState) -> Report:
    return Report(state, error_type=_SETTLED_ERRORS.get(state), will_retry=state.goes_on)


def _now(said: Said, now: datetime) -> Report:
    """Return what was said, with the seconds that are left of it."""
    after = said.report.retry_after_s
    if after is None:
        return said.report
    left = after - (now - said.at.astimezone(UTC)).total_seconds()
    return replace(said.report, retry_after_s=max(0, math.ceil(left)))


def _read(value: Any) -> Report | None:
    if not isinstance(value, dict):
        return None
    try:
        return Report(
            state=PostState(value["state"]),
            error_type=value["error_type"],
            error=value["error"],
            retry_after_s=value["retry_after"],
            will_retry=value["will_retry"],
            progress=value["progress"],
            post_url=value["post_url"],
            simulated=value["simulated"],
        )
    except (KeyError, ValueError):
        return None
