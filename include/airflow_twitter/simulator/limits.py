"""Count requests in windows, as X does per endpoint and app or user, and by the day.

https://docs.x.com/x-api/fundamentals/rate-limits
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

# Requests that an app, or for what needs an account a user, may make in 15 minutes. The docs name two limits for
# creating posts; 100 is what recorded answers show.
DEFAULT_LIMITS: Mapping[str, int] = {
    "search_recent": 450,
    "search_all": 300,
    "counts_recent": 300,
    "counts_all": 300,
    "lookup": 3500,
    "usage": 50,
    "initialize_media": 1875,
    "append_media": 1875,
    "finalize_media": 1875,
    "media_status": 1000,
    "upload_media": 500,
    "media_metadata": 500,
    "add_captions": 100,
    "create_post": 100,
    "delete_post": 50,
    "timeline": 900,
    "me": 75,
    "user_by_username": 300,
}
# Requests in 24 hours, by the app or by one of its users.
DEFAULT_DAILY: Mapping[str, Mapping[str, int]] = {
    "create_post": {"app": 10_000},
    "initialize_media": {"app": 180_000},
    "append_media": {"app": 180_000},
    "finalize_media": {"app": 180_000},
}
DAY_S = 86_400.0
ALL_INTERVAL_S = 0.95  # full archive: 1 request a second, less what a network may shift
ABSURD_S = 400 * 86_400


@dataclass
class _Window:
    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True)
class Standing:
    """Where an endpoint's window stands after a request; `reset` is in Unix seconds.

    `daily` holds the same three numbers of the 24 hours, by "app" and "user".
    """

    allowed: bool
    limit: int
    remaining: int
    reset: int
    daily: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """Return X's headers for it."""
        headers = _headers("x-rate-limit", (self.limit, self.remaining, self.reset))
        for scope, numbers in self.daily.items():
            headers |= _headers(f"x-{scope}-limit-24hour", numbers)
        return headers


def _headers(prefix: str, numbers: tuple[int, int, int]) -> dict[str, str]:
    return {
        f"{prefix}-{name}": str(number)
        for name, number in zip(("limit", "remaining", "reset"), numbers, strict=True)
    }


class Limits:
    """The windows of all endpoints. A window starts with the first request after the last one ended."""

    def __init__(
        self,
        limits: Mapping[str, int],
        window_s: float,
        now: Callable[[], float],
        daily: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        unknown = (set(limits) | set(daily or ())) - set(DEFAULT_LIMITS)
        if unknown:
            raise ValueError(
                f"No limit for {', '.join(sorted(unknown))}; there are {', '.join(DEFAULT_LIMITS)}."
            )
        for scopes in (daily or {}).values():
            if set(scopes) - {"app", "user"}:
                raise ValueError("A daily limit holds for the app or the user.")
        self.limits = {**DEFAULT_LIMITS, **limits}
        self.daily = {**DEFAULT_DAILY, **(daily or {})}
        self.window_s = window_s
        self._now = now
        self._lock = Lock()
        self._windows: dict[tuple[str, str], _Window] = {}
        self._last_all = -math.inf

    def take(self, endpoint: str, user: str = "") -> Standing:
        """Count one request of the app, or of one of its users, if there is room for it."""
        with self._lock:
            window = self._window((endpoint, user), self.limits[endpoint], self.window_s)
            days = {
                scope: self._window((f"{endpoint}/{scope}", user if scope == "user" else ""), limit, DAY_S)
                for scope, limit in self.daily.get(endpoint, {}).items()
            }
            every = [window, *days.values()]
            allowed = all(one.remaining > 0 for one in every) and self._second_has_passed(endpoint)
            if allowed:
                for one in every:
                    one.remaining -= 1
            daily = {scope: (day.limit, day.remaining, day.reset) for scope, day in days.items()}
            return Standing(allowed, window.limit, window.remaining, window.reset, daily)

    def clear(self) -> None:
        """Forget all windows."""
        with self._lock:
            self._windows.clear()
            self._last_all = -math.inf

    def _window(self, key: tuple[str, str], limit: int, length_s: float) -> _Window:
        now = self._now()
        window = self._windows.get(key)
        if window is None or now >= window.reset:
            window = _Window(limit, limit, math.ceil(now + length_s))
            self._windows[key] = window
        return window

    def _second_has_passed(self, endpoint: str) -> bool:
        if endpoint != "search_all":
            return True
        now = self._now()
        if now - self._last_all < ALL_INTERVAL_S:
            return False
        self._last_all = now
        return True
