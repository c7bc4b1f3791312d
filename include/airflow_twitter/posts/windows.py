"""Decide which span of time a run collects: once per run, before anything is bought.

A window is half-open, ``since <= created_at < until``, so that neighbouring windows meet without gap or
overlap. It is decided by the first attempt of a run, kept as ``window.json`` in the run's staging folder, and
only read from there afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

X_SETTLES_S = 10.0
"""``end_time`` must lie this many seconds in the past. Source: docs.x.com/x-api/posts/search/introduction."""

FLOOR_MARGIN_S = 60.0
"""Within this of the endpoint's reach ``start_time`` is left out, since X's own floor moves while we ask."""

DEFAULT_REACH = timedelta(days=7)
"""What a window without a beginning covers: what recent search can reach."""

EndpointName = Literal["recent", "all"]
Source = Literal["interval", "form", "new", "continued"]


class WindowError(ValueError):
    """What was asked for cannot be collected; the sentence says why and what to do instead."""


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was asked to collect, as a form, a keyword's entry or a DAG author put it.

    Times are aware UTC; ``deadline`` is a moment; durations are seconds. ``reach_s`` is how far back the
    endpoint sees (None: to the beginning).
    """

    keyword: str
    slug: str
    query: str
    fingerprint: str
    endpoint: EndpointName
    reach_s: float | None
    max_results: int
    page_max: int | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    deadline: datetime
    settle_s: float = 30.0
    overlap_s: float = 60.0
    vocabulary: Literal["tweet", "post"] = "tweet"
    expand: bool = False


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One run's window, exactly as ``window.json`` holds it.

    ``start_token`` and ``start_until_id`` are set on a run that continues another: its first page is the one
    that the other did not fetch, below the oldest post that it did. ``clear_number`` is how often the run had
    been cleared when the window was decided.
    """

    keyword: str
    slug: str
    query: str
    fingerprint: str
    endpoint: EndpointName
    reach_s: float | None
    max_results: int
    page_max: int | None
    since: datetime
    until: datetime
    overlap_s: float
    settle_s: float
    vocabulary: Literal["tweet", "post"]
    expand: bool
    source: Source
    decided_at: datetime
    deadline: datetime
    start_token: str | None = None
    start_until_id: str | None = None
    continues: str | None = None
    clear_number: int = 0

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


@dataclass(frozen=True)
class RunTimes:
    """What the scheduler says of a run. ``interval`` is None unless a schedule or a backfill meant it."""

    interval: tuple[datetime, datetime] | None
    clear_number: int = 0


def rfc3339(moment: datetime) -> str:
    """Write an aware moment as ``2026-11-01T00:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def decide(request: SearchRequest, run: RunTimes, *, covered_until: datetime | None, now: datetime) -> Window:
    """Decide the window of a run: its data interval, else the form's times, else what is new.

    ``covered_until`` is the end of the contiguous coverage of this query, None when there is none.
    Raises :class:`WindowError` when the times make no window, cannot settle before the deadline, or lie
    beyond what the endpoint reaches.
    """
    since, until, source = _span(request, run, covered_until, now)
    window = _window(request, since=since, until=until, source=source, now=now, clear_number=run.clear_number)
    _check(window, now)
    return window


def decide_continuation(
    request: SearchRequest,
    run: RunTimes,
    *,
    inherited: Window,
    token: str | None,
    oldest_id: str | None,
    complete: bool,
    run_id: str,
    now: datetime,
) -> Window:
    """Decide the window of a run that goes on where another stopped: the same query, span and page size.

    A token belongs to the query that it came with, so only ``page_max`` and the deadline are this run's own. Without
    a token it begins below the other's oldest post, or at the window's end when there is none.
    Raises :class:`WindowError` when the other run left nothing to continue or asked something else.
    """
    if complete:
        raise WindowError(f"Run {run_id} reached the last page: there is nothing to continue.")
    if inherited.fingerprint != request.fingerprint:
        raise WindowError(
            f"Run {run_id} searched for {inherited.query!r} ({inherited.endpoint}), this run for "
            f"{request.query!r} ({request.endpoint}). Continue it with the same keyword and endpoint."
        )
    return msgspec.structs.replace(
        inherited,
        page_max=request.page_max,
        deadline=request.deadline,
        decided_at=now,
        source="continued",
        start_token=token,
        start_until_id=oldest_id,
        continues=run_id,
        clear_number=run.clear_number,
    )


