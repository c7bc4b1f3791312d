"""The tokens of an account in an Airflow Variable: encrypted, masked, written by tasks, refreshed by one at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.log import redact
from cryptography.fernet import Fernet

from airflow_twitter.api.errors import ConfigError, TransientError
from airflow_twitter.api.token_pair import TokenPair
from airflow_twitter.hooks import oauth2_store
from airflow_twitter.hooks.oauth2_store import VariableStore, is_encrypted
from airflow_twitter.hooks.twitter import TwitterHook
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Account, Simulator

ACCOUNT = Account()
SOON = datetime.now(UTC) + timedelta(hours=2)
PAIR = TokenPair("access-token-0815", "refresh-token-4711", SOON, "client-id", ACCOUNT.id, ACCOUNT.username)


@pytest.fixture
def fernet(airflow_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An Airflow that has a Fernet key."""
    from airflow.models import crypto

    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    crypto.get_fernet.cache_clear()
    yield
    crypto.get_fernet.cache_clear()


@pytest.fixture
def store(fernet: None, tmp_path: Path) -> Iterator[VariableStore]:
    """A store of the account's tokens, empty."""
    from airflow.models import Variable

    made = VariableStore(ACCOUNT.username, Store(tmp_path), sleep=lambda seconds: None)
    yield made
    Variable.delete(made.key)


def test_it_keeps_what_it_is_given(store: VariableStore) -> None:
    """Nothing at first, then the pair that was stored last."""
    assert store.load() is None
    store.save(PAIR)
    assert store.load() == PAIR


def test_it_is_encrypted_and_masked(store: VariableStore) -> None:
    """The database holds no token in the clear; Airflow's API, log and UI hide the value."""
    from airflow.api_fastapi.core_api.datamodels.variables import VariableResponse
    from airflow.models import Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select

    store.save(PAIR)
    with create_session() as session:
        row = session.scalars(select(Variable).where(Variable.key == store.key)).one()
        assert row.is_encrypted
        assert "0815" not in row._val
        shown = VariableResponse.model_validate(row, from_attributes=True).model_dump_json()
    for token in (PAIR.access_token, str(PAIR.refresh_token)):
        assert token not in shown
        assert token not in str(redact(f"said {token} aloud"))
    assert is_encrypted()


def test_a_store_that_fails_is_tried_again(store: VariableStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair that X gave is not given up after one failure of the database; for ever is too long."""
    failures = iter([OSError("away"), OSError("away"), None])
    kept: list[str] = []

    def put(key: str, value: str, description: str) -> None:
        if (error := next(failures, OSError("gone"))) is not None:
            raise error
        kept.append(value)

    monkeypatch.setattr(oauth2_store, "_set", put)
    store.save(PAIR)
    assert json.loads(kept[0])["refresh_token"] == PAIR.refresh_token
    with pytest.raises(TransientError, match="cannot be stored") as caught:
        store.save(PAIR)
    assert not caught.value.sent
    assert "0815" not in str(caught.value)


def test_an_airflow_that_is_away_is_told(store: VariableStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the Variable cannot be read, or another process holds the lock for too long, that passes."""

    def away(key: str) -> None:
        raise OSError(f"cannot read {key} access-token-0815")

    monkeypatch.setattr(oauth2_store, "_get", away)
    with pytest.raises(TransientError, match="cannot be read") as caught:
        store.load()
    assert "0815" not in str(caught.value)
    monkeypatch.setattr(oauth2_store, "LOCK_TIMEOUT_S", 0.05)
    with store.lock(), pytest.raises(TransientError, match="Another process"), store.lock():
        pass


@pytest.mark.parametrize("name", ["", "a b", "@sim", "../x", "x" * 16, "ümlaut"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    """It becomes part of the Variable's name and of a lock's."""
    with pytest.raises(ConfigError, match="no name of an account"):
        VariableStore(name, Store(tmp_path))


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A simulated X with one account."""
    with Simulator() as running:
        yield running


@pytest.fixture
def authorized(
    simulator: Simulator, store: VariableStore, connect: Callable[..., None], data_folder: Path
) -> None:
    """A connection by OAuth 2.0 whose tokens are stored and have just ended."""
    given = simulator.accounts.grant(ACCOUNT)
    ended = datetime.now(UTC) - timedelta(seconds=1)
    store.save(
        TokenPair(
            given["access_token"], given["refresh_token"], ended, "client-id", ACCOUNT.id, ACCOUNT.username
        )
    )
    connect(
        simulator.url,
        "",
        "",
        oauth2_client_id="client-id",
        oauth2_client_secret="client-secret",
        oauth2_account=f"@{ACCOUNT.username}",
    )


def refreshes(simulator: Simulator) -> list[int]:
    """Return the statuses of the requests for new tokens."""
    return [entry.status for entry in simulator.book.to("oauth2_token")]


def test_hooks_at_once_refresh_once(simulator: Simulator, authorized: None) -> None:
    """Tasks that act as one account at the same time ask X for one new pair, by a lock in the data folder."""
    failures: list[BaseException] = []

    def post(number: int) -> None:
        try:
            with TwitterHook().get_user_conn() as user:
                user.create_post(f"Task {number}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []
    assert refreshes(simulator) == [200]
    assert len(simulator.posts) == 4


def test_the_button_tells_the_account(simulator: Simulator, authorized: None) -> None:
    """The Test button, which knows the Connection under another name, finds the tokens by the account."""
    ok, message = TwitterHook().test_connection()
    assert (ok, message) == (True, f"It may act as @{ACCOUNT.username}.")
    assert simulator.book.dollars == 0


POSTING = """
from airflow.sdk import DAG, task

from airflow_twitter.hooks.twitter import TwitterHook

with DAG("oauth2_in_a_task", schedule=None):

    @task
    def post():
        with TwitterHook().get_user_conn() as user:
            return user.create_post("From a task").id

    post()
"""


@pytest.mark.system
def test_a_task_refreshes_and_stores(
    simulator: Simulator,
    authorized: None,
    store: VariableStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A task's new pair lands in the Variable, through Airflow's own API, and no token in its log."""
    from airflow.dag_processing.dagbag import DagBag

    caplog.set_level("INFO")
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "posting.py").write_text(POSTING)
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(folder))
    before = store.load()

    run = DagBag(str(folder)).dags["oauth2_in_a_task"].test(logical_date=None)
    after = store.load()

    assert str(run.state) == "success"
    assert refreshes(simulator) == [200]
    assert before is not None
    assert after is not None
    assert after.refresh_token != before.refresh_token
    assert after.refreshing_since is None
    assert "Refreshing the tokens" in caplog.text
    for pair in (before, after):
        assert pair.access_token not in caplog.text
        assert str(pair.refresh_token) not in caplog.text
