"""What is known of X's windows is shared through an asset's state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.airflow_in_memory import Airflow, at

from airflow_twitter.api.errors import RateLimitedError
from airflow_twitter.api.limits import RateLimit
from airflow_twitter.collecting.rate_limit import SharedLimit

NOW = at("11-22 12:00:00")


@pytest.fixture
def airflow() -> Airflow:
    """An Airflow in memory."""
    return Airflow()


def shared(airflow: Airflow, conn_id: str = "twitter_default", endpoint: str = "recent") -> SharedLimit:
    """The limit as a task sees it."""
    return SharedLimit(airflow.context(), conn_id, endpoint)


def limit(remaining: int | None, reset_s: float | None = 300.0, skew_s: float = 0.0) -> RateLimit:
    """What an answer said: requests left, and a reset on a clock that is ahead of ours by `skew_s`."""
    heard_at = NOW + timedelta(seconds=skew_s)
    reset_at = None if reset_s is None else heard_at + timedelta(seconds=reset_s)
    return RateLimit(450, remaining, reset_at, heard_at, skew_s)


def refusal(reset_s: float | None = None, **known: Any) -> RateLimitedError:
    """A refusal that names a reset, or none."""
    error = RateLimitedError("X answered 429")
    error.limit = limit(0, reset_s, **known)
    return error


def test_nothing_known(airflow: Airflow) -> None:
    """When nothing is known there is room: X's answer decides."""
    assert shared(airflow).room_at(NOW) == NOW


def test_room(airflow: Airflow) -> None:
    """With requests left, or an unknown limit, there is room now."""
    for remaining in (1, 449, None):
        shared(airflow).heard(limit(remaining))
        assert shared(airflow).room_at(NOW) == NOW


def test_exhausted(airflow: Airflow) -> None:
    """With no request left there is room at the reset, for whoever asks, and again after it."""
    shared(airflow).heard(limit(0))

    assert shared(airflow).room_at(NOW) == NOW + timedelta(seconds=300)
    assert shared(airflow).room_at(NOW + timedelta(seconds=100)) == NOW + timedelta(seconds=300)
    later = NOW + timedelta(seconds=301)
    assert shared(airflow).room_at(later) == later


def test_exhausted_without_a_reset(airflow: Airflow) -> None:
    """Without a usable reset nobody knows when: X is asked."""
    shared(airflow).heard(limit(0, None))
    assert shared(airflow).room_at(NOW) == NOW


@pytest.mark.parametrize("skew_s", [-300.0, 300.0])
def test_clocks_differ(airflow: Airflow, skew_s: float) -> None:
    """A reset on X's clock is waited for on ours."""
    shared(airflow).heard(limit(0, 60, skew_s))
    assert shared(airflow).room_at(NOW) == NOW + timedelta(seconds=60)

    resumes_at = shared(airflow).refused(refusal(90, skew_s=skew_s), NOW)
    assert resumes_at == shared(airflow).room_at(NOW) == NOW + timedelta(seconds=90)


def test_refusal_with_a_reset(airflow: Airflow) -> None:
    """A refusal's reset is when to ask again."""
    assert shared(airflow).refused(refusal(600), NOW) == NOW + timedelta(seconds=600)
    assert shared(airflow).room_at(NOW) == NOW + timedelta(seconds=600)


def test_blind_waits_double(airflow: Airflow) -> None:
    """Without a usable reset the wait doubles from 30 s to 15 min, and begins anew after an answer."""
    waits = []
    now = NOW
    for _ in range(7):
        resumes_at = shared(airflow).refused(refusal(), now)
        assert shared(airflow).room_at(now) == resumes_at
        waits.append((resumes_at - now).total_seconds())
        now = resumes_at
    assert waits == [30, 60, 120, 240, 480, 900, 900]

    shared(airflow).heard(limit(449))
    assert shared(airflow).room_at(now) == now
    assert shared(airflow).refused(refusal(), now) == now + timedelta(seconds=30)


def test_each_connection_and_endpoint(airflow: Airflow) -> None:
    """Connections and endpoints have windows of their own."""
    shared(airflow).heard(limit(0))

    assert shared(airflow, endpoint="all").room_at(NOW) == NOW
    assert shared(airflow, conn_id="twitter_other").room_at(NOW) == NOW
    assert shared(airflow).room_at(NOW) > NOW


@pytest.mark.parametrize(
    "value", [[], "text", {"limit": None}, {"limit": {"remaining": "none"}}, {"limit": [1]}]
)
def test_unreadable_state(airflow: Airflow, value: Any) -> None:
    """State that is not ours is no reason to stop: it is only a hint."""
    airflow.limits.set("twitter_default.recent", value)
    assert shared(airflow).room_at(NOW) == NOW
