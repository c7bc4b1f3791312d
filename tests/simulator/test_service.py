"""Who may ask, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from airflow_twitter.simulator import Rule

FORM = {"grant_type": "client_credentials"}


def test_key_and_secret_buy_the_token(start: Callable[..., Any]) -> None:
    """The token endpoint takes URL-encoded key and secret, and always gives the same bearer token."""
    caller = start(credentials=("k:y", "s%cret/ü"))
    url = caller.sim.url + "/oauth2/token"
    answers = [
        requests.post(url, auth=("k%3Ay", "s%25cret%2F%C3%BC"), data=FORM, timeout=5) for _ in range(2)
    ]
    assert [answer.json() for answer in answers] == [
        {"token_type": "bearer", "access_token": caller.sim.bearer_token}
    ] * 2
    assert "%" in caller.sim.bearer_token


@pytest.mark.parametrize("auth", [("key", "wrong"), ("wrong", "secret"), None, ("", "")])
def test_wrong_credentials_get_code_99(start: Callable[..., Any], auth: tuple[str, str] | None) -> None:
    """Anything but the right key and secret is 403 with code 99."""
    answer = requests.post(start().sim.url + "/oauth2/token", auth=auth, data=FORM, timeout=5)
    assert answer.status_code == 403
    (error,) = answer.json()["errors"]
    assert (error["code"], error["label"]) == (99, "authenticity_token_error")


def test_the_grant_type_is_needed(start: Callable[..., Any]) -> None:
    """Without grant_type no token is given."""
    answer = requests.post(start().sim.url + "/oauth2/token", auth=("key", "secret"), timeout=5)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == 170


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic a2V5OnNlY3JldA==", "Bearer "])
def test_no_token_no_answer(start: Callable[..., Any], header: str | None) -> None:
    """A missing or invalid bearer token is 401, and uses nothing of the window."""
    caller = start()
    url = caller.sim.url + "/2/tweets/search/recent"
    answer = requests.get(
        url, params={"query": "sevdesk"}, headers={"Authorization": header} if header else None, timeout=5
    )
    assert answer.status_code == 401
    assert answer.json() == {
        "title": "Unauthorized",
        "detail": "Unauthorized",
        "type": "about:blank",
        "status": 401,
    }
    assert caller.recent("sevdesk").headers["x-rate-limit-remaining"] == "449"


def test_a_revoked_token_stays_revoked(start: Callable[..., Any]) -> None:
    """After token_revoked the old token is 401 until the app asks for a new one."""
    caller = start(rules=[Rule(endpoint="search_recent", nth=2, fault="token_revoked")])
    old = {"Authorization": f"Bearer {caller.sim.bearer_token}"}
    url = caller.sim.url + "/2/tweets/search/recent?query=sevdesk"
    assert [requests.get(url, headers=old, timeout=5).status_code for _ in range(3)] == [200, 401, 401]
    answer = requests.post(caller.sim.url + "/oauth2/token", auth=("key", "secret"), data=FORM, timeout=5)
    new = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert new != old
    assert requests.get(url, headers=new, timeout=5).status_code == 200


def test_unknown_paths_and_methods(start: Callable[..., Any]) -> None:
    """A path that X does not have is 404, a method it does not take 405, both in X's form."""
    caller = start()
    missing = caller.get("/2/tweets/search/forever")
    assert (missing.status_code, missing.json()["status"], missing.json()["type"]) == (
        404,
        404,
        "about:blank",
    )
    wrong = requests.delete(caller.sim.url + "/2/tweets/search/recent", timeout=5)
    assert (wrong.status_code, wrong.json()["title"], wrong.headers["allow"]) == (
        405,
        "Method Not Allowed",
        "GET",
    )


def test_date_ends_in_utc_and_follows_the_clock(start: Callable[..., Any]) -> None:
    """The Date header ends in UTC; with a skewed clock it and the resets are skewed alike."""
    assert start().recent("sevdesk").headers["Date"] == "Fri, 20 Nov 2026 12:00:00 UTC"
    skewed = start(clock_skew_s=-300, window_s=15).recent("sevdesk")
    assert skewed.headers["Date"] == "Fri, 20 Nov 2026 11:55:00 UTC"
    assert int(skewed.headers["x-rate-limit-reset"]) == 1_795_175_715
