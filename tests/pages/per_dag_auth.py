"""An auth manager that knows rights to single DAGs, which Airflow's simple one does not."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class PerDagAuthManager(SimpleAuthManager):
    """Take a user's teams for the ids of the DAGs that he may read; who has none may read every one.

    The role GUEST may do nothing at all; VIEWER and NO_ASSETS read, the latter no assets.
    """

    def is_authorized_dag(
        self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None
    ) -> bool:
        if user.role == "GUEST":
            return False
        if method != "GET" and user.role in ("VIEWER", "NO_ASSETS"):
            return False
        if not user.teams:
            return True
        if details is None or details.id is None:
            return access_entity is not None
        return details.id in user.teams

    def is_authorized_view(self, *, access_view: Any, user: Any) -> bool:
        return user.role != "GUEST"

    def is_authorized_asset(self, *, method: Any, user: Any, details: Any = None) -> bool:
        return user.role not in ("GUEST", "NO_ASSETS")
