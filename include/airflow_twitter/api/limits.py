"""What X's headers say about its request windows, and the waits that follow, by the server's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_WAIT_S = 86400.0
"""X's longest window is 24 hours; a reset further away is a fault and counts as unknown."""

WINDOW = "window"
"""The scope of the limit that starts anew every 15 minutes."""

_DIGITS_MAX = 15
_BLIND_WAIT_FIRST_S = 30.0
_BLIND_WAIT_MAX_S = 900.0

# Prefix of the headers by scope (docs.x.com/x-api/fundamentals/rate-limits). The daily ones are sent only
# by some endpoints.
_SCOPES = {
    WINDOW: "x-rate-limit",
    "app 24 h": "x-app-limit-24hour",
    "user 24 h": "x-user-limit-24hour",
}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Hold the state of the limit that binds: requests allowed, requests left, and when it starts anew.

    `reset_at` and `observed_at` are aware UTC datetimes on the server's clock; `skew_s` is how far that
    clock was ahead of ours. Unknown values are None. `reset_at` is only ever a plausible moment: later
    than the answer, by 24 hours at most. `also` are the other limits that the same answer named.
    """

    limit: int | None
    remaining: int | None
    reset_at: datetime | None
    observed_at: datetime
    skew_s: float = 0.0
    scope: str = WINDOW
    also: tuple[RateLimit, ...] = ()

    def __str__(self) -> str:
        if self.remaining is None:
            return "no limit named"
        known = "" if self.limit is None else f" of {self.limit}"
        scope = "" if self.scope == WINDOW else f" ({self.scope})"
        clock = "%H:%M:%SZ" if self.scope == WINDOW else "%Y-%m-%dT%H:%M:%SZ"
        until = "" if self.reset_at is None else f" until {self.reset_at:{clock}}"
        return f"{self.remaining}{known} requests left{scope}{until}"

    @property
    def exhausted(self) -> bool:
        """Tell whether no request was left when X was heard."""
        return self.remaining == 0

    @property
    def all(self) -> tuple[RateLimit, ...]:
        """Return every limit that the answer named, each by itself."""
        return (replace(self, also=()), *self.also)

    @property
    def local_reset_at(self) -> datetime | None:
        """Return the reset as our own clock will show it."""
        return None if self.reset_at is None else self.reset_at - timedelta(seconds=self.skew_s)

    def wait_s(self, now: datetime) -> float:
        """Return the seconds from `now` (our clock) until X has room; 0 when it has or nothing is known."""
        reset_at = self.local_reset_at
        if not self.exhausted or reset_at is None:
            return 0.0
        return max(0.0, (reset_at - now).total_seconds())

    def to_json(self) -> dict[str, Any]:
        """Return the state, without `also`, as JSON values, so that other processes can read it."""
        return {
            "limit": self.limit,
            "remaining": self.remaining,
            "reset_at": None if self.reset_at is None else _format_time(self.reset_at),
            "observed_at": _format_time(self.observed_at),
            "skew_s": self.skew_s,
            "scope": self.scope,
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> RateLimit:
        """Read what `to_json` wrote; raise ValueError when it is something else."""
        try:
            reset_at = state["reset_at"]
            return cls(
                limit=_optional_int(state["limit"]),
                remaining=_optional_int(state["remaining"]),
                reset_at=None if reset_at is None else _parse_time(reset_at),
                observed_at=_parse_time(state["observed_at"]),
                skew_s=float(state["skew_s"]),
                scope=str(state["scope"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"This is no rate limit: {error!r}") from error


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """Return the server's clock from `Date`, or None when it is missing or unreadable.

    X's dates mostly end in "UTC" where HTTP wants "GMT"; both are read.
    """
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def read_limit(headers: Mapping[str, str], now: datetime) -> RateLimit:
    """Read the limit that binds from an answer's headers (any case), received at `now` of our clock.

    Among limits that are exhausted it is the one with the latest reset; else the one with the fewest
    requests left. The others are in its `also`.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    server_now = server_time(headers) or now
    limits = [_read_scope(headers, scope, server_now, now) for scope in _SCOPES]
    exhausted = [limit for limit in limits if limit.exhausted]
    if exhausted:
        binding = max(exhausted, key=lambda limit: limit.reset_at or server_now)
    else:
        binding = min(limits, key=lambda limit: (limit.remaining is None, limit.remaining or 0))
    others = (limit for limit in limits if limit is not binding and limit.remaining is not None)
    return replace(binding, also=tuple(others))


def blind_wait_s(attempt: int) -> float:
    """Return the wait before try `attempt` (0 is the first) when X refuses without a usable reset.

    Doubles from 30 seconds up to 15 minutes.
    """
    return float(min(_BLIND_WAIT_MAX_S, _BLIND_WAIT_FIRST_S * 2 ** min(attempt, 10)))


def _read_scope(headers: Mapping[str, str], scope: str, server_now: datetime, now: datetime) -> RateLimit:
    prefix = _SCOPES[scope]
    return RateLimit(
        limit=_read_count(headers.get(f"{prefix}-limit")),
        remaining=_read_count(headers.get(f"{prefix}-remaining")),
        reset_at=_read_reset(headers.get(f"{prefix}-reset"), server_now),
        observed_at=server_now,
        skew_s=(server_now - now).total_seconds(),
        scope=scope,
    )


def _read_count(value: str | None) -> int | None:
    if value is None or len(value) > _DIGITS_MAX:
        return None
    try:
        return max(0, int(value))
    except ValueError:
        return None


def _read_reset(value: str | None, server_now: datetime) -> datetime | None:
    """Read Unix seconds; a moment that is past or over 24 hours away is no reset."""
    seconds = _read_count(value)
    if seconds is None:
        return None
    ahead_s = seconds - server_now.timestamp()
    return datetime.fromtimestamp(seconds, UTC) if 0 < ahead_s <= LONGEST_WAIT_S else None


def _optional_int(value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError(f"{value!r} is no number")


def _format_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parse_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)