def same_span(window: Window, since: datetime, until: datetime, now: datetime) -> Window:
    """Return `window` over the span that its run covered before, to collect that once more.

    What was new then is covered now, so deciding again would collect something else. Raises
    :class:`WindowError` when the endpoint no longer reaches it.
    """
    window = msgspec.structs.replace(window, since=since, until=until)
    check_reach(window, now)
    return window


def _span(
    request: SearchRequest, run: RunTimes, covered_until: datetime | None, now: datetime
) -> tuple[datetime, datetime, Source]:
    if run.interval is not None:
        return *run.interval, "interval"
    settled = now - timedelta(seconds=X_SETTLES_S + request.settle_s)
    until = request.end_time or settled
    if request.start_time is not None:
        return request.start_time, until, "form"
    since = _begin(request, covered_until, until, now)
    return since, until if request.end_time else max(until, since), "new"


def _begin(
    request: SearchRequest, covered_until: datetime | None, until: datetime, now: datetime
) -> datetime:
    """Return where a window begins that nobody gave a beginning: at the end of what is covered."""
    floor = min(until, now) - DEFAULT_REACH
    if request.reach_s is not None:
        floor = max(floor, now - timedelta(seconds=request.reach_s))
    if covered_until is None or (covered_until >= until and request.end_time is not None):
        return floor
    return covered_until if request.reach_s is None else max(covered_until, floor)


def _window(
    request: SearchRequest,
    *,
    since: datetime,
    until: datetime,
    source: Source,
    now: datetime,
    clear_number: int,
) -> Window:
    return Window(
        keyword=request.keyword,
        slug=request.slug,
        query=request.query,
        fingerprint=request.fingerprint,
        endpoint=request.endpoint,
        reach_s=request.reach_s,
        max_results=request.max_results,
        page_max=request.page_max,
        since=_whole_second(since),
        until=_whole_second(until),
        overlap_s=request.overlap_s,
        settle_s=request.settle_s,
        vocabulary=request.vocabulary,
        expand=request.expand,
        source=source,
        decided_at=now,
        deadline=request.deadline,
        clear_number=clear_number,
    )


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _check(window: Window, now: datetime) -> None:
    if window.since > window.until or (window.source != "new" and window.since == window.until):
        raise WindowError(
            f"The window is empty: it begins at {rfc3339(window.since)} and ends at {rfc3339(window.until)}. "
            "Give an end_time after the start_time."
        )
    if window.settled_at > window.deadline:
        raise WindowError(
            f"The window ends at {rfc3339(window.until)} and has settled at {rfc3339(window.settled_at)}, after "
            f"the deadline {rfc3339(window.deadline)}. Give an earlier end_time or a later deadline."
        )
    check_reach(window, now)


def check_reach(window: Window, now: datetime) -> None:
    """Refuse a window that the endpoint can no longer see; raises :class:`WindowError`.

    A window that nobody gave a beginning may begin at the reach itself, so it is not refused when that second
    has passed: what it covers is told by :meth:`Window.covered_since`.
    """
    if window.source in ("interval", "form") and window.out_of_reach(now - timedelta(seconds=FLOOR_MARGIN_S)):
        raise WindowError(
            f"The window begins at {rfc3339(window.since)}, but recent search reaches back only "
            f"{(window.reach_s or 0) / 86400:g} days, to {rfc3339(now - timedelta(seconds=window.reach_s or 0))}. "
            'Nothing was bought. Use the endpoint "all" (full archive) for this window.'
        )
