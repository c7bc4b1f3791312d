"""What the client raises when X refuses, and when X has room again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from airflow_twitter.api import errors
from airflow_twitter.api.auth import BearerAuth
from airflow_twitter.api.client import XClient
from airflow_twitter.api.endpoints import RECENT
from airflow_twitter.simulator import Rule, Simulator, Topic, World

KEY, SECRET = "key-of-a-test", "secret-of-a-test"
SEARCH = {"query": "accounting", "max_results": "10"}

OpenClient = Callable[..., XClient]


def test_unreadable_page_names_the_request(client: XClient, simulator: Simulator) -> None:
    """An answer that is no page still carries X's name of the request."""
    simulator.add_rules([Rule(endpoint="search_recent", fault="truncated_json")])
    with pytest.raises(errors.NetworkError, match="no JSON, or is cut off") as caught:
        client.search(RECENT, SEARCH)
    assert caught.value.status == 200
    assert caught.value.request_id


@pytest.mark.parametrize(
    ("fault", "params", "kind"),
    [
        ("rate_limited", {}, errors.RateLimitedError),
        ("rate_limited", {"v1": True}, errors.RateLimitedError),
        ("usage_cap", {"period": "Monthly"}, errors.UsageCapError),
        ("usage_cap", {"period": "Daily"}, errors.UsageCapError),
        ("credits", {}, errors.CreditsError),
        ("bad_credentials", {}, errors.CredentialsError),
        ("not_enrolled", {}, errors.EnrollmentError),
        ("unsupported_authentication", {}, errors.TokenKindError),
        ("forbidden", {}, errors.ForbiddenError),
        ("rejected_token", {}, errors.TokenRejectedError),
    ],
)
def test_refusals_are_raised_at_once(
    client: XClient,
    simulator: Simulator,
    clock: Any,
    fault: str,
    params: dict[str, Any],
    kind: type[errors.XError],
) -> None:
    """Nothing but passing trouble is tried again, and the client never sleeps out a limit."""
    client.authenticate()
    simulator.add_rules([Rule(endpoint="search_recent", fault=fault, params=params)])
    with pytest.raises(errors.XError) as caught:
        client.search(RECENT, SEARCH)
    assert type(caught.value) is kind
    assert caught.value.request_id
    assert len(simulator.book.to("search_recent")) == 1
    assert clock.slept == []


def test_our_own_mistake_shows_what_x_says(client: XClient) -> None:
    """A 400 carries X's messages on the parameters."""
    with pytest.raises(errors.InvalidRequestError) as caught:
        client.search(RECENT, {**SEARCH, "max_results": "5"})
    assert caught.value.messages
    assert "max_results" in str(caught.value)


@pytest.mark.parametrize("period", ["Monthly", "Daily"])
def test_usage_cap_names_its_period(client: XClient, simulator: Simulator, period: str) -> None:
    """A cap is no window: it says which, and no reset."""
    simulator.add_rules([Rule(endpoint="search_recent", fault="usage_cap", params={"period": period})])
    with pytest.raises(errors.UsageCapError) as caught:
        client.search(RECENT, SEARCH)
    assert caught.value.period == period


@pytest.mark.parametrize("skew_s", [-3600.0, -20.0, 0.0, 20.0, 3600.0])
def test_window_ends_when_x_says_whatever_the_clocks_show(
    open_client: OpenClient, clock: Any, skew_s: float
) -> None:
    """After the wait that the error names, by our clock, X answers; a second earlier it does not."""
    with Simulator(
        world=World(seed=7, topics={"accounting": Topic(total=25)}, start=clock.noon),
        limits={"search_recent": 1},
        credentials=(KEY, SECRET),
        clock_skew_s=skew_s,
        clock=lambda: clock.now().timestamp(),
    ) as simulator:
        client = open_client(simulator.url, BearerAuth(KEY, SECRET))
        page = client.search(RECENT, SEARCH)
        assert page.limit.exhausted
        assert client.server_now() == clock.now() + timedelta(seconds=skew_s)
        params = {**SEARCH, "next_token": page.next_token or ""}
        with pytest.raises(errors.RateLimitedError) as caught:
            client.search(RECENT, params)
        assert caught.value.local_reset_at is not None
        assert caught.value.limit is not None
        wait_s = caught.value.limit.wait_s(clock.now())
        assert wait_s == (caught.value.local_reset_at - clock.now()).total_seconds()
        assert 1 < wait_s <= 900
        clock.sleep(wait_s - 1)
        with pytest.raises(errors.RateLimitedError):
            client.search(RECENT, params)
        clock.sleep(1)
        assert client.search(RECENT, params).result_count == 10


@pytest.mark.parametrize("reset", ["missing", "past", "absurd"])
def test_unusable_reset_is_left_to_the_caller(client: XClient, simulator: Simulator, reset: str) -> None:
    """Missing, past and absurd resets are None: the caller waits from 30 s up to 15 minutes."""
    simulator.add_rules([Rule(endpoint="search_recent", fault="rate_limited", params={"reset": reset})])
    with pytest.raises(errors.RateLimitedError) as caught:
        client.search(RECENT, SEARCH)
    assert caught.value.reset_at is None
    assert caught.value.local_reset_at is None


def test_daily_limit_is_waited_for(client: XClient, simulator: Simulator, clock: Any) -> None:
    """An exhausted 24-hour limit outlasts the window."""
    simulator.add_rules([Rule(endpoint="search_recent", fault="rate_limited", params={"daily": True})])
    with pytest.raises(errors.RateLimitedError) as caught:
        client.search(RECENT, SEARCH)
    assert caught.value.limit is not None
    assert caught.value.limit.scope in ("app 24 h", "user 24 h")
    assert 900 < caught.value.limit.wait_s(clock.now()) <= 86400


def test_redirect_is_refused(server: Any, open_client: OpenClient) -> None:
    """A host that redirects is not X: the token is not carried there."""
    server.answer(301, b"", {"Location": f"{server.url}/elsewhere"})
    with pytest.raises(errors.PermanentError, match="redirect") as caught:
        open_client(server.url).search(RECENT, SEARCH)
    assert caught.value.status == 301
    assert len(server.requests) == 1
