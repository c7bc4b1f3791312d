"""What is known of X's request windows, shared between DAGs as the state of one Airflow asset.

It is a hint that saves asking in vain; X's own answer decides.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Context

from airflow_twitter.api.errors import RateLimitedError
from airflow_twitter.api.limits import RateLimit, blind_wait_s
from airflow_twitter.assets import RATE_LIMIT


class SharedLimit:
    """Read and write the known limit of one connection and endpoint.

    A task may only touch the state of assets among its inlets and outlets, so :data:`RATE_LIMIT` must be one.
    """

    def __init__(self, context: Context, conn_id: str, endpoint: str) -> None:
        self._state = context["asset_state_store"][RATE_LIMIT]
        self._key = f"{conn_id}.{endpoint}"

    def room_at(self, now: datetime) -> datetime:
        """Return when X is known to have room again, on our clock; `now` when it has or nothing is known."""
        known = self._read()
        blocked_until = known.get("blocked_until")
        if blocked_until:
            return max(now, datetime.fromisoformat(blocked_until))
        try:
            limit = RateLimit.from_json(known["limit"])
        except (KeyError, ValueError):
            return now
        return now + timedelta(seconds=limit.wait_s(now))

    def heard(self, limit: RateLimit) -> None:
        """Keep what an answer said of the window."""
        self._state.set(self._key, {"limit": limit.to_json(), "refusals": 0})

    def refused(self, error: RateLimitedError, now: datetime) -> datetime:
        """Keep a refusal and return when to ask again, on our clock.

        That is the reset that X named; without a usable one the wait doubles with every refusal in a row.
        """
        refusals = int(self._read().get("refusals", 0))
        resumes_at = error.local_reset_at or now + timedelta(seconds=blind_wait_s(refusals))
        self._state.set(
            self._key, {"blocked_until": resumes_at.astimezone(UTC).isoformat(), "refusals": refusals + 1}
        )
        return resumes_at

    def _read(self) -> dict[str, Any]:
        known = self._state.get(self._key)
        return known if isinstance(known, dict) else {}
