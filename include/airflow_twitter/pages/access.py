"""Who may see the page, and what of it: Airflow mounts a plugin's application without any check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, status
from sqlalchemy import select
from sqlalchemy.orm import Session

_SHOWN = (DagAccessEntity.RUN, DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM)


@dataclass(frozen=True)
class Reader:
    """A logged-in user who may see the page, with what Airflow lets him read."""

    user: BaseUser
    dag_ids: frozenset[str]
    reads_assets: bool

    def readable(self, dag_ids: Iterable[str], session: Session) -> set[str]:
        """Return those of the DAGs that the user may read; of DAGs that are gone, as Airflow would decide."""
        asked = set(dag_ids)
        others = asked - self.dag_ids
        present = set(session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(others))))
        gone = {dag_id for dag_id in others - present if _may_read(self.user, dag_id)}
        return (asked & self.dag_ids) | gone


def reader(user: GetUserDep) -> Reader:
    """Return the request's user as a reader; answers 401 without a login and 403 without the right to read DAGs."""
    manager = get_auth_manager()
    dag_ids: set[str] = set()
    allowed = manager.is_authorized_view(access_view=AccessView.WEBSITE, user=user) and all(
        manager.is_authorized_dag(method="GET", access_entity=entity, user=user) for entity in _SHOWN
    )
    if allowed:
        dag_ids = manager.get_authorized_dag_ids(user=user, method="GET")
        allowed = bool(dag_ids) or manager.is_authorized_dag(method="GET", user=user)
    if not allowed:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not read DAGs.")
    return Reader(user, frozenset(dag_ids), manager.is_authorized_asset(method="GET", user=user))


def _may_read(user: BaseUser, dag_id: str) -> bool:
    return get_auth_manager().is_authorized_dag(method="GET", details=DagDetails(id=dag_id), user=user)


ReaderDep = Annotated[Reader, Depends(reader)]
