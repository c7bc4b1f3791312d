"""Tokens and keys in the client, against the simulator; secrets stay in memory."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from tests.api.asking import KEY, SEARCH, SECRET, OpenClient, asked, walk

from airflow_twitter.api import errors
from airflow_twitter.api.auth import BearerAuth
from airflow_twitter.api.client import XClient
from airflow_twitter.api.endpoints import RECENT
from airflow_twitter.simulator import Rule, Simulator


def test_token_is_fetched_once_and_said_so(
    client: XClient, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The first call asks for a token, later ones reuse it."""
    caplog.set_level(logging.INFO)
    client.authenticate()
    client.authenticate()
    client.search(RECENT, SEARCH)
    assert asked(simulator) == [("token", 200), ("search_recent", 200)]
    messages = [record.getMessage() for record in caplog.records if record.name.startswith("airflow_twitter")]
    assert messages.index("Requesting a bearer token") < messages.index("Bearer token generated")


def test_token_that_x_drops_is_renewed_once(client: XClient, simulator: Simulator) -> None:
    """A 401 in mid-run costs one new token, and the page comes."""
    pages = walk(client)
    next(pages)
    simulator.add_rules([Rule(endpoint="search_recent", fault="token_revoked", nth=1)])
    assert next(pages).result_count == 10
    assert asked(simulator)[-3:] == [("search_recent", 401), ("token", 200), ("search_recent", 200)]


def test_second_401_is_final(client: XClient, simulator: Simulator, clock: Any) -> None:
    """When the new token is refused too, the keys are the trouble."""
    simulator.add_rules([Rule(endpoint="search_recent", fault="unauthorized")])
    with pytest.raises(errors.AuthError, match="Check the API key") as caught:
        client.search(RECENT, SEARCH)
    assert caught.value.status == 401
    assert [endpoint for endpoint, _ in asked(simulator)] == [
        "token",
        "search_recent",
        "token",
        "search_recent",
    ]
    assert clock.slept == []


def test_401_is_final_without_keys(simulator: Simulator, open_client: OpenClient) -> None:
    """A given bearer token cannot be renewed: one request, one error."""
    client = open_client(simulator.url, BearerAuth(bearer_token="AAAA-not-of-this-app"))
    with pytest.raises(errors.AuthError):
        client.search(RECENT, SEARCH)
    assert asked(simulator) == [("search_recent", 401)]


def test_given_token_is_used_without_asking_for_one(simulator: Simulator, open_client: OpenClient) -> None:
    """A valid bearer token saves the token request."""
    client = open_client(simulator.url, BearerAuth(bearer_token=simulator.bearer_token))
    assert client.search(RECENT, SEARCH).result_count == 10
    assert simulator.book.to("token") == []


def test_wrong_keys_fail_at_once(simulator: Simulator, open_client: OpenClient, clock: Any) -> None:
    """403 code 99: no second try, and the error says status, code and X's message."""
    client = open_client(simulator.url, BearerAuth(KEY, "another-secret"))
    with pytest.raises(errors.CredentialsError) as caught:
        client.search(RECENT, SEARCH)
    assert (caught.value.status, caught.value.code) == (403, 99)
    for part in ("403", "code 99", "Unable to verify your credentials"):
        assert part in str(caught.value)
    assert asked(simulator) == [("token", 403)]
    assert clock.slept == []


def test_http_beyond_loopback_is_refused_before_anything_is_sent() -> None:
    """A wrong host fails when the client is made."""
    with pytest.raises(errors.ConfigError, match="https"):
        XClient("http://api.x.com", BearerAuth(KEY, SECRET))


def test_netrc_does_not_replace_our_credentials(
    simulator: Simulator, client: XClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a netrc entry for the host, token and search requests still carry ours."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login theirs password theirs-too\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert client.search(RECENT, SEARCH).result_count == 10
    assert asked(simulator) == [("token", 200), ("search_recent", 200)]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(endpoint="token", fault="bad_credentials"),
        Rule(endpoint="token", fault="html"),
        Rule(endpoint="token", fault="reset_before"),
        Rule(endpoint="search_recent", fault="unauthorized"),
        Rule(endpoint="search_recent", fault="forbidden"),
        Rule(endpoint="search_recent", fault="cut"),
        Rule(endpoint="search_recent", fault="rate_limited"),
        Rule(endpoint="search_recent", fault="truncated_json"),
    ],
    ids=lambda rule: f"{rule.endpoint}-{rule.fault}",
)
def test_secrets_are_in_no_log_exception_or_repr(
    client: XClient, simulator: Simulator, caplog: pytest.LogCaptureFixture, rule: Rule
) -> None:
    """Whatever goes wrong, at whatever log level: no key, secret, token or header."""
    caplog.set_level(logging.DEBUG)
    client.authenticate()
    token = simulator.bearer_token
    simulator.add_rules([rule])
    if rule.endpoint == "token":
        client._auth.forget()
    with pytest.raises(errors.XError) as caught:
        client.search(RECENT, SEARCH)
    shown = [
        caplog.text,
        str(caught.value),
        repr(caught.value),
        repr(vars(caught.value)),
        repr(client),
        "".join(traceback.format_exception(caught.value)),
    ]
    for secret in (SECRET, KEY, token, "Authorization", "Basic "):
        assert not [text for text in shown if secret in text], secret


def test_server_that_repeats_the_token_does_not_get_it_into_the_error(
    server: Any, open_client: OpenClient
) -> None:
    """Even a refusal that quotes our header is shown without it."""
    token = "AAAA%2Ftoken-of-a-test"
    server.answer(403, {"title": "Forbidden", "detail": f"Not with Bearer {token}"})
    with pytest.raises(errors.ForbiddenError, match=r"Not with Bearer \*\*\*") as caught:
        open_client(server.url, BearerAuth(bearer_token=token)).search(RECENT, SEARCH)
    assert token not in repr(vars(caught.value))
