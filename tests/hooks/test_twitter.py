"""The hook: a client of X from an Airflow Connection."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.log import redact

from airflow_twitter.api.endpoints import RECENT
from airflow_twitter.api.errors import ConfigError
from airflow_twitter.hooks.twitter import DEFAULT_BASE_URL, TwitterHook, base_url
from airflow_twitter.hooks.user_auth import SECRET_EXTRAS
from airflow_twitter.provider import get_provider_info
from airflow_twitter.simulator import Account, Rule, Simulator, Topic, World

KEY, SECRET = "app-key", "app-secret-of-tests"
ACCOUNT = Account()
TOKENS = {"access_token": ACCOUNT.access_token, "access_token_secret": ACCOUNT.access_token_secret}


@pytest.fixture
def simulator() -> Any:
    """A simulator that knows the tests' credentials."""
    with Simulator(world=World(topics={"sevdesk": Topic(total=2)}), credentials=(KEY, SECRET)) as running:
        yield running


@pytest.mark.parametrize(
    ("host", "schema", "port", "url"),
    [
        (None, None, None, DEFAULT_BASE_URL),
        ("", "", None, DEFAULT_BASE_URL),
        ("api.x.com", None, None, "https://api.x.com"),
        ("https://api.x.com", None, None, "https://api.x.com"),
        ("127.0.0.1", "http", 8080, "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080", None, None, "http://127.0.0.1:8080"),
        ("http://127.0.0.1", None, 8080, "http://127.0.0.1:8080"),
        ("proxy.example", None, 8443, "https://proxy.example:8443"),
    ],
)
def test_base_url(host: str | None, schema: str | None, port: int | None, url: str) -> None:
    """The base URL is X's, or what host, schema and port name; without a schema it is https."""
    assert base_url(SimpleNamespace(host=host, schema=schema, port=port)) == url


