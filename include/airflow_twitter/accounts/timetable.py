"""No schedule, and no logical date in the future: Airflow would start such a run at once and let it hang."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.timetables.base import DataInterval
from airflow.timetables.simple import NullTimetable

if TYPE_CHECKING:
    from pendulum import DateTime

CLOCKS_DIFFER_S = 60.0


class OnRequestTimetable(NullTimetable):
    """Run only when triggered; refuse to be triggered for the future, and say what to use instead."""

    description = "Only when triggered"

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the interval of a logical date; raises ValueError, which the trigger form shows, for a future one."""
        if run_after > datetime.now(UTC) + timedelta(seconds=CLOCKS_DIFFER_S):
            raise ValueError(
                f"The logical date {run_after.isoformat()} lies in the future, and the run would hang until then. "
                "Leave it as it is. For a post that is to go out later, set publish_at (Publish at) of twitter_publish."
            )
        return super().infer_manual_data_interval(run_after=run_after)
