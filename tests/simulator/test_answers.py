"""Every refusal that a rule can ask for has X's status, body and headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from airflow_twitter.simulator import Rule

NOON_S = 1_795_176_000


def refused(start: Callable[..., Any], fault: str, **params: Any) -> Any:
    """Return the answer to a search that a rule refuses."""
    rules = [Rule(endpoint="search_recent", nth=1, fault=fault, params=params)]
    return start(rules=rules, window_s=15).recent("sevdesk", next_token="abc")


@pytest.mark.parametrize(
    ("fault", "params", "status", "title", "kind"),
    [
        ("usage_cap", {}, 429, "UsageCapExceeded", "usage-capped"),
        ("credits", {}, 402, "CreditsDepleted", "credits"),
        ("unauthorized", {}, 401, "Unauthorized", "about:blank"),
        ("not_enrolled", {}, 403, "Client Forbidden", "client-forbidden"),
        ("unsupported_authentication", {}, 403, "Unsupported Authentication", "unsupported-authentication"),
        ("forbidden", {}, 403, "Forbidden", "about:blank"),
        ("server_error", {"status": 500}, 500, "Internal Server Error", "about:blank"),
        ("server_error", {"status": 502}, 502, "Bad Gateway", "about:blank"),
        ("server_error", {"status": 503}, 503, "Service Unavailable", "about:blank"),
        ("server_error", {"status": 504}, 504, "Gateway Timeout", "about:blank"),
        ("rejected_token", {}, 400, "Invalid Request", "invalid-request"),
        ("rate_limited", {}, 429, "Too Many Requests", "about:blank"),
    ],
)
def test_a_refusal_is_a_problem(
    start: Callable[..., Any], fault: str, params: dict[str, Any], status: int, title: str, kind: str
) -> None:
    """Status, title and the last segment of the type are X's."""
    answer = refused(start, fault, **params)
    body = answer.json()
    assert (answer.status_code, body["title"], body["type"].rsplit("/", 1)[-1]) == (status, title, kind)
    assert body.get("status", status) == status
    assert body["detail"]


def test_refusals_say_what_the_client_needs(start: Callable[..., Any]) -> None:
    """The cap names its period with requests left; enrolment its reason; the token its parameter."""
    cap = refused(start, "usage_cap", period="Daily")
    assert (cap.json()["period"], cap.headers["x-rate-limit-remaining"]) == ("Daily", "449")
    assert refused(start, "not_enrolled").json()["reason"] == "client-not-enrolled"
    assert refused(start, "rejected_token").json()["errors"][0]["parameters"] == {"next_token": ["abc"]}
    assert refused(start, "bad_credentials").json()["errors"][0]["code"] == 99


@pytest.mark.parametrize(
    ("reset", "expected"),
    [
        ("window", NOON_S + 15),
        ("past", NOON_S - 60),
        ("absurd", NOON_S + 400 * 86_400),
        (7, NOON_S + 7),
        ("missing", None),
    ],
)
def test_resets_may_be_missing_past_or_absurd(
    start: Callable[..., Any], reset: Any, expected: int | None
) -> None:
    """A 429 carries the reset that the rule wants."""
    answer = refused(start, "rate_limited", reset=reset)
    found = answer.headers.get("x-rate-limit-reset")
    assert (found and int(found)) == expected
    assert answer.headers["x-rate-limit-remaining"] == "0"


def test_a_daily_limit_stands_beside_the_window(start: Callable[..., Any]) -> None:
    """The 24-hour limit is exhausted while the window has room; its reset is the later one."""
    headers = refused(start, "rate_limited", daily=True).headers
    assert (headers["x-rate-limit-remaining"], headers["x-app-limit-24hour-remaining"]) == ("449", "0")
    assert int(headers["x-app-limit-24hour-reset"]) == NOON_S + 3600


def test_the_old_form_has_code_88(start: Callable[..., Any]) -> None:
    """A 429 may come in the form of v1.1."""
    assert refused(start, "rate_limited", v1=True).json() == {
        "errors": [{"code": 88, "message": "Rate limit exceeded"}]
    }


def test_limit_headers_may_be_missing(start: Callable[..., Any]) -> None:
    """no_limit_headers leaves a good answer without them."""
    answer = start(rules=[Rule(endpoint="*", fault="no_limit_headers")]).recent("sevdesk")
    assert answer.status_code == 200
    assert not [name for name in answer.headers if "limit" in name.lower()]


def test_the_edge_answers_in_html(start: Callable[..., Any]) -> None:
    """A 503 of the edge is HTML with a Date in GMT."""
    answer = refused(start, "server_error", status=503, html=True)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert answer.headers["Date"].endswith("GMT")


def test_a_refused_request_uses_up_the_window(start: Callable[..., Any]) -> None:
    """What X refuses counts all the same, but for a 401."""
    faults = ("server_error", "unauthorized", "forbidden")
    caller = start(
        rules=[Rule(endpoint="search_recent", nth=at, fault=fault) for at, fault in enumerate(faults, 1)]
    )
    assert [caller.recent("sevdesk").status_code for _ in faults] == [503, 401, 403]
    assert caller.recent("sevdesk").headers["x-rate-limit-remaining"] == "447"


@pytest.mark.parametrize(
    "fault", ["server_error", "bad_credentials", "rate_limited", "html", "reset_before", "slow"]
)
def test_the_token_endpoint_can_fail(start: Callable[..., Any], fault: str) -> None:
    """Rules hold for the token endpoint too, and end with their number."""
    params = {"delay_s": 0.01} if fault == "slow" else {}
    url = start(rules=[Rule(endpoint="token", nth=1, fault=fault, params=params)]).sim.url + "/oauth2/token"
    form = {"grant_type": "client_credentials"}
    if fault == "reset_before":
        with pytest.raises(requests.ConnectionError):
            requests.post(url, auth=("key", "secret"), data=form, timeout=5)
    else:
        answer = requests.post(url, auth=("key", "secret"), data=form, timeout=5)
        got_token = answer.ok and answer.text.startswith('{"token_type"')
        assert got_token is (fault == "slow")
    assert requests.post(url, auth=("key", "secret"), data=form, timeout=5).status_code == 200
