"""What Airflow's database says of the runs that collect posts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from airflow_twitter.dag_ids import ANY_KEYWORD_DAG_ID, keyword_dag_id
from airflow_twitter.pages.datasets import SLUG

UNDER_WAY_MAX = 100
RECENT_MAX = 50

_AT_WORK = (
    TaskInstanceState.UP_FOR_RESCHEDULE,
    TaskInstanceState.UP_FOR_RETRY,
    TaskInstanceState.RUNNING,
    TaskInstanceState.RESTARTING,
    TaskInstanceState.DEFERRED,
    TaskInstanceState.QUEUED,
    TaskInstanceState.SCHEDULED,
)

RunKey = tuple[str, str]


@dataclass(frozen=True)
class Run:
    """One DAG run; `number` grows with every run that Airflow makes."""

    number: int
    dag_id: str
    run_id: str
    state: str
    run_after: datetime

    @property
    def key(self) -> RunKey:
        """Return what names the run."""
        return self.dag_id, self.run_id


@dataclass(frozen=True)
class CollectingDag:
    """A DAG that collects posts."""

    dag_id: str
    is_paused: bool
    schedule: str | None


@dataclass(frozen=True)
class Position:
    """The task that a run is at, and when it goes on, what for and with how many posts, as it said before it waited."""

    task_id: str
    state: str
    resumes_at: datetime | None = None
    waits_for: str | None = None
    posts: int | None = None


def own_slug(dag_id: str) -> str | None:
    """Return the slug of the keyword whose own DAG this is, None for every other DAG."""
    prefix = keyword_dag_id("")
    slug = dag_id.removeprefix(prefix)
    return slug if dag_id.startswith(prefix) and SLUG.fullmatch(slug) else None


def collecting_dags(session: Session, dag_ids: Collection[str]) -> dict[str, CollectingDag]:
    """Return those of the DAGs that are this project's and still in its DAG files, by id."""
    ours = [dag_id for dag_id in dag_ids if dag_id == ANY_KEYWORD_DAG_ID or own_slug(dag_id)]
    rows = session.execute(
        select(DagModel.dag_id, DagModel.is_paused, DagModel.timetable_summary)
        .where(DagModel.dag_id.in_(ours), DagModel.is_stale.is_(False))
        .order_by(DagModel.dag_id)
    )
    return {row.dag_id: CollectingDag(row.dag_id, row.is_paused, row.timetable_summary) for row in rows}


def last_runs(session: Session, dag_ids: Collection[str]) -> list[Run]:
    """Return the newest run of each DAG that has one."""
    newest = select(func.max(DagRun.id)).where(DagRun.dag_id.in_(dag_ids)).group_by(DagRun.dag_id)
    return _runs(session, DagRun.id.in_(newest))


def recent_runs(session: Session, dag_id: str) -> list[Run]:
    """Return the newest runs of one DAG, newest first."""
    return _runs(session, DagRun.dag_id == dag_id, limit=RECENT_MAX)


def named_runs(session: Session, keys: Iterable[RunKey]) -> list[Run]:
    """Return those of the runs that Airflow still knows."""
    return _runs(session, tuple_(DagRun.dag_id, DagRun.run_id).in_(list(keys)))


def runs_under_way(session: Session, dag_ids: Collection[str]) -> list[Run]:
    """Return the runs that have not ended, newest first."""
    states = (DagRunState.QUEUED, DagRunState.RUNNING)
    return _runs(session, DagRun.dag_id.in_(dag_ids), DagRun._state.in_(states), limit=UNDER_WAY_MAX)


def positions(session: Session, keys: Collection[RunKey]) -> dict[RunKey, Position]:
    """Return where runs stand; a run between two tasks is left out."""
    tasks = session.execute(
        select(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.state).where(
            tuple_(TaskInstance.dag_id, TaskInstance.run_id).in_(list(keys)), TaskInstance.state.in_(_AT_WORK)
        )
    ).all()
    said = _said(session, keys)
    found: dict[RunKey, Position] = {}
    for state in _AT_WORK:
        for task in tasks:
            key = (task.dag_id, task.run_id)
            if task.state == state and key not in found:
                found[key] = _position(task.task_id, state, said.get((*key, task.task_id), {}))
    return found


def _position(task_id: str, state: TaskInstanceState, said: dict[str, Any]) -> Position:
    posts = said.get("posts")
    return Position(
        task_id,
        state.value,
        resumes_at=_moment(said.get("resumes_at")),
        waits_for=str(said.get("waits_for")),
        posts=posts if isinstance(posts, int) else None,
    )


def _said(session: Session, keys: Collection[RunKey]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return what tasks pushed before they waited; Airflow empties it when they start again."""
    rows = session.execute(
        select(XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.key, XComModel.value).where(
            tuple_(XComModel.dag_id, XComModel.run_id).in_(list(keys)),
            XComModel.key.in_(("resumes_at", "waits_for", "posts")),
        )
    )
    said: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        task = said.setdefault((row.dag_id, row.run_id, row.task_id), {})
        task[row.key] = XComModel.deserialize_value(row)
    return said


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _runs(session: Session, *conditions: ColumnElement[bool], limit: int | None = None) -> list[Run]:
    columns = (DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun._state, DagRun.run_after)
    rows = session.execute(select(*columns).where(*conditions).order_by(DagRun.id.desc()).limit(limit))
    return [Run(number, dag_id, run_id, str(state), after) for number, dag_id, run_id, state, after in rows]
