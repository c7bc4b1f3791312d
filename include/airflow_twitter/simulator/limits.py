"""Count requests in windows, as X does per app and endpoint.

https://docs.x.com/x-api/fundamentals/rate-limits
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

# Requests an app may make in 15 minutes.
DEFAULT_LIMITS: Mapping[str, int] = {
    "search_recent": 450,
    "search_all": 300,
    "counts_recent": 300,
    "counts_all": 300,
    "lookup": 3500,
    "usage": 50,
}
ALL_INTERVAL_S = 0.95  # full archive: 1 request a second, less what a network may shift
ABSURD_S = 400 * 86_400


@dataclass
class _Window:
    remaining: int
    reset: int


@dataclass(frozen=True)
class Standing:
    """Where an endpoint's window stands after a request; `reset` is in Unix seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Return X's headers for it."""
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(self.remaining),
            "x-rate-limit-reset": str(self.reset),
        }


class Limits:
    """The windows of all endpoints. A window starts with the first request after the last one ended."""

    def __init__(self, limits: Mapping[str, int], window_s: float, now: Callable[[], float]) -> None:
        unknown = set(limits) - set(DEFAULT_LIMITS)
        if unknown:
            raise ValueError(
                f"No limit for {', '.join(sorted(unknown))}; there are {', '.join(DEFAULT_LIMITS)}."
            )
        self.limits = {**DEFAULT_LIMITS, **limits}
        self.window_s = window_s
        self._now = now
        self._lock = Lock()
        self._windows: dict[str, _Window] = {}
        self._last_all = -math.inf

    def take(self, endpoint: str) -> Standing:
        """Count one request, if there is room for it."""
        with self._lock:
            window = self._window(endpoint)
            allowed = window.remaining > 0 and self._second_has_passed(endpoint)
            if allowed:
                window.remaining -= 1
            return Standing(allowed, self.limits[endpoint], window.remaining, window.reset)

    def clear(self) -> None:
        """Forget all windows."""
        with self._lock:
            self._windows.clear()
            self._last_all = -math.inf

    def _window(self, endpoint: str) -> _Window:
        now = self._now()
        window = self._windows.get(endpoint)
        if window is None or now >= window.reset:
            window = _Window(self.limits[endpoint], math.ceil(now + self.window_s))
            self._windows[endpoint] = window
        return window

    def _second_has_passed(self, endpoint: str) -> bool:
        if endpoint != "search_all":
            return True
        now = self._now()
        if now - self._last_all < ALL_INTERVAL_S:
            return False
        self._last_all = now
        return True
