"""The moments of a schedule, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from airflow.sdk import CronDataIntervalTimetable
from croniter import CroniterError, croniter  # type: ignore[import-untyped]

__all__ = ["CroniterError", "Ticks"]

_SECOND = timedelta(seconds=1)


class Ticks:
    """The ticks of a schedule such as ``@daily`` or ``30 4 * * *``; half-open intervals lie between them.

    Every method raises CroniterError for a schedule that is none, or has no tick, as on 30 February.
    """

    def __init__(self, schedule: str) -> None:
        self._cron = CronDataIntervalTimetable(schedule, timezone="UTC").expression

    def first(self, since: datetime) -> datetime:
        """Return the first tick from a moment on, that included."""
        return datetime.fromtimestamp(croniter(self._cron, since - _SECOND).get_next(), UTC)

    def last(self, until: datetime) -> datetime:
        """Return the last tick up to a moment, that included."""
        return datetime.fromtimestamp(croniter(self._cron, until + _SECOND).get_prev(), UTC)

    def intervals(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the intervals that a span touches."""
        tick = self.last(since)
        while tick < until:
            following = datetime.fromtimestamp(croniter(self._cron, tick).get_next(), UTC)
            yield tick, following
            tick = following
