"""Windows of requests, as the headers tell them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


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


@pytest.mark.parametrize("scope", ["app", "user"])
def test_the_day_runs_out_before_the_window(start: Callable[..., Any], clock: Any, scope: str) -> None:
    """A limit of 24 hours counts every search and refuses with room left in the window, until the day is over."""
    caller = start(daily_limits={"search_recent": {scope: 2}})
    answers = [caller.recent("sevdesk") for _ in range(3)]
    prefix = f"x-{scope}-limit-24hour"
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers[f"{prefix}-remaining"] for answer in answers] == ["1", "0", "0"]
    assert [answer.headers["x-rate-limit-remaining"] for answer in answers] == ["449", "448", "448"]
    assert answers[2].headers[f"{prefix}-limit"] == "2"
    assert int(answers[2].headers[f"{prefix}-reset"]) == clock() + 86_400
    clock.move(86_399)
    assert caller.recent("sevdesk").status_code == 429
    clock.move(1)
    assert caller.recent("sevdesk").headers[f"{prefix}-remaining"] == "1"


def test_an_unknown_limit_is_refused(start: Callable[..., Any]) -> None:
    """A limit for an endpoint that does not exist is a mistake of the caller."""
    with pytest.raises(ValueError, match="search_recnt"):
        start(limits={"search_recnt": 1})
