"""What is known of X's request windows, shared between DAGs as the state of one Airflow asset.

It is a hint that saves asking in vain; X's own answer decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Context

from airflow_twitter.api.errors import RateLimitedError
from airflow_twitter.api.limits import WINDOW, RateLimit, blind_wait_s
from airflow_twitter.assets import RATE_LIMIT


@dataclass(frozen=True)
class Room:
    """A window that has begun: requests left, and when it ends, on X's clock (`window`) and on ours."""

    remaining: int
    window: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Known:
    """What is known of one connection and endpoint: its window, its 24-hour limits by scope, refusals in a row.

    `blocked_until` is when to ask again after a refusal, on our clock.
    """

    window: RateLimit | None = None
    days: tuple[RateLimit, ...] = ()
    refusals: int = 0
    blocked_until: datetime | None = None

    @classmethod
    def from_json(cls, state: Any) -> Known:
        """Read what `to_json` wrote; whatever is something else counts as unknown."""
        if not isinstance(state, dict):
            return cls()
        days = state.get("days")
        refusals = state.get("refusals")
        return cls(
            window=_limit(state.get("limit")),
            days=tuple(filter(None, map(_limit, days if isinstance(days, list) else []))),
            refusals=refusals if isinstance(refusals, int) else 0,
            blocked_until=_moment(state.get("blocked_until")),
        )

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "limit": self.window and self.window.to_json(),
            "days": [day.to_json() for day in self.days],
            "refusals": self.refusals,
            "blocked_until": self.blocked_until and self.blocked_until.astimezone(UTC).isoformat(),
        }

    def with_answer(self, limit: RateLimit, now: datetime) -> Known:
        """Return what is known after an answer: a 24-hour limit that it does not name is not forgotten."""
        named = {each.scope: each for each in limit.all}
        days = {day.scope: day for day in self.days if (day.local_reset_at or now) > now}
        days |= {scope: each for scope, each in named.items() if scope != WINDOW}
        return Known(window=named.get(WINDOW), days=tuple(days.values()))

    def binding(self, now: datetime) -> RateLimit | None:
        """Return the exhausted limit that lasts longest, None when there is room as far as is known."""
        exhausted = [limit for limit in (self.window, *self.days) if limit and limit.wait_s(now) > 0]
        return max(exhausted, key=lambda limit: limit.wait_s(now), default=None)

    def room_at(self, now: datetime) -> datetime:
        """Return when X is known to have room again, on our clock; `now` when it has or nothing is known."""
        binding = self.binding(now)
        moments = [now, now + timedelta(seconds=binding.wait_s(now))] if binding else [now]
        return max([*moments, self.blocked_until] if self.blocked_until else moments)

    def room(self, now: datetime) -> Room | None:
        """Return the window that lasts now; None when none is known to have begun."""
        window = self.window
        if window is None or window.remaining is None or window.reset_at is None:
            return None
        ends_at = window.local_reset_at or now
        if ends_at <= now:
            return None
        left = [day.remaining for day in self.days if day.remaining and (day.local_reset_at or now) > now]
        return Room(min([window.remaining, *left]), window.reset_at, ends_at)


class SharedLimit:
    """Read and write the known limit of one connection and endpoint.

    A task may only touch the state of assets among its inlets and outlets, so :data:`RATE_LIMIT` must be one.
    """

    def __init__(self, context: Context, conn_id: str, endpoint: str) -> None:
        self.conn_id = conn_id
        self.endpoint = endpoint
        self._state = context["asset_state_store"][RATE_LIMIT]
        self._key = f"{conn_id}.{endpoint}"
        self._known: Known | None = None

    def room_at(self, now: datetime) -> datetime:
        """Return when X is known to have room again, on our clock; `now` when it has or nothing is known."""
        return self._read().room_at(now)

    def room(self, now: datetime) -> Room | None:
        """Return the window that lasts now, as this task last read or heard of it; None when none has begun."""
        return (self._known or self._read()).room(now)

    def waits_for(self, now: datetime) -> str:
        """Name what keeps X from having room: the scope of a limit, or "refusal" when X named none."""
        binding = (self._known or self._read()).binding(now)
        return binding.scope if binding else "refusal"

    def why(self, now: datetime) -> str:
        """Say what keeps X from having room, in a sentence."""
        binding = (self._known or self._read()).binding(now)
        return (
            f"X has no room: {binding}."
            if binding
            else "X has refused a request and named no moment to ask again."
        )

    def heard(self, limit: RateLimit) -> None:
        """Keep what an answer said of the window, and of 24-hour limits when it named some."""
        self._write((self._known or self._read()).with_answer(limit, datetime.now(UTC)))

    def refused(self, error: RateLimitedError, now: datetime) -> datetime:
        """Keep a refusal and return when to ask again, on our clock.

        That is the reset that X named; without a usable one the wait doubles with every refusal in a row.
        """
        known = self._read()
        refusals = known.refusals
        resumes_at = error.local_reset_at or now + timedelta(seconds=blind_wait_s(refusals))
        if error.limit is not None and error.limit.reset_at is not None:
            known = known.with_answer(error.limit, now)
        self._write(
            Known(
                known.window,
                known.days,
                refusals=refusals + 1,
                blocked_until=max(resumes_at, known.room_at(now)),
            )
        )
        return self._read().room_at(now)

    def _read(self) -> Known:
        self._known = Known.from_json(self._state.get(self._key))
        return self._known

    def _write(self, known: Known) -> None:
        self._known = known
        self._state.set(self._key, known.to_json())


def _limit(state: Any) -> RateLimit | None:
    try:
        return RateLimit.from_json(state)
    except (TypeError, ValueError):
        return None


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
