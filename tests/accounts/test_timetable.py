"""The timetable of what runs on request only."""

from __future__ import annotations

from datetime import timedelta

import pendulum
import pytest

from airflow_twitter.accounts.timetable import OnRequestTimetable


def test_future_is_refused() -> None:
    """A logical date in the future is refused with the field that is meant for it."""
    with pytest.raises(ValueError, match="set publish_at"):
        OnRequestTimetable().infer_manual_data_interval(run_after=pendulum.now("UTC") + timedelta(hours=1))


def test_now_is_taken() -> None:
    """What the trigger form fills in is taken, also by a clock that is a little ahead."""
    moment = pendulum.now("UTC") + timedelta(seconds=5)
    assert OnRequestTimetable().infer_manual_data_interval(run_after=moment).end == moment
