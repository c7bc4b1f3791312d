"""Comparing what is stored with what X counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowRescheduleException
from tests.airflow_in_memory import Airflow, at

from airflow_twitter.posts import coverage
from airflow_twitter.posts.coverage import CoveredWindow
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.verification import Verified
from airflow_twitter.simulator import Rule, Simulator
from airflow_twitter.spending.ledger import Ledger

Start = Callable[..., Simulator]
SEARCH = {
    "keyword": "daily",
    "start_time": "2026-11-27T06:00:00Z",
    "end_time": "2026-11-28T18:00:00Z",
    "verify_counts": "True",
}

pytestmark = pytest.mark.usefixtures("clock")


def recorded(data_folder: Path) -> CoveredWindow:
    """What the newest run recorded."""
    (query,) = coverage.queries(Store(data_folder))[0]
    return query.windows[-1]


def counts(simulator: Simulator) -> list[Any]:
    """The requests for counts."""
    return simulator.book.to("counts_recent")


def test_all_are_stored(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """A complete window that holds what X counts says so, in XCom and coverage, for the price of one request."""
    simulator = start_simulator()
    airflow.collect(SEARCH)

    truth = len(simulator.truth("daily", at("11-27 06:00:00"), at("11-28 18:00:00")))
    assert truth == 60
    assert airflow.xcom("merge", "verified") == {"counted": 60, "stored": 60, "missing": 0, "agrees": True}
    assert (recorded(data_folder).counted, recorded(data_folder).stored) == (60, 60)
    assert len(counts(simulator)) == 1
    bought = Ledger(Store(data_folder), "twitter_default").day(at("12-01"))
    assert bought.units["counts_recent_request"] == 1


def test_not_asked(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """Unasked, nothing is counted, and coverage says that nobody knows."""
    simulator = start_simulator()
    airflow.collect({**SEARCH, "verify_counts": "False"})
    assert counts(simulator) == []
    assert recorded(data_folder).counted is None


def test_posts_that_are_missing(
    airflow: Airflow, start_simulator: Start, data_folder: Path, capfd: Any
) -> None:
    """Posts that X counts and did not show are told with their number; the window is still what X gave."""
    start_simulator(rules=[Rule(endpoint="search_recent", fault="late_index", params={"hide": 3})])
    airflow.collect(SEARCH)

    assert airflow.xcom("merge", "verified") == {"counted": 60, "stored": 57, "missing": 3, "agrees": False}
    assert "X counts 60 posts in this window, 57 are stored: 3 are missing." in capfd.readouterr().out
    assert recorded(data_folder).state == "complete"


def test_counts_in_a_circle(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """Counts whose token leads back to them end the comparison, not the run."""
    simulator = start_simulator(rules=[Rule(endpoint="counts_recent", fault="self_token")])
    airflow.collect(SEARCH)
    assert len(counts(simulator)) == 2
    assert (recorded(data_folder).state, recorded(data_folder).counted) == ("complete", None)


def test_posts_of_earlier_runs_count(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """A window that was completed by several runs is compared as a whole, and only when it is complete."""
    simulator = start_simulator()
    airflow.collect({**SEARCH, "page_max": 1, "max_results": 20})
    assert counts(simulator) == []
    assert recorded(data_folder).counted is None

    airflow.collect({**SEARCH, "continue_from_run": "manual__1"}, run_id="manual__2")

    assert (recorded(data_folder).counted, recorded(data_folder).stored) == (60, 60)


def test_again(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """A cleared run compares again with what X counted then, and asks for nothing."""
    simulator = start_simulator()
    airflow.collect(SEARCH)
    asked = len(simulator.book.requests)

    airflow.search(SEARCH, clear_number=1)
    airflow.validate(clear_number=1)
    airflow.merge(clear_number=1)

    assert len(simulator.book.requests) == asked
    assert recorded(data_folder).counted == 60


def test_counts_wait_for_their_limit(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """A used-up window of counts is waited for without a slot, and no page is bought again."""
    simulator = start_simulator(
        rules=[Rule(endpoint="counts_recent", nth=1, fault="rate_limited", params={"reset": 60})]
    )
    with pytest.raises(AirflowRescheduleException):
        airflow.search(SEARCH)
    clock.shift(timedelta(seconds=61))
    airflow.search(SEARCH)
    airflow.validate()
    airflow.merge()

    assert recorded(data_folder).counted == 60
    assert simulator.book.sold_twice == []


@pytest.mark.parametrize("fault", ["credits", "forbidden"])
def test_without_counts(
    airflow: Airflow, start_simulator: Start, data_folder: Path, fault: str, capfd: Any
) -> None:
    """When X does not count, the window is complete all the same, and the log says that it was not compared."""
    start_simulator(rules=[Rule(endpoint="counts_recent", fault=fault)])
    airflow.collect(SEARCH)

    assert (recorded(data_folder).state, recorded(data_folder).counted) == ("complete", None)
    assert "is not compared with X's counts" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("counted", "stored", "agrees"),
    [
        (0, 0, True),
        (1, 0, True),
        (2, 0, False),
        (100, 99, True),
        (100, 98, False),
        (1000, 990, True),
        (10, 15, True),
    ],
)
def test_tolerance(counted: int, stored: int, agrees: bool) -> None:
    """One post, or one in a hundred, may have been deleted in between; more stored than counted is no loss."""
    assert Verified(counted=counted, stored=stored).agrees == agrees


def test_refused_between_two_pages(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """X counts a long window page by page; those that were counted before a limit are not asked for again."""
    search = {
        **SEARCH,
        "keyword": "accounting",
        "endpoint": "all",
        "start_time": "2026-10-23T00:00:00Z",
        "end_time": "2026-12-01T00:00:00Z",
        "max_results": 500,
    }
    simulator = start_simulator(
        rules=[Rule(endpoint="counts_all", nth=2, fault="rate_limited", params={"reset": 300})]
    )
    with pytest.raises(AirflowRescheduleException):
        airflow.search(search)
    clock.shift(timedelta(seconds=301))
    airflow.search(search)
    airflow.validate()
    airflow.merge()

    truth = len(simulator.truth("accounting", at("10-23"), at("12-01")))
    assert (recorded(data_folder).counted, recorded(data_folder).stored) == (truth, truth)
    first, refused, second = simulator.book.to("counts_all")
    assert refused.status == 429
    assert "next_token" not in first.params
    assert refused.params == second.params
    days = Ledger(Store(data_folder), "twitter_default").day(at("12-01"))
    assert days.units["counts_all_request"] == 2
