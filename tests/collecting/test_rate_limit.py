"""What is known of X's windows is shared through an asset's state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
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


def day(remaining: int, reset_s: float = 7200.0, scope: str = "app 24 h") -> RateLimit:
    """A 24-hour limit as an answer named it."""
    return RateLimit(10_000, remaining, NOW + timedelta(seconds=reset_s), NOW, scope=scope)


class TestDays:
    """Limits of 24 hours, beside those of the window."""

    @pytest.fixture(autouse=True)
    def at_now(self) -> Iterator[None]:
        """The answers of these tests are heard now."""
        with time_machine.travel(NOW, tick=False):
            yield

    def test_exhausted(self, airflow: Airflow) -> None:
        """A day that is used up is waited for, though the window has room."""
        shared(airflow).heard(replace(day(0), also=(limit(400),)))
        known = shared(airflow)
        assert known.room_at(NOW) == NOW + timedelta(seconds=7200)
        assert known.waits_for(NOW) == "app 24 h"
        assert known.why(NOW) == (
            "X has no room: 0 of 10000 requests left (app 24 h) until 2026-11-22T14:00:00Z."
        )

    def test_latest_reset_counts(self, airflow: Airflow) -> None:
        """Among limits that are used up the one that lasts longest is waited for."""
        shared(airflow).heard(replace(limit(0), also=(day(0, 3600), day(0, 80_000, "user 24 h"))))
        assert shared(airflow).room_at(NOW) == NOW + timedelta(seconds=80_000)
        assert shared(airflow).waits_for(NOW) == "user 24 h"
        later = NOW + timedelta(seconds=80_001)
        assert shared(airflow).room_at(later) == later

    def test_window_does_not_hide_a_day(self, airflow: Airflow) -> None:
        """A later answer that names only the window leaves what is known of the day."""
        shared(airflow).heard(replace(day(0), also=(limit(400),)))
        shared(airflow).heard(limit(399))
        assert shared(airflow).room_at(NOW) == NOW + timedelta(seconds=7200)
        shared(airflow).refused(refusal(60), NOW)
        assert shared(airflow).room_at(NOW) == NOW + timedelta(seconds=7200)

    def test_same_day_is_heard_again(self, airflow: Airflow) -> None:
        """An answer that names the day itself decides about it; the other day stays."""
        shared(airflow).heard(replace(day(0), also=(day(0, 600, "user 24 h"),)))
        shared(airflow).heard(replace(limit(400), also=(day(5),)))
        assert shared(airflow).room_at(NOW) == NOW + timedelta(seconds=600)

    def test_refused(self, airflow: Airflow) -> None:
        """A refusal for the day is kept as such, whatever is heard of the window later."""
        error = refusal()
        error.limit = replace(day(0), also=(limit(400),))
        assert shared(airflow).refused(error, NOW) == NOW + timedelta(seconds=7200)
        assert shared(airflow).waits_for(NOW) == "app 24 h"
        shared(airflow).heard(limit(399))
        assert shared(airflow).room_at(NOW) == NOW + timedelta(seconds=7200)

    def test_past_days_are_forgotten(self, airflow: Airflow) -> None:
        """A day that is over is no longer kept."""
        shared(airflow).heard(replace(day(0, 60), also=(limit(400),)))
        with time_machine.travel(NOW + timedelta(seconds=61), tick=False):
            shared(airflow).heard(limit(399))
        assert airflow.limits.get("twitter_default.recent")["days"] == []


def test_room_of_a_window(airflow: Airflow) -> None:
    """A window that lasts is told with what is left; one that is over or unknown is not."""
    shared(airflow).heard(limit(7))
    room = shared(airflow).room(NOW)
    assert room is not None
    assert (room.remaining, room.ends_at) == (7, NOW + timedelta(seconds=300))
    assert shared(airflow).room(NOW + timedelta(seconds=300)) is None
    shared(airflow).heard(limit(None))
    assert shared(airflow).room(NOW) is None


@pytest.mark.parametrize(
    "value",
    [
        [],
        "text",
        {"days": 5, "refusals": "x", "blocked_until": 5},
        {"days": [1, {}]},
        {"limit": None},
        {"limit": {"remaining": "none"}},
        {"limit": [1]},
    ],
)
def test_unreadable_state(airflow: Airflow, value: Any) -> None:
    """State that is not ours is no reason to stop: it is only a hint."""
    airflow.limits.set("twitter_default.recent", value)
    assert shared(airflow).room_at(NOW) == NOW
