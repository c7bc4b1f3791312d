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


def test_the_window_runs_out_and_comes_back(start: Callable[..., Any], clock: Any) -> None:
    """Requests count down to 429 with X's body; at the reset the window is full again."""
    caller = start(limits={"search_recent": 2}, window_s=15)
    answers = [caller.recent("sevdesk") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-rate-limit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer.headers["x-rate-limit-limit"] for answer in answers} == {"2"}
    assert answers[2].json()["type"] == "about:blank"
    assert answers[2].json()["title"] == "Too Many Requests"
    reset = int(answers[2].headers["x-rate-limit-reset"])
    assert reset == clock() + 15
    assert "retry-after" not in answers[2].headers
    clock.move(14.9)
    assert caller.recent("sevdesk").status_code == 429
    clock.move(0.1)
    assert caller.recent("sevdesk").headers["x-rate-limit-remaining"] == "1"


def test_each_endpoint_has_its_own_window(start: Callable[..., Any]) -> None:
    """A window that is used up stops no other endpoint."""
    caller = start(limits={"search_recent": 1})
    assert [caller.recent("sevdesk").status_code for _ in range(2)] == [200, 429]
    assert caller.archive("sevdesk").status_code == 200
    assert caller.get("/2/usage/tweets").headers["x-rate-limit-limit"] == "50"


def test_full_archive_takes_one_request_a_second(start: Callable[..., Any], clock: Any) -> None:
    """A second request within a second is 429 although the window has room, and uses none of it."""
    caller = start()
    first, early = caller.archive("sevdesk"), caller.archive("sevdesk")
    assert (early.status_code, early.headers["x-rate-limit-remaining"]) == (429, "299")
    clock.move(1)
    late = caller.archive("sevdesk")
    assert (first.status_code, late.status_code, late.headers["x-rate-limit-remaining"]) == (200, 200, "298")


def test_date_ends_in_utc_and_follows_the_clock(start: Callable[..., Any]) -> None:
    """The Date header ends in UTC; with a skewed clock it and the resets are skewed alike."""
    assert start().recent("sevdesk").headers["Date"] == "Fri, 20 Nov 2026 12:00:00 UTC"
    skewed = start(clock_skew_s=-300, window_s=15).recent("sevdesk")
    assert skewed.headers["Date"] == "Fri, 20 Nov 2026 11:55:00 UTC"
    assert int(skewed.headers["x-rate-limit-reset"]) == 1_795_175_715


def test_reset_forgets_requests_and_windows(start: Callable[..., Any]) -> None:
    """After a reset the book is empty, windows are full and rules count from one."""
    rule = Rule(endpoint="search_recent", nth=1, fault="credits")
    caller = start(limits={"search_recent": 2}, rules=[rule])
    assert [caller.recent("sevdesk").status_code for _ in range(3)] == [402, 200, 429]
    caller.sim.reset()
    assert caller.sim.book.requests == []
    assert [caller.recent("sevdesk").status_code for _ in range(2)] == [402, 200]


def test_an_unknown_limit_is_refused(start: Callable[..., Any]) -> None:
    """A limit for an endpoint that does not exist is a mistake of the caller."""
    with pytest.raises(ValueError, match="search_recnt"):
        start(limits={"search_recnt": 1})
