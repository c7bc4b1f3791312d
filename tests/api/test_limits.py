"""Windows and waits, by the server's clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from airflow_twitter.api.limits import RateLimit, blind_wait_s, read_limit, server_time

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
DATE = "Sun, 22 Nov 2026 12:00:00 UTC"


def headers(prefix: str = "x-rate-limit", *, remaining: object = 0, reset: object = 900) -> dict[str, str]:
    """Return a limit's headers; `reset` as seconds after noon, or as text to send as it is."""
    moment = str(int(NOON.timestamp()) + reset) if isinstance(reset, int) else str(reset)
    return {f"{prefix}-limit": "450", f"{prefix}-remaining": str(remaining), f"{prefix}-reset": moment}


@pytest.mark.parametrize("zone", ["UTC", "GMT", "+0000"])
def test_date_is_read_with_every_zone_x_writes(zone: str) -> None:
    """X's Date ends in UTC or GMT; both are the same moment."""
    assert server_time({"date": f"Sun, 22 Nov 2026 12:00:00 {zone}"}) == NOON


@pytest.mark.parametrize("date", ["", "noon", "Sun, 99 Nov 2026 12:00:00 UTC", "0"])
def test_unreadable_date_is_none(date: str) -> None:
    """A missing or broken Date gives None, not an error."""
    assert server_time({"date": date}) is None
    assert server_time({}) is None


def test_window_is_read_with_the_servers_clock() -> None:
    """Limit, remaining and reset come from the headers, the observation from the server's Date."""
    limit = read_limit({"Date": DATE, **headers(remaining=449)}, NOON - timedelta(seconds=100))
    assert limit == RateLimit(450, 449, NOON + timedelta(seconds=900), NOON, skew_s=100.0)
    assert not limit.exhausted


@pytest.mark.parametrize("skew_s", [-7200, -3, 0, 3, 7200])
def test_wait_is_right_whatever_our_clock_shows(skew_s: int) -> None:
    """A reset in 900 s means a wait of 900 s, also when our clock is hours off."""
    local_noon = NOON - timedelta(seconds=skew_s)
    limit = read_limit({"Date": DATE, **headers()}, local_noon)
    assert limit.exhausted
    assert limit.wait_s(local_noon) == 900.0
    assert limit.wait_s(local_noon + timedelta(seconds=890)) == 10.0
    assert limit.wait_s(local_noon + timedelta(seconds=901)) == 0.0
    assert limit.local_reset_at == local_noon + timedelta(seconds=900)


def test_no_wait_while_requests_are_left_or_nothing_is_known() -> None:
    """There is room unless X said otherwise."""
    assert read_limit({"Date": DATE, **headers(remaining=1)}, NOON).wait_s(NOON) == 0.0
    unknown = read_limit({}, NOON)
    assert unknown == RateLimit(None, None, None, NOON)
    assert unknown.wait_s(NOON) == 0.0


@pytest.mark.parametrize(
    "reset", [0, -1, -900, 86401, 10**9, 10**13, "", "soon", "1e9", "9" * 400, "-5", "1795348800.5"]
)
def test_reset_that_is_no_reset_is_unknown(reset: object) -> None:
    """Past, absurd (over 24 h) and unreadable resets are dropped."""
    limit = read_limit({"Date": DATE, **headers(reset=reset)}, NOON)
    assert limit.reset_at is None
    assert limit.exhausted
    assert limit.wait_s(NOON) == 0.0


def test_reset_in_24_hours_is_believed() -> None:
    """Daily limits may be a whole day away."""
    assert read_limit({"Date": DATE, **headers(reset=86400)}, NOON).wait_s(NOON) == 86400.0


def test_latest_reset_among_the_exhausted_limits_binds() -> None:
    """With window and a daily limit used up, the later of both counts; limits with room do not."""
    answer = {
        "Date": DATE,
        **headers(reset=900),
        **headers("x-app-limit-24hour", reset=7200),
        **headers("x-user-limit-24hour", remaining=5, reset=80000),
    }
    limit = read_limit(answer, NOON)
    assert (limit.scope, limit.wait_s(NOON)) == ("app 24 h", 7200.0)


def test_daily_limit_binds_though_the_window_has_room() -> None:
    """An exhausted daily limit stops us even with requests left in the window."""
    answer = {"Date": DATE, **headers(remaining=400), **headers("x-user-limit-24hour", reset=3600)}
    limit = read_limit(answer, NOON)
    assert (limit.scope, limit.remaining, limit.wait_s(NOON)) == ("user 24 h", 0, 3600.0)


def test_fewest_requests_left_bind_when_none_is_exhausted() -> None:
    """The limit that will be reached first is the one shown."""
    answer = {"Date": DATE, **headers(remaining=400), **headers("x-app-limit-24hour", remaining=3)}
    assert read_limit(answer, NOON).scope == "app 24 h"


def test_broken_counts_are_unknown_and_negative_ones_zero() -> None:
    """Nonsense is no number, and less than nothing left is nothing left."""
    assert read_limit({**headers(remaining="many")}, NOON).remaining is None
    assert read_limit({**headers(remaining=-4)}, NOON).remaining == 0


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (RateLimit(450, 449, NOON, NOON), "449 of 450 requests left until 12:00:00Z"),
        (RateLimit(None, 0, None, NOON, scope="app 24 h"), "0 requests left (app 24 h)"),
        (RateLimit(None, None, None, NOON), "no limit named"),
    ],
)
def test_limit_reads_as_a_few_words(limit: RateLimit, text: str) -> None:
    """Log lines say what is left, of how many, and until when."""
    assert str(limit) == text


@pytest.mark.parametrize(
    "limit",
    [
        RateLimit(450, 0, NOON + timedelta(seconds=900), NOON, skew_s=-1.25, scope="app 24 h"),
        RateLimit(None, None, None, NOON + timedelta(microseconds=5)),
    ],
)
def test_json_round_trip(limit: RateLimit) -> None:
    """What is written as JSON is read back equal."""
    assert RateLimit.from_json(json.loads(json.dumps(limit.to_json()))) == limit


@pytest.mark.parametrize(
    "change",
    [
        {"remaining": "0"},
        {"remaining": True},
        {"reset_at": "2026-11-22T12:15:00"},
        {"reset_at": 5},
        {"observed_at": None},
        {"skew_s": "x"},
    ],
)
def test_damaged_json_is_a_value_error(change: dict[str, object]) -> None:
    """Shared state that is no rate limit is refused, never misread."""
    state = {**RateLimit(450, 0, NOON, NOON).to_json(), **change}
    with pytest.raises(ValueError, match=r"no rate limit|no time zone|could not convert"):
        RateLimit.from_json(state)
    with pytest.raises(ValueError, match="no rate limit"):
        RateLimit.from_json({})


def test_blind_wait_doubles_from_30_seconds_to_15_minutes() -> None:
    """Without a reset the waits are 30, 60, ... and never over 900 s."""
    assert [blind_wait_s(attempt) for attempt in (0, 1, 2, 3, 4, 5, 6, 10**6)] == [
        30.0,
        60.0,
        120.0,
        240.0,
        480.0,
        900.0,
        900.0,
        900.0,
    ]
