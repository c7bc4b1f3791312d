"""Take a run back that has nothing more to do, so that its turn is free at once; or have it look before its time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from airflow.api.common.mark_tasks import set_dag_run_state_to_success
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskreschedule import TaskReschedule
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from airflow_twitter.accounts.steps import WAIT_MIN_S
from airflow_twitter.http_api.waiting import UNDER_WAY

PATIENCE_S = 5.0
"""For so long a task that is at work is given time to see by itself that there is nothing more to do."""

_LOOK_EVERY_S = 0.25
_WAITS = (
    TaskInstanceState.UP_FOR_RESCHEDULE,
    TaskInstanceState.UP_FOR_RETRY,
    TaskInstanceState.AWAITING_INPUT,
    TaskInstanceState.SCHEDULED,
)
_AT_WORK = (TaskInstanceState.QUEUED, TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING)


def take_back(session: Session, dag_id: str, run_id: str) -> None:
    """End a run whose post is not to be sent: whatever of it waits is skipped.

    A task that is at work sees by itself that its post is over, and is not touched; should it begin to wait just
    then, it is found waiting a moment later.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not _taken_back(session, dag_id, run_id) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)


def _taken_back(session: Session, dag_id: str, run_id: str) -> bool:
    """End a run unless one of its tasks is at work; return whether it is over."""
    tasks = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    # What was read before is old, and SQLite lets nobody write who goes on from there: writing comes first.
    session.commit()
    session.execute(
        update(TaskInstance)
        .where(*tasks, TaskInstance.state.in_(_WAITS))
        .values(state=TaskInstanceState.SKIPPED, end_date=datetime.now(UTC))
        .execution_options(synchronize_session=False)
    )
    if session.scalar(select(TaskInstance.id).where(*tasks, TaskInstance.state.in_(_AT_WORK)).limit(1)):
        session.rollback()
        return False
    state = session.scalar(select(DagRun._state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session) if state in UNDER_WAY else None
    if dag is None:
        session.rollback()
    else:
        session.expire_all()
        set_dag_run_state_to_success(dag=dag, run_id=run_id, commit=True, session=session)
        session.commit()
    return True


def wake(session: Session, dag_id: str, run_id: str | None = None) -> None:
    """Have what waits in a run, or in all that have begun, look now; Airflow loses a wait of less than 10 seconds."""
    session.commit()
    waiting = session.execute(
        select(TaskReschedule.id, TaskReschedule.end_date)
        .join(TaskInstance, TaskInstance.id == TaskReschedule.ti_id)
        .where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.state == TaskInstanceState.UP_FOR_RESCHEDULE,
            TaskReschedule.reschedule_date > datetime.now(UTC),
            *([] if run_id is None else [TaskInstance.run_id == run_id]),
        )
    ).all()
    session.commit()
    for wait_id, since in waiting:
        at = max(datetime.now(UTC), since + timedelta(seconds=WAIT_MIN_S))
        session.execute(
            update(TaskReschedule)
            .where(TaskReschedule.id == wait_id, TaskReschedule.reschedule_date > at)
            .values(reschedule_date=at)
        )
    session.commit()
