"""A person authorizes the app: the walk with PKCE through the simulator's page, and what is stored."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.fernet import Fernet

from airflow_twitter.api.authorizing import TokenClient, Walk, is_reachable
from airflow_twitter.api.errors import AuthError, AuthorizationLostError, ConfigError
from airflow_twitter.api.oauth2 import ClientKeys
from airflow_twitter.authorize import main
from airflow_twitter.hooks.oauth2_store import VariableStore
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Account, Client, Simulator

FIRST, SECOND = Account.named("sim_first", 1), Account.named("sim_second", 2)
REDIRECT = "http://127.0.0.1:1/callback"
KEYS = ClientKeys("client-id", "client-secret")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A simulated X with two accounts."""
    with Simulator(accounts=[FIRST, SECOND]) as running:
        yield running


def agree(url: str, account: Account = FIRST) -> str:
    """Open the page as a browser does, follow the account's link, and return where that leads to."""
    page = requests.get(url, timeout=10)
    assert page.status_code == 200, page.text
    (link,) = re.findall(rf'href="([^"]*account={account.username})"', page.text)
    parts = urlsplit(url)
    answer = requests.get(
        f"{parts.scheme}://{parts.netloc}{link.replace('&amp;', '&')}", timeout=10, allow_redirects=False
    )
    return answer.headers["location"]


class TestWalk:
    """The walk without Airflow."""

    def test_a_code_becomes_a_pair_once(self, simulator: Simulator) -> None:
        """The code of the right walk gives tokens of the account; the same code gives nothing again."""
        walk = Walk(simulator.url, KEYS, REDIRECT)
        code = walk.read_code(agree(walk.url, SECOND))
        with TokenClient(walk.base_url) as client:
            pair = client.exchange(walk, code, lambda: datetime.now(UTC))
            assert simulator.accounts.by_bearer(pair.access_token) == SECOND
            assert pair.refresh_token
            with pytest.raises(AuthorizationLostError):
                client.exchange(walk, code, lambda: datetime.now(UTC))

    def test_another_verifier_gets_nothing(self, simulator: Simulator) -> None:
        """A code that was intercepted is worth nothing without this walk's verifier."""
        walk = Walk(simulator.url, KEYS, REDIRECT)
        code = walk.read_code(agree(walk.url))
        thief = Walk(simulator.url, KEYS, REDIRECT)
        with TokenClient(walk.base_url) as client, pytest.raises(AuthorizationLostError, match="verifier"):
            client.exchange(thief, code, lambda: datetime.now(UTC))

    def test_a_public_client_needs_no_secret(self) -> None:
        """An app without a secret names itself in the form."""
        with Simulator(client=Client("public", "")) as simulator:
            walk = Walk(simulator.url, ClientKeys("public"), REDIRECT)
            code = walk.read_code(agree(walk.url, Account()))
            with TokenClient(walk.base_url) as client:
                assert client.exchange(walk, code, lambda: datetime.now(UTC)).refresh_token

    def test_the_page_of_x_lies_beside_its_api(self) -> None:
        """For api.x.com a person agrees at x.com, with all scopes and a challenge, and no secret in the address."""
        walk = Walk("https://api.x.com", KEYS, REDIRECT)
        parts = urlsplit(walk.url)
        query = parse_qs(parts.query)
        assert (parts.netloc, parts.path) == ("x.com", "/i/oauth2/authorize")
        assert query["scope"] == ["tweet.read tweet.write users.read media.write offline.access"]
        assert query["code_challenge_method"] == ["S256"]
        for secret in (walk.verifier, "client-secret"):
            assert secret not in walk.url
            assert secret not in repr(walk)

    @pytest.mark.parametrize(
        ("query", "error", "match"),
        [
            ("state=other&code=c", ConfigError, "does not belong"),
            ("code=c", ConfigError, "does not belong"),
            ("", ConfigError, "does not belong"),
            ("state={state}", ConfigError, "no code"),
            ("state={state}&error=access_denied", AuthError, "access_denied"),
        ],
    )
    def test_other_addresses_are_refused(self, query: str, error: type[Exception], match: str) -> None:
        """An address of another walk, one without a code, and a refusal are told apart."""
        walk = Walk("https://api.x.com", KEYS, REDIRECT)
        with pytest.raises(error, match=match):
            walk.read_code(f"{REDIRECT}?{query.format(state=walk.state)}")

    @pytest.mark.parametrize(
        ("uri", "reachable"),
        [
            ("http://127.0.0.1:8912/callback", True),
            ("http://localhost:8912/x", True),
            ("https://127.0.0.1:8912/callback", False),
            ("http://127.0.0.1/callback", False),
            ("https://example.com/callback", False),
        ],
    )
    def test_only_loopback_is_listened_to(self, uri: str, reachable: bool) -> None:
        """Only plain http with a port on this machine can be waited for."""
        assert is_reachable(uri) is reachable