@pytest.mark.parametrize(
    "connection",
    [
        "twitter://app-key:app-secret@127.0.0.1:8080/http",
        '{"conn_type": "twitter", "host": "http://127.0.0.1", "port": 8080, "extra": {"bearer_token": "AAAA"}}',
    ],
)
def test_connection_from_the_environment(connection: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of Airflow's forms in the environment name the same place."""
    monkeypatch.setenv("AIRFLOW_CONN_TWITTER_DEFAULT", connection)
    with TwitterHook().get_conn() as client:
        assert client.base_url == "http://127.0.0.1:8080"


def test_key_and_secret(simulator: Simulator, connect: Callable[..., None]) -> None:
    """With key and secret the token is made when it is first needed, and not before."""
    connect(simulator.url, KEY, SECRET)

    with TwitterHook().get_conn() as client:
        assert simulator.book.requests == []
        page = client.search(RECENT, {"query": "sevdesk"})

    assert page.result_count == 2
    assert [entry.endpoint for entry in simulator.book.requests] == ["token", "search_recent"]


def test_bearer_token_alone(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bearer token in the extras is enough: none is asked for."""
    connection = {
        "conn_type": "twitter",
        "host": simulator.url,
        "extra": {"bearer_token": simulator.bearer_token},
    }
    monkeypatch.setenv("AIRFLOW_CONN_TWITTER_DEFAULT", json.dumps(connection))

    with TwitterHook().get_conn() as client:
        assert client.search(RECENT, {"query": "sevdesk"}).result_count == 2

    assert [entry.endpoint for entry in simulator.book.requests] == ["search_recent"]


@pytest.mark.parametrize(("vocabulary", "param"), [("tweet", "tweet.fields"), ("post", "post.fields")])
def test_vocabulary(simulator: Simulator, connect: Callable[..., None], vocabulary: str, param: str) -> None:
    """The hook's vocabulary is what X is asked in."""
    connect(simulator.url, KEY, SECRET)
    with TwitterHook(vocabulary=vocabulary).get_conn() as client:
        client.search(RECENT, {"query": "sevdesk"})
    assert param in simulator.book.requests[-1].params


@pytest.mark.parametrize("host", ["http://api.x.com", "http://192.0.2.1:8080", "ftp://api.x.com"])
def test_host_that_may_not_be_spoken_to(connect: Callable[..., None], host: str) -> None:
    """Without TLS only loopback is spoken to, since the secret would be readable on the way."""
    connect(host, KEY, SECRET)
    with pytest.raises(ConfigError):
        TwitterHook().get_conn()
    ok, message = TwitterHook().test_connection()
    assert not ok
    assert SECRET not in message


class TestButton:
    """The Test button of the connection's form."""

    def test_right(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """The right credentials are confirmed with the month's usage, which costs nothing."""
        connect(simulator.url, KEY, SECRET)

        ok, message = TwitterHook().test_connection()

        assert ok
        assert message.startswith("X knows this app: 0 of ")
        assert [entry.endpoint for entry in simulator.book.requests] == ["token", "usage"]
        assert simulator.book.sold == []

    def test_wrong(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """Wrong credentials are told with what X says, without the secret."""
        connect(simulator.url, KEY, "a-wrong-secret-4711")

        ok, message = TwitterHook().test_connection()

        assert not ok
        assert "Unable to verify your credentials" in message
        assert "a-wrong-secret-4711" not in message

    def test_nothing_filled_in(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """A form without credentials is told what is missing, and X is asked nothing."""
        connect(simulator.url, "", "")

        ok, message = TwitterHook().test_connection()

        assert not ok
        assert "key" in message
        assert simulator.book.requests == []

    def test_not_enrolled(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """A refusal of X is told, not raised."""
        simulator.add_rules([Rule(endpoint="usage", fault="not_enrolled")])
        connect(simulator.url, KEY, SECRET)

        ok, message = TwitterHook().test_connection()

        assert not ok
        assert "project" in message


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Password and every secret extra are masked from then on; none shows in the client's repr."""
    extra = {name: f"{name}-0815" for name in SECRET_EXTRAS}
    connection = {"conn_type": "twitter", "login": KEY, "password": "masked-secret-0815", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_TWITTER_DEFAULT", json.dumps(connection))

    with TwitterHook().get_conn() as client, TwitterHook().get_user_conn() as user:
        assert "0815" not in repr(client) + repr(user)

    for secret in ("masked-secret-0815", *extra.values()):
        assert secret not in str(redact(f"said {secret} aloud"))


def test_provider_names_the_hook() -> None:
    """Airflow learns of the connection type, its form, and the hook class that exists, with secrets hidden."""
    (connection_type,) = get_provider_info()["connection-types"]

    assert connection_type["connection-type"] == TwitterHook.conn_type
    assert connection_type["hook-class-name"] == f"{TwitterHook.__module__}.{TwitterHook.__qualname__}"
    fields = connection_type["conn-fields"]
    hidden = {name for name, field in fields.items() if field["schema"].get("format") == "password"}
    assert hidden == set(SECRET_EXTRAS)
    assert set(fields) - hidden == {"oauth2_client_id", "oauth2_account"}


class TestAccount:
    """Acting as an account."""

    @pytest.fixture
    def signed(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """A connection with the four secrets of OAuth 1.0a."""
        connect(
            simulator.url,
            KEY,
            SECRET,
            access_token=ACCOUNT.access_token,
            access_token_secret=ACCOUNT.access_token_secret,
        )

    def test_oauth1(self, simulator: Simulator, signed: None) -> None:
        """Four secrets are enough to post, and the account's id is known without a request."""
        with TwitterHook().get_user_conn() as user:
            assert (user.user_id, simulator.book.requests) == (ACCOUNT.id, [])
            made = user.create_post("From Airflow")
        assert [str(post.id) for post in simulator.posts] == [made.id]

    def test_a_fixed_token(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """An OAuth 2.0 token that somebody else renews is enough, without any key."""
        token = simulator.accounts.grant(ACCOUNT)["access_token"]
        connect(simulator.url, "", "", oauth2_user_token=token)
        with TwitterHook().get_user_conn() as user:
            assert user.me().username == ACCOUNT.username

    def test_nothing_to_act_by(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """A connection that can only search says what it lacks; half of a pair is named."""
        connect(simulator.url, KEY, SECRET)
        with pytest.raises(ConfigError, match="access_token, access_token_secret missing"):
            TwitterHook().get_user_conn()
        connect(simulator.url, KEY, SECRET, access_token=ACCOUNT.access_token)
        with pytest.raises(ConfigError, match="account: access_token_secret missing"):
            TwitterHook().get_user_conn()

    def test_oauth2_needs_an_account(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """A client id alone does not say whose tokens are meant, and a name that is none is refused."""
        connect(simulator.url, "", "", oauth2_client_id="client-id")
        with pytest.raises(ConfigError, match="oauth2_account"):
            TwitterHook().get_user_conn()
        connect(simulator.url, "", "", oauth2_client_id="client-id", oauth2_account="../../etc")
        with pytest.raises(ConfigError, match="no name of an account"):
            TwitterHook().get_user_conn()

    def test_button(self, simulator: Simulator, signed: None) -> None:
        """The Test button also says whose tokens they are, and buys nothing."""
        ok, message = TwitterHook().test_connection()
        assert ok, message
        assert message.endswith(
            f"It may act as the account {ACCOUNT.id} (https://x.com/i/user/{ACCOUNT.id})."
        )
        assert [entry.endpoint for entry in simulator.book.requests] == ["token", "usage", "media_status"]
        assert (simulator.book.sold, simulator.book.dollars) == ([], 0)

    def test_button_with_wrong_tokens(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """A wrong access token is told even when the app's own keys are right."""
        connect(
            simulator.url,
            KEY,
            SECRET,
            access_token=ACCOUNT.access_token,
            access_token_secret="wrong-4711-wrong",
        )
        ok, message = TwitterHook().test_connection()
        assert not ok
        assert "401" in message
        assert "wrong-4711" not in message

    def test_button_with_a_user_token_alone(self, simulator: Simulator, connect: Callable[..., None]) -> None:
        """Where nothing is there to search with, the account alone is tested."""
        connect(simulator.url, "", "", oauth2_user_token=simulator.accounts.grant(ACCOUNT)["access_token"])
        ok, message = TwitterHook().test_connection()
        assert ok, message
        assert [entry.endpoint for entry in simulator.book.requests] == ["media_status"]
