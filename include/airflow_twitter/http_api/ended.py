"""Which posts of an account wait no more, newest first, and of which of them nobody knows whether they are out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_twitter.accounts.settings import Account
from airflow_twitter.dag_ids import DECIDE_DAG_ID, PUBLISH_DAG_ID
from airflow_twitter.http_api.waiting import UNDER_WAY, record_of
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState

RUNS_MAX = 200
"""So many of the newest runs of each DAG are looked at."""

_OVER = (DagRunState.SUCCESS, DagRunState.FAILED)


@dataclass(frozen=True)
class Ended:
    """A post whose runs have ended. `text` is what was asked for, None where only the record knows."""

    key: str
    at: datetime
    failed: bool
    text: str | None


def ended(session: Session, account: Account, waiting: Collection[str]) -> list[Ended]:
    """Return the posts whose runs have ended, newest first, without those that wait again."""
    found: dict[str, Ended] = {}
    for dag_id in (PUBLISH_DAG_ID, account.dag_id):
        rows = session.execute(
            select(DagRun.run_id, DagRun._state, DagRun.conf, DagRun.end_date, DagRun.run_after)
            .where(DagRun.dag_id == dag_id, DagRun._state.in_(_OVER))
            .order_by(DagRun.id.desc())
            .limit(RUNS_MAX)
        )
        for run_id, state, conf, end_date, run_after in rows:
            asked = conf if isinstance(conf, dict) else {}
            if dag_id == PUBLISH_DAG_ID and asked.get("account") != account.account:
                continue
            text = (
                str(asked["text"]) if "text" in asked else (found[run_id].text if run_id in found else None)
            )
            failed = str(state) == DagRunState.FAILED.value
            found[run_id] = Ended(run_id, end_date or run_after, failed, text)
    return sorted(
        (each for each in found.values() if each.key not in waiting),
        key=lambda each: (each.at, each.key),
        reverse=True,
    )


def in_doubt(session: Session, records: Records, account: Account, over: Collection[Ended]) -> list[str]:
    """Return the posts of which nobody knows whether they are out: those that failed, and those that are asked about."""
    asked = session.scalars(
        select(DagRun.conf).where(DagRun.dag_id == DECIDE_DAG_ID, DagRun._state.in_(UNDER_WAY))
    )
    keys = {each.key: None for each in over if each.failed}
    for conf in asked:
        if isinstance(conf, dict) and conf.get("account") == account.account:
            keys.setdefault(str(conf.get("post")))
    found = []
    for key in keys:
        record = record_of(records, account.account, key)
        if record is not None and (record.in_doubt or record.state is PostState.UNKNOWN):
            found.append(key)
    return found
