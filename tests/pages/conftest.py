"""The page in a real API server with a real database, whose rows are written as Airflow would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_twitter.posts.coverage import CoveredWindow, fingerprint, record
from airflow_twitter.posts.slugs import slugify
from airflow_twitter.posts.staging import PageHeader, Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.windows import Window

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


class World:
    """What stands in Airflow's database and in the data folder."""

    def __init__(self, session: Any, store: Store) -> None:
        self.session = session
        self.store = store
        self._tasks = 0

    def dag(self, dag_id: str, **columns: Any) -> None:
        """Add a DAG that Airflow has parsed."""
        from airflow.models.dag import DagModel

        values = {"bundle_name": "test", "is_stale": False, "is_paused": False, "max_active_tasks": 16}
        self.session.merge(
            DagModel(
                dag_id=dag_id, max_active_runs=16, has_task_concurrency_limits=False, **(values | columns)
            )
        )
        self.session.flush()

    def run(self, dag_id: str, run_id: str, state: str = "success") -> None:
        """Add a run of a DAG, five minutes old; its id may be one that Airflow itself would refuse."""
        from airflow.models.dagrun import DagRun
        from sqlalchemy import insert

        after = datetime.now(UTC) - timedelta(minutes=5)
        row = {"dag_id": dag_id, "run_id": run_id, "_state": state, "run_type": "manual", "run_after": after}
        self.session.execute(insert(DagRun).values(row))

    def task(self, dag_id: str, run_id: str, task_id: str, state: str, /, **said: Any) -> None:
        """Add a task of a run, with what it pushed to XCom."""
        from airflow.models.dagrun import DagRun
        from airflow.models.taskinstance import TaskInstance, uuid7
        from airflow.models.xcom import XComModel
        from sqlalchemy import insert, select

        self.session.execute(
            insert(TaskInstance).values(
                id=uuid7(),
                dag_id=dag_id,
                run_id=run_id,
                task_id=task_id,
                state=state,
                pool="default_pool",
                map_index=-1,
            )
        )
        number = self.session.scalar(
            select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        )
        for key, value in said.items():
            self.session.execute(
                insert(XComModel).values(
                    dag_run_id=number, dag_id=dag_id, run_id=run_id, task_id=task_id, key=key, value=value
                )
            )

    def heard(self, key: str, value: str) -> None:
        """Put something into the state of the rate-limit asset."""
        from airflow.models.asset import AssetModel
        from airflow.models.asset_state_store import AssetStateStoreModel
        from sqlalchemy import select

        asset = self.session.scalar(select(AssetModel).where(AssetModel.name == "twitter_rate_limit"))
        if asset is None:
            asset = AssetModel(name="twitter_rate_limit", uri="twitter_rate_limit", group="twitter")
            self.session.add(asset)
            self.session.flush()
        self.session.add(AssetStateStoreModel(asset_id=asset.id, key=key, value=value, updated_at=NOW))

    def posts(self, slug: str, day: str, count: int) -> None:
        """Write a day of a dataset."""
        self.store.put(f"posts/{slug}/{day}.jsonl", b'{"id":"1","text":"x"}\n' * count)

    def covered(self, keyword: str, dag_id: str, run_id: str, **values: Any) -> None:
        """Record what a run did of its window."""
        query = values.pop("query", keyword)
        window = {"since": NOW - 2 * DAY, "until": NOW - DAY, "state": "complete", "posts": 3, "pages": 1}
        window |= {"dag_id": dag_id, "run_id": run_id, "recorded_at": NOW, **values}
        record(self.store, slugify(keyword), query, window.pop("endpoint", "recent"), CoveredWindow(**window))

    def staged(self, keyword: str, dag_id: str, run_id: str, *, pages: int = 0, **values: Any) -> Window:
        """Stage a run's window and some pages."""
        window = window_of(keyword, **values)
        staging = Staging(self.store, dag_id, run_id)
        staging.write("window.json", window)
        for number in range(1, pages + 1):
            header = PageHeader(
                number=number,
                asked_token=None,
                next_token="t",
                fingerprint="f",
                fetched_at="2026-11-22T00:00:00Z",
            )
            staging.commit(header, b"{}")
        return window

    def commit(self) -> None:
        """Make the rows visible to the API server."""
        self.session.commit()


def window_of(keyword: str, **values: Any) -> Window:
    """Return the window of a run that collects a keyword."""
    given = {
        "keyword": keyword,
        "slug": slugify(keyword),
        "query": keyword,
        "fingerprint": fingerprint(keyword, "recent"),
        "endpoint": "recent",
        "reach_s": 604800.0,
        "max_results": 20,
        "page_max": 3,
        "since": NOW - 2 * DAY,
        "until": NOW - DAY,
        "overlap_s": 60.0,
        "settle_s": 30.0,
        "vocabulary": "tweet",
        "expand": False,
        "source": "new",
        "decided_at": NOW,
        "deadline": NOW + DAY,
        **values,
    }
    return Window(**given)


@pytest.fixture(scope="session")
def api_server(airflow_db: None) -> Iterator[Any]:
    """Airflow's API server with the project's plugin, in this process."""
    from airflow.api_fastapi.app import create_app, purge_cached_app

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "per_dag_auth.PerDagAuthManager")
        patch.setenv(
            "AIRFLOW__API_AUTH__JWT_SECRET",
            "a secret of tests, long enough for its purpose: 64 bytes or more.",
        )
        purge_cached_app()
        yield create_app(apps="core")
        purge_cached_app()


@pytest.fixture
def world(airflow_db: None, data_folder: Path) -> Iterator[World]:
    """An empty database and an empty data folder."""
    from airflow.models.asset import AssetModel
    from airflow.models.asset_state_store import AssetStateStoreModel
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    def clear(session: Any) -> None:
        for model in (AssetStateStoreModel, AssetModel, DagRun, DagModel):
            session.execute(delete(model))
        session.commit()

    with create_session() as session:
        clear(session)
        session.merge(DagBundleModel(name="test"))
        session.flush()
        yield World(session, Store(data_folder))
        session.rollback()
        clear(session)


@pytest.fixture
def get(api_server: Any, world: World) -> Callable[..., Any]:
    """Ask for an address as a user: `dags` are those that he may read (None: all), `role` "" is nobody.

    Keyword arguments beside these are headers: `if_range` stands for If-Range.
    """
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from starlette.testclient import TestClient

    def ask(
        path: str = "/twitter/status",
        *,
        dags: list[str] | None = None,
        role: str = "VIEWER",
        method: str = "GET",
        **headers: str,
    ) -> Any:
        world.commit()
        client = TestClient(api_server, raise_server_exceptions=True)
        if role:
            user = SimpleAuthManagerUser(username="reader", role=role, teams=dags)
            client.cookies.set("_token", get_auth_manager().generate_jwt(user))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.request(method, path, follow_redirects=False, headers=named)

    return ask
