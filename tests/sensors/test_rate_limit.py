"""The sensor: waits, without asking X, until the window has settled and X is known to have room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException
from tests.airflow_in_memory import NOON, Airflow, at, no_sleep, staged

from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.sensors.rate_limit import TwitterRateLimitSensor
from airflow_twitter.simulator import Simulator

Start = Callable[..., Simulator]
Clock = time_machine.Traveller

MODULE = "airflow_twitter.sensors.rate_limit"
SEVDESK = {"keyword": "sevdesk"}


pytestmark = pytest.mark.usefixtures("clock")


def exhausted(airflow: Airflow, until: datetime, key: str = "twitter_default.recent") -> None:
    """Make it known that X has no room before `until`."""
    airflow.limits.set(key, {"blocked_until": until.isoformat(), "refusals": 1})


def rescheduled(airflow: Airflow, search: dict[str, Any], **run: Any) -> datetime:
    """Execute a sensor that waits, and return when it wants to look again."""
    sensor = TwitterRateLimitSensor(task_id="wait_for_rate_limit", search=search)
    with pytest.raises(AirflowRescheduleException) as caught:
        sensor.execute(context=airflow.context("wait_for_rate_limit", **run))
    return caught.value.reschedule_date


def test_mode() -> None:
    """The sensor holds no slot while it waits, and names the asset whose state it reads."""
    sensor = TwitterRateLimitSensor(task_id="wait", search=SEVDESK)
    assert sensor.mode == "reschedule"
    assert sensor.reschedule
    assert sensor.inlets == [RATE_LIMIT]


def test_room(airflow: Airflow, start_simulator: Start, data_folder: Path, capfd: Any) -> None:
    """With room known or nothing known it lets the search begin, having decided the window and asked X nothing."""
    simulator = start_simulator()

    assert airflow.wait({**SEVDESK, "page_max": 3, "max_results": 10})

    assert simulator.book.requests == []
    window = staged(data_folder).read("window.json", dict)
    assert window is not None
    assert (window["keyword"], window["until"]) == ("sevdesk", "2026-12-01T11:59:20Z")
    assert 'PIPELINE START: keyword="sevdesk", page_max=3, max_results=10' in capfd.readouterr().out


def test_exhausted(airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
    """With no room it is rescheduled to the very moment when there is, with no request, and then lets go."""
    simulator = start_simulator()
    exhausted(airflow, NOON + timedelta(seconds=777))

    assert rescheduled(airflow, SEVDESK) == NOON + timedelta(seconds=777)
    assert airflow.xcom("wait_for_rate_limit", "resumes_at") == "2026-12-01T12:12:57Z"

    clock.shift(777)
    assert airflow.wait(SEVDESK)
    assert simulator.book.requests == []


def test_another_endpoint_is_exhausted(airflow: Airflow) -> None:
    """A limit of the full archive does not keep recent search waiting."""
    exhausted(airflow, NOON + timedelta(hours=1), "twitter_default.all")
    assert airflow.wait(SEVDESK)
    assert not airflow.wait({**SEVDESK, "endpoint": "all"}, run_id="manual__2")


def test_window_has_not_settled(airflow: Airflow, clock: Clock) -> None:
    """A window that ends now is waited for until X has indexed it."""
    run: dict[str, Any] = {"run_type": "scheduled", "interval": (at("11-30 12:00"), at("12-01 12:00"))}
    assert rescheduled(airflow, SEVDESK, **run) == NOON + timedelta(seconds=40)
    clock.shift(40)
    assert airflow.wait(SEVDESK, **run)


def test_later_of_both(airflow: Airflow) -> None:
    """It waits for the window to settle and for room, whichever comes later."""
    run: dict[str, Any] = {"run_type": "scheduled", "interval": (at("11-30 12:00"), at("12-01 12:00"))}
    exhausted(airflow, NOON + timedelta(seconds=20))
    assert rescheduled(airflow, {**SEVDESK, "settle_s": 600}, **run) == NOON + timedelta(seconds=610)


def test_short_wait_sleeps(airflow: Airflow, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to 10 s it sleeps: Airflow may lose a task that is rescheduled to wake so soon."""
    slept = no_sleep(monkeypatch, MODULE, clock.shift)
    exhausted(airflow, NOON + timedelta(seconds=10))
    assert airflow.wait(SEVDESK)
    assert slept == [10]


def test_deadline(airflow: Airflow, start_simulator: Start, capfd: Any) -> None:
    """A wait beyond the deadline fails at once: nothing was bought, and nothing will be."""
    simulator = start_simulator()
    exhausted(airflow, NOON + timedelta(minutes=11))

    with pytest.raises(AirflowFailException, match=r"room again at 2026-12-01T12:11:00Z, after the deadline"):
        airflow.wait({**SEVDESK, "deadline": "PT10M"})

    assert simulator.book.requests == []
    assert "PIPELINE END: " in capfd.readouterr().out


def test_nothing_to_ask_for(airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
    """A complete run that is done again needs no room, however late it is and whoever has used it up."""
    start_simulator()
    airflow.search(SEVDESK)
    clock.shift(2 * 86400)
    exhausted(airflow, NOON + timedelta(days=4))
    assert airflow.wait(SEVDESK, clear_number=1)


def test_deadline_counts_from_the_start(airflow: Airflow, clock: Clock) -> None:
    """The sensor's own waits count towards the deadline of the run."""
    exhausted(airflow, NOON + timedelta(minutes=9))
    rescheduled(airflow, {**SEVDESK, "deadline": "PT10M"})
    clock.shift(540)
    exhausted(airflow, NOON + timedelta(minutes=12))
    with pytest.raises(AirflowFailException, match="deadline 2026-12-01T12:10:00Z"):
        airflow.wait({**SEVDESK, "deadline": "PT10M"})


@pytest.mark.parametrize(
    "search",
    [
        {},
        {"keyword": "-sevdesk"},
        {**SEVDESK, "max_results": 1000},
        {**SEVDESK, "start_time": "2026-11-01"},
        {"q": "x"},
    ],
)
def test_search_that_cannot_be(
    airflow: Airflow, start_simulator: Start, search: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be collected fails in the first task, with one line that says why."""
    simulator = start_simulator()
    with pytest.raises(AirflowFailException) as caught:
        airflow.wait(search)
    assert simulator.book.requests == []
    assert [record.getMessage() for record in caplog.records] == [f"PIPELINE END: {caught.value}"]
