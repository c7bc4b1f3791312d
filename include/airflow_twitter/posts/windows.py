"""What a run was asked to collect, and the span of time that it collects.

A window is half-open, ``since <= created_at < until``, so that neighbouring windows meet without gap or overlap.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from airflow_twitter.times import Moment, rfc3339

X_SETTLES_S = 10.0
"""``end_time`` must lie this many seconds in the past. Source: docs.x.com/x-api/posts/search/introduction."""

FLOOR_MARGIN_S = 60.0
"""Within this of the endpoint's reach ``start_time`` is left out, since X's own floor moves while we ask."""

EndpointName = Literal["recent", "all"]
Source = Literal["interval", "form", "new", "continued"]


class WindowError(ValueError):
    """What was asked for cannot be collected; the sentence says why and what to do instead."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched for. ``reach_s`` is how far back the endpoint sees (None: to the beginning)."""

    keyword: str
    slug: str
    query: str
    fingerprint: str
    endpoint: EndpointName
    reach_s: float | None
    max_results: int


class SearchRequest(Search, frozen=True, kw_only=True):
    """What a run was asked to collect, as a form, a keyword's entry or a DAG author put it.

    Times are aware UTC; ``deadline`` is a moment; durations are seconds.
    """

    page_max: int | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    deadline: datetime
    settle_s: float = 30.0
    overlap_s: float = 60.0
    vocabulary: Literal["tweet", "post"] = "tweet"
    expand: bool = False


class Window(Search, frozen=True, kw_only=True):
    """One run's window, exactly as ``window.json`` holds it.

    ``start_token`` and ``start_until_id`` are set on a run that continues another: its first page is the one
    that the other did not fetch, below the oldest post that it did. ``clear_number`` is how often the run had
    been cleared when the window was decided, ``deadline_clear_number`` when the deadline was.
    """

    page_max: int | None
    since: Moment
    until: Moment
    overlap_s: float
    settle_s: float
    vocabulary: Literal["tweet", "post"]
    expand: bool
    source: Source
    decided_at: Moment
    deadline: Moment
    start_token: str | None = None
    start_until_id: str | None = None
    continues: str | None = None
    clear_number: int = 0
    deadline_clear_number: int = 0

    @property
    def asked_since(self) -> datetime:
        """Where the search begins: a little before ``since``, for posts that X indexed late."""
        return self.since - timedelta(seconds=self.overlap_s)

    @property
    def settled_at(self) -> datetime:
        """When X has indexed what was posted up to ``until``, on X's clock."""
        return self.until + timedelta(seconds=X_SETTLES_S + self.settle_s)

    def out_of_reach(self, now: datetime) -> bool:
        """Tell whether the endpoint no longer sees the window's beginning."""
        return self.reach_s is not None and self.since < now - timedelta(seconds=self.reach_s)

    def times(self, now: datetime) -> dict[str, str]:
        """Return ``start_time`` and ``end_time`` as X wants them, without a start that X no longer accepts."""
        times = {"end_time": rfc3339(self.until)}
        floor = None
        if self.reach_s is not None:
            floor = now - timedelta(seconds=self.reach_s - FLOOR_MARGIN_S)
        if floor is None or self.asked_since >= floor:
            times["start_time"] = rfc3339(self.asked_since)
        return times

    def covered_since(self, last_asked_at: datetime) -> datetime:
        """Return where the coverage truly begins when the last page was asked for at ``last_asked_at``."""
        if self.reach_s is None:
            return self.since
        return max(self.since, last_asked_at - timedelta(seconds=self.reach_s))
