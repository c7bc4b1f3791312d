"""Decide which span of time a run collects: once per run, before anything is bought.

The first attempt of a run decides it; it is kept as ``window.json`` in the run's staging folder, and only read from
there afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from airflow_twitter.posts.windows import (
    FLOOR_MARGIN_S,
    X_SETTLES_S,
    SearchRequest,
    Source,
    Window,
    WindowError,
)
from airflow_twitter.times import rfc3339, whole_second

DEFAULT_REACH = timedelta(days=7)
"""What a window without a beginning covers: what recent search can reach."""


@dataclass(frozen=True)
class RunTimes:
    """What the scheduler says of a run. ``interval`` is None unless a schedule or a backfill meant it."""

    interval: tuple[datetime, datetime] | None
    clear_number: int = 0


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
        deadline_clear_number=run.clear_number,
    )


def same_span(window: Window, since: datetime, until: datetime, now: datetime) -> Window:
    """Return `window` over the span that its run covered before, to collect that once more.

    What was new then is covered now, so deciding again would collect something else. Raises
    :class:`WindowError` when the endpoint no longer reaches it.
    """
    window = msgspec.structs.replace(window, since=since, until=until)
    check_reach(window, now)
    return window


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
        since=whole_second(since),
        until=whole_second(until),
        overlap_s=request.overlap_s,
        settle_s=request.settle_s,
        vocabulary=request.vocabulary,
        expand=request.expand,
        source=source,
        decided_at=now,
        deadline=request.deadline,
        clear_number=clear_number,
        deadline_clear_number=clear_number,
    )


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
