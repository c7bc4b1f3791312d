"""Make the runs behind a post, start them again, and change them while they wait, as Airflow's own API does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.core_api.services.public.dag_run import patch_dag_run_note
from airflow.exceptions import DagNotFound, DagRunAlreadyExists
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType
from fastapi import status
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from airflow_twitter.accounts.showing import run_note
from airflow_twitter.http_api.guard import Caller
from airflow_twitter.http_api.problems import ApiError
from airflow_twitter.publishing.record import Record

NOT_YET_RETRY_S = 30


def find_run(session: Session, dag_id: str, run_id: str) -> DagRun | None:
    """Return a run, None when there is none."""
    return session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))


def start(
    session: Session,
    caller: Caller,
    dag_id: str,
    run_id: str,
    conf: dict[str, Any],
    *,
    run_after: datetime | None = None,
    note: str | None = None,
) -> None:
    """Make a run, and have it stand in the database; one that is there already stays as it is."""
    dag = session.scalar(select(DagModel).where(DagModel.dag_id == dag_id, DagModel.is_stale.is_(False)))
    if dag is None or dag.has_import_errors:
        raise _not_yet(dag_id)
    try:
        trigger_dag(
            dag_id,
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name=caller.name,
            run_id=run_id,
            conf=conf,
            run_after=run_after,
            note=note,
            session=session,
        )
        session.commit()
    except DagRunAlreadyExists:
        session.rollback()
    except (DagNotFound, ValueError):
        # Its params, the accounts among them, are those of a parse that is older than accounts.yaml.
        session.rollback()
        raise _not_yet(dag_id) from None


def queue_again(session: Session, caller: Caller, record: Record) -> None:
    """Have a post's run in the queue of its account start again; make it when it is gone."""
    run = find_run(session, caller.account.dag_id, record.key)
    if run is None:
        not_before = datetime.fromisoformat(record.details["run_after"])
        conf = {"post": record.key}
        start(
            session,
            caller,
            caller.account.dag_id,
            record.key,
            conf,
            run_after=not_before,
            note=run_note(record),
        )
    elif run.state in (DagRunState.SUCCESS, DagRunState.FAILED):
        dag = DBDagBag().get_latest_version_of_dag(caller.account.dag_id, session=session)
        if dag is None:
            raise _not_yet(caller.account.dag_id)
        dag.clear(run_id=record.key, session=session)
        session.commit()


def set_not_before(session: Session, dag_id: str, run_id: str, moment: datetime) -> bool:
    """Change when a run that waits may begin at the earliest; return False when it waits no more."""
    changed = session.execute(
        update(DagRun)
        .where(DagRun.dag_id == dag_id, DagRun.run_id == run_id, DagRun._state == DagRunState.QUEUED)
        .values(run_after=moment)
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def set_note(session: Session, caller: Caller, record: Record) -> None:
    """Show the text of a post beside its run in the queue."""
    run = find_run(session, caller.account.dag_id, record.key)
    if run is not None:
        patch_dag_run_note(dag_run=run, note=run_note(record), user=caller.user)


def _not_yet(dag_id: str) -> ApiError:
    return ApiError(
        status.HTTP_503_SERVICE_UNAVAILABLE,
        f"Airflow does not know the DAG {dag_id} yet, or has found a mistake in its file. Look at Import Errors, "
        "else ask again soon.",
        headers={"Retry-After": str(NOT_YET_RETRY_S)},
    )