@pytest.fixture
def airflow(airflow_db: None, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VariableStore]:
    """An Airflow with a Fernet key; the store of the first account's tokens."""
    from airflow.models import Variable, crypto

    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    crypto.get_fernet.cache_clear()
    store = VariableStore(FIRST.username, Store(data_folder))
    yield store
    Variable.delete(store.key)
    crypto.get_fernet.cache_clear()


@pytest.fixture
def connected(simulator: Simulator, connect: Callable[..., None]) -> None:
    """A connection of the first account by OAuth 2.0."""
    connect(
        simulator.url,
        "",
        "",
        oauth2_client_id="client-id",
        oauth2_client_secret="client-secret",
        oauth2_account="Sim_First",
    )


class Person:
    """A person who reads what the command says, opens the address in it and pastes where it led to."""

    def __init__(self, account: Account, capsys: pytest.CaptureFixture[str]) -> None:
        self.account = account
        self.said = ""
        self._capsys = capsys

    def hear(self) -> str:
        """Return what was said on either stream since the last time, and remember all of it."""
        heard = "".join(self._capsys.readouterr())
        self.said += heard
        return heard

    def paste(self, prompt: str) -> str:
        """Return the address that the browser shows in the end."""
        (url,) = re.findall(r"^ +(http\S+)$", self.hear(), re.M)
        return agree(url, self.account)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Person:
    """A person who agrees as the first account, and pastes the address."""
    acting = Person(FIRST, capsys)
    monkeypatch.setattr("builtins.input", acting.paste)
    return acting


def test_pasting_stores_the_first_tokens(
    simulator: Simulator, airflow: VariableStore, connected: None, person: Person
) -> None:
    """The tokens of the account that agreed are stored with its id and name, and nothing of them is said."""
    assert main(["--paste"]) == 0
    pair = airflow.load()
    assert pair is not None
    assert (pair.user_id, pair.username, pair.client_id) == (FIRST.id, FIRST.username, "client-id")
    assert simulator.accounts.by_bearer(pair.access_token) == FIRST
    assert "may act as @sim_first" in person.hear()
    for secret in (pair.access_token, str(pair.refresh_token), "client-secret"):
        assert secret not in person.said


def test_the_wrong_account_is_not_stored(airflow: VariableStore, connected: None, person: Person) -> None:
    """When somebody else was logged in, nothing is stored, and both names are told."""
    person.account = SECOND
    assert main(["--paste"]) == 1
    assert airflow.load() is None
    said = person.hear()
    assert "@sim_second who agreed" in said
    assert "@Sim_First" in said


def test_an_airflow_without_encryption_is_refused(
    airflow: VariableStore,
    connected: None,
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a Fernet key tokens would lie readable in the database: nothing is even begun."""
    from airflow.models import crypto

    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    crypto.get_fernet.cache_clear()
    assert main(["--paste"]) == 1
    said = person.hear()
    assert "Fernet key" in said
    assert "http" not in said


@pytest.mark.parametrize(
    ("extra", "why"), [({}, "oauth2_client_id"), ({"oauth2_client_id": "c"}, "oauth2_account")]
)
def test_what_the_connection_lacks_is_named(
    airflow: VariableStore,
    connect: Callable[..., None],
    extra: dict[str, str],
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without client id and account there is nothing to authorize; an unknown connection is named too."""
    connect("http://127.0.0.1:1", **extra)
    assert main([]) == 1
    assert why in capsys.readouterr().err
    assert main(["--conn-id", "nowhere"]) == 1
    assert "'nowhere'" in capsys.readouterr().err


def test_nobody_comes_back(
    simulator: Simulator, airflow: VariableStore, connected: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The listener gives up after its time, and a port that is taken is named."""
    assert main(["--redirect-uri", f"http://127.0.0.1:{free_port()}/callback", "--timeout-s", "0.05"]) == 1
    assert "Nobody came back" in capsys.readouterr().err
    assert main(["--redirect-uri", f"{simulator.url}/callback"]) == 1
    assert "Cannot listen at" in capsys.readouterr().err


def test_the_browser_is_listened_for(
    simulator: Simulator, airflow: VariableStore, connected: None, data_folder: Path
) -> None:
    """As a process: the browser is led back to the listener, other visits are passed over, and tokens are stored."""
    port = free_port()
    command = [sys.executable, "-m", "airflow_twitter.authorize", "--redirect-uri"]
    with subprocess.Popen(
        [*command, f"http://127.0.0.1:{port}/callback"],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as running:
        timer = threading.Timer(120, running.kill)
        timer.start()
        try:
            assert running.stdout is not None
            url = next(line.strip() for line in running.stdout if line.strip().startswith("http"))
            assert requests.get(f"http://127.0.0.1:{port}/favicon.ico", timeout=10).status_code == 200
            assert "can be closed" in requests.get(agree(url), timeout=10).text
            rest = running.stdout.read()
            assert running.wait() == 0, rest
        finally:
            timer.cancel()
            running.kill()
    pair = airflow.load()
    assert pair is not None
    assert pair.username == FIRST.username
    assert json.loads(pair.to_json())["refresh_token"] not in rest


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as unused:
        port: Any = unused.getsockname()[1]
    return int(port)
