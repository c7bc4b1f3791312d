"""A program that speaks to the HTTP API, and the DAGs that stand behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

API = "/twitter/api/v1"
MAIN = f"{API}/accounts/main"
ACCOUNTS = """
accounts:
  - {account: main, queue_max: 3, distance_s: 20}
  - {account: other, connection: twitter_other}
"""


def write_dags(session: Any, accounts_yaml: Path) -> None:
    """Put the DAGs that publish into the database, as the DAG processor does."""
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    from airflow_twitter.dag_factories.publish import publishing_dags

    for dag in publishing_dags(accounts_yaml).values():
        lazy = LazyDeserializedDAG.from_dag(dag)
        SerializedDAG.bulk_write_to_db("test", None, [lazy], session=session)
        SerializedDagModel.write_dag(lazy, bundle_name="test", session=session)
    session.commit()


class Program:
    """A client with a user's token. `dags` are those that he has the right on (None: all)."""

    def __init__(self, api_server: Any, name: str, role: str, dags: list[str] | None) -> None:
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
        from starlette.testclient import TestClient

        self.client = TestClient(api_server)
        self.token = ""
        if role:
            user = SimpleAuthManagerUser(username=name, role=role, teams=dags)
            self.token = get_auth_manager().generate_jwt(user)
            self.client.headers["Authorization"] = f"Bearer {self.token}"

    def get(self, path: str, **options: Any) -> Any:
        """Ask for an address below the account main, or for another one."""
        return self.send("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Any:
        """Send JSON."""
        return self.send("POST", path, json=json, **options)

    def send(self, method: str, path: str, **options: Any) -> Any:
        """Send a request."""
        url = path if path.startswith("/twitter") else f"{MAIN}/{path}"
        return self.client.request(method, url, **options)

    def queue(self, text: str, **fields: Any) -> str:
        """Queue a post, and return its id."""
        answer = self.post("posts", {"text": text, **fields})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])
