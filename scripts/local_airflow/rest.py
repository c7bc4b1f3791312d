"""The little of Airflow's REST API that starting and showing a run takes."""

from __future__ import annotations

from typing import Any

import requests

LOCKED_TRIES = 3
LOCKED_TIMEOUT_S = 90.0


class Airflow:
    """Talks to one Airflow's API server on loopback."""

    def __init__(self, port: int, password: str | None = None) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._password = password
        self._session = requests.Session()
        self._session.trust_env = False

    def health(self) -> dict[str, Any]:
        """Return the health of Airflow's parts; empty while the API server does not answer."""
        return self._try("api/v2/monitor/health", timeout_s=5)

    def is_ready_for_tasks(self) -> bool:
        """Say whether the API that tasks use answers. Its first answer takes seconds of computing."""
        return bool(self._try("execution/health", timeout_s=60))

    def _try(self, path: str, timeout_s: float) -> dict[str, Any]:
        try:
            answer = self._session.get(f"{self._url}/{path}", timeout=timeout_s)
        except requests.RequestException:
            return {}
        return dict(answer.json()) if answer.ok else {}

    def log_in(self, user: str = "admin") -> None:
        """Get a token for a user, and use it from here on."""
        answer = self._session.post(
            f"{self._url}/auth/token",
            json={"username": user, "password": self._password},
            timeout=LOCKED_TIMEOUT_S,
        )
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **params: str) -> Any:
        """Return the JSON that lies under ``/api/v2``, or None when there is nothing."""
        answer = self._session.get(f"{self._url}/api/v2/{path}", params=params, timeout=LOCKED_TIMEOUT_S)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return answer.json()

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Send a change and return the answer.

        Sent again when Airflow's database was locked: on SQLite its server can stand in its own way for as long as it
        waits for a lock (30 s, airflow_twitter/sqlite.py), and then answers 500 before it has changed anything.
        """
        for _ in range(LOCKED_TRIES):
            answer = self._session.request(
                method, f"{self._url}/api/v2/{path}", json=body, timeout=LOCKED_TIMEOUT_S
            )
            if answer.status_code != 500:
                break
        if not answer.ok:
            raise RuntimeError(
                f"Airflow refused {method} {path} with {answer.status_code}: {answer.text[:500]}"
            )
        return answer.json()
