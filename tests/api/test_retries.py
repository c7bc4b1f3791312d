"""What is tried again, for how long, against the simulator."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from airflow_twitter.api import errors
from airflow_twitter.api.auth import BearerAuth
from airflow_twitter.api.client import XClient
from airflow_twitter.api.endpoints import RECENT
from airflow_twitter.api.retries import TRIES_MAX, retry
from airflow_twitter.simulator import Rule, Simulator

KEY, SECRET = "key-of-a-test", "secret-of-a-test"
SEARCH = {"query": "accounting", "max_results": "10"}

OpenClient = Callable[..., XClient]


@pytest.mark.parametrize(
    ("fault", "params"),
    [
        ("reset_before", {}),
        ("lost_answer", {}),
        ("cut", {}),
        ("truncated_json", {}),
        ("html", {}),
        ("server_error", {"status": 500}),
        ("server_error", {"status": 502, "html": True}),
        ("server_error", {"status": 503}),
        ("server_error", {"status": 504}),
    ],
)
@pytest.mark.parametrize("endpoint", ["token", "search_recent"])
def test_passing_trouble_is_tried_again(
    client: XClient, simulator: Simulator, clock: Any, endpoint: str, fault: str, params: dict[str, Any]
) -> None:
    """Two faults in a row on the way or at X cost two short waits, and the page comes."""
    simulator.add_rules([Rule(endpoint=endpoint, fault=fault, nth=(1, 2), params=params)])
    page = client.search(RECENT, SEARCH)
    assert page.result_count == 10
    assert len(simulator.book.to(endpoint)) == 3
    assert len(clock.slept) == 2
    assert 0 <= clock.slept[0] <= 1
    assert 0 <= clock.slept[1] <= 2


@pytest.mark.parametrize(
    ("fault", "kind"), [("reset_before", errors.NetworkError), ("server_error", errors.ServerError)]
)
def test_tries_end_in_time_with_the_last_error(
    client: XClient, simulator: Simulator, clock: Any, fault: str, kind: type[errors.XError]
) -> None:
    """Trouble that stays is raised once the time is up; no wait is begun that would outlast it."""
    simulator.add_rules([Rule(endpoint="search_recent", fault=fault)])
    with pytest.raises(kind):
        client.search(RECENT, SEARCH)
    assert sum(clock.slept) <= 120
    assert len(simulator.book.to("search_recent")) == len(clock.slept) + 1
    assert 5 < len(clock.slept) < 1000
    assert max(clock.slept) <= 30


def test_waits_grow_and_are_spread() -> None:
    """The wait before try n lies anywhere from 0 to 2^(n-2) s, and 30 at most: clients that failed at once part."""
    waits = [waits_of_one() for _ in range(200)]
    for number in range(6):
        longest = min(30.0, 2.0**number)
        drawn = [slept[number] for slept in waits]
        assert 0 <= min(drawn) < longest / 4, number
        assert longest * 3 / 4 < max(drawn) <= longest, number


def waits_of_one() -> list[float]:
    """Have every try of a call fail, and return how long it waited between them."""
    slept: list[float] = []
    with pytest.raises(errors.NetworkError):
        retry(
            lambda: fail_with(errors.NetworkError("no")),
            120,
            sleep=slept.append,
            monotonic=lambda: sum(slept),
            failed=lambda error: None,
        )
    return slept


def test_every_failure_is_told() -> None:
    """Whoever bounds trouble that goes on hears of every try that failed, the last one too; not of another error."""
    told: list[errors.TransientError] = []
    tries: list[Exception] = [errors.NetworkError("a"), errors.ServerError("b"), errors.AuthError("c")]

    def fail() -> None:
        raise tries[len(told)]

    slept: list[float] = []
    with pytest.raises(errors.AuthError):
        retry(fail, 120, sleep=slept.append, monotonic=lambda: 0, failed=told.append)
    assert told == tries[:2]
    with pytest.raises(errors.NetworkError):
        retry(lambda: fail_with(tries[0]), -1, sleep=slept.append, monotonic=lambda: 0, failed=told.append)
    assert told == [*tries[:2], tries[0]]


def fail_with(error: Exception) -> None:
    """Raise an error."""
    raise error


def test_tries_are_bounded_in_number(simulator: Simulator, open_client: OpenClient, clock: Any) -> None:
    """However much time there is, and however short the waits come out, it is tried 15 times."""
    simulator.add_rules([Rule(endpoint="search_recent", fault="server_error")])
    client = open_client(simulator.url, BearerAuth(bearer_token=simulator.bearer_token), retry_for_s=1e9)
    with pytest.raises(errors.ServerError):
        client.search(RECENT, SEARCH)
    assert len(simulator.book.to("search_recent")) == TRIES_MAX == 15
    assert len(clock.slept) == 14


def test_time_for_tries_includes_the_requests(server: Any, open_client: OpenClient, clock: Any) -> None:
    """Slow failures use the time up too: after 70 s each, of 120 s, there is one second try."""

    def fail_slowly(_: Any) -> None:
        clock.passed_s += 70.0

    for _ in range(3):
        server.then(fail_slowly)
    client = open_client(server.url)
    with pytest.raises(errors.NetworkError):
        client.search(RECENT, SEARCH)
    assert len(server.requests) == 2


def test_no_second_try_when_none_is_allowed(
    simulator: Simulator, open_client: OpenClient, clock: Any
) -> None:
    """retry_for_s=0 means one try."""
    client = open_client(simulator.url, BearerAuth(KEY, SECRET), retry_for_s=0.0)
    client.authenticate()
    simulator.add_rules([Rule(endpoint="search_recent", fault="server_error")])
    with pytest.raises(errors.ServerError):
        client.search(RECENT, SEARCH)
    # Full jitter may draw a wait of zero, but hardly ever does.
    assert clock.slept == []


def test_tries_are_warned_of(client: XClient, simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """A second try is announced with its reason."""
    simulator.add_rules([Rule(endpoint="search_recent", fault="server_error", nth=1)])
    client.search(RECENT, SEARCH)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "X answered 503 to GET /2/tweets/search/recent" in warnings[0]
    assert "Try 2 follows in" in warnings[0]
