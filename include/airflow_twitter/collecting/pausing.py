"""Wait for X: asleep when it is short, else without a slot."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowRescheduleException

from airflow_twitter.collecting.trouble import Trouble
from airflow_twitter.posts.windows import Window
from airflow_twitter.times import rfc3339

SLEEP_MAX_S = 10.0
"""Up to this the task sleeps; beyond it gives its slot back. A shorter reschedule may be lost by Airflow."""


def settles_at(window: Window, server_now: datetime) -> datetime | None:
    """Return when the window has settled by X's clock, as ours will show it; None when it has.

    X refuses an ``end_time`` that is not past by its own clock, which may be behind ours.
    Source: docs.x.com/x-api/posts/search/introduction.
    """
    left = window.settled_at - server_now
    return datetime.now(UTC) + left if left > timedelta(0) else None


class DeadlineReached(Exception):
    """X has room again only after the run's deadline."""


class Pause:
    """Hold one search until a moment, for what is named; `push` shows the position before a long wait."""

    def __init__(
        self, window: Window, pages: Sequence[object], trouble: Trouble, push: Callable[..., None], log: Any
    ) -> None:
        self._window = window
        self._pages = pages
        self._trouble = trouble
        self._push = push
        self._log = log

    def __call__(self, resumes_at: datetime, waits_for: str, now: datetime | None = None) -> None:
        """Sleep, or raise a reschedule; raises DeadlineReached when it is too long, and trouble that does not pass."""
        if self._trouble.lasting is not None:
            raise self._trouble.lasting
        if resumes_at > self._window.deadline:
            raise DeadlineReached(
                f"Rate limit reached: the next request is allowed at {rfc3339(resumes_at)}, after the deadline "
                f"{rfc3339(self._window.deadline)}."
            )
        wait_s = (resumes_at - (now or datetime.now(UTC))).total_seconds()
        if wait_s > SLEEP_MAX_S:
            self._push(resumes_at=resumes_at, waits_for=waits_for)
            self._log.info(
                "Waiting %.0f s for X, without a slot: going on at %s with page %d.",
                wait_s,
                rfc3339(resumes_at),
                len(self._pages) + 1,
            )
            raise AirflowRescheduleException(resumes_at)  # type: ignore[no-untyped-call]
        self._log.info("Waiting %.1f s for X.", wait_s)
        time.sleep(max(0.0, wait_s))
        self._log.info("Resuming with page %d.", len(self._pages) + 1)
