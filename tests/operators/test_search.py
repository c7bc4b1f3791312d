"""The search operator against a simulator over HTTP: pages, waits, limits, tokens, and what is not bought twice."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException
from tests.airflow_in_memory import NOON, Airflow, at, no_sleep, searches, staged

from airflow_twitter.api.client import XClient
from airflow_twitter.api.errors import TransientError
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.operators.search import TwitterSearchOperator
from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]
Clock = time_machine.Traveller

MODULE = "airflow_twitter.collecting.pausing"
SEVDESK = {"keyword": "sevdesk"}
ACCOUNTING = {"keyword": "accounting", "max_results": 20}


pytestmark = pytest.mark.usefixtures("clock")


def committed(data_folder: Path, run_id: str = "manual__1") -> list[str]:
    """The ids of the posts of all committed pages, in the order in which they came."""
    staging = staged(data_folder, run_id)
    bodies = [json.loads(staging.body(header.number)) for header in staging.pages()]
    return [post["id"] for body in bodies for post in body.get("data", [])]


def rescheduled(airflow: Airflow, search: dict[str, Any], **run: Any) -> datetime:
    """Execute a search that gives its slot back, and return when it wants to go on."""
    with pytest.raises(AirflowRescheduleException) as caught:
        airflow.search(search, **run)
    return caught.value.reschedule_date


class TestPages:
    """Page by page to the end."""

    def test_to_the_end(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """Every post of the window is committed once, newest first, and the position is in XCom."""
        simulator = start_simulator()

        operator = airflow.search(ACCOUNTING)

        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []
        assert [entry.params.get("next_token") is None for entry in searches(simulator)] == [
            True,
            False,
            False,
        ]
        assert airflow.xcom("search", "pages") == 3
        assert airflow.xcom("search", "posts") == 60
        assert airflow.xcom("search", "next_token") is None
        assert airflow.xcom("search", "resumes_at") is None
        assert operator.search_url.startswith("https://x.com/search?q=accounting%20since_time")

    def test_page_max(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """The run stops after page_max pages, with the token that goes on."""
        simulator = start_simulator()

        airflow.search({**ACCOUNTING, "page_max": 2})

        assert committed(data_folder) == simulator.truth("accounting")[:40]
        assert airflow.xcom("search", "next_token") == staged(data_folder).pages()[-1].next_token is not None

    def test_nothing_found(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """No posts make one committed page without posts, and a complete window."""
        simulator = start_simulator()

        airflow.search({"keyword": "ksedves"})

        assert [(page.number, page.result_count) for page in staged(data_folder).pages()] == [(1, 0)]
        assert len(searches(simulator)) == 1
        assert airflow.xcom("search", "next_token") is None

    def test_exact_bytes(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """A committed page holds what X sent, posts that cannot be kept included."""
        kinds = ["lone_surrogate", "nan", "invalid_utf8", "huge_metric"]
        simulator = start_simulator(
            rules=[Rule(endpoint="search_recent", fault="malformed", params={"kinds": kinds})]
        )

        airflow.search(ACCOUNTING)

        body = staged(data_folder).body(1)
        assert b"\\ud83d" in body
        assert b"NaN" in body
        assert b"\xff\xfe" in body
        assert staged(data_folder).pages()[0].result_count == 20
        assert len(searches(simulator)) == 3

    @pytest.mark.parametrize("vocabulary", ["tweet", "post"])
    def test_fields_that_cost_nothing(
        self, airflow: Airflow, start_simulator: Start, vocabulary: str
    ) -> None:
        """Without expand nothing is asked for that X bills beside the posts, in either vocabulary."""
        simulator = start_simulator()

        airflow.search({**SEVDESK, "vocabulary": vocabulary})

        (entry,) = searches(simulator)
        assert f"{vocabulary}.fields" in entry.params
        assert "expansions" not in entry.params
        assert entry.users == []

    def test_expand(self, airflow: Airflow, start_simulator: Start) -> None:
        """With expand authors, media and referenced posts come along."""
        simulator = start_simulator()
        airflow.search({**SEVDESK, "expand": "True"})
        assert searches(simulator)[0].users

    def test_full_archive(self, airflow: Airflow, start_simulator: Start) -> None:
        """The full archive is asked at its own path, with pages of up to 500."""
        simulator = start_simulator()
        airflow.search({**SEVDESK, "endpoint": "all", "max_results": "500", "start_time": "2026-11-01"})
        assert searches(simulator) == []
        assert searches(simulator, "search_all")[0].params["max_results"] == "500"

    def test_short_and_empty_pages(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """Short pages with a token, and empty ones, are not the end."""
        simulator = start_simulator(
            rules=[
                Rule(endpoint="search_recent", nth=1, fault="empty_page"),
                Rule(endpoint="search_recent", nth=3, fault="short_page"),
                Rule(endpoint="search_recent", nth=4, fault="empty_page"),
            ]
        )

        airflow.search(ACCOUNTING)

        assert committed(data_folder) == simulator.truth("accounting")
        assert [page.result_count for page in staged(data_folder).pages()] == [0, 20, 3, 0, 20, 17]
        assert simulator.book.sold_twice == []


class TestEnding:
    """Why a search ended is told to the tasks behind it."""

    @pytest.mark.parametrize(
        ("search", "rule", "reason"),
        [
            (ACCOUNTING, None, None),
            ({**ACCOUNTING, "page_max": 2}, None, "page_max"),
            ({**ACCOUNTING, "deadline": "PT1S"}, ("rate_limited", 2), "deadline"),
            ({**ACCOUNTING, "deadline": "PT1S"}, ("rate_limited", 1), "deadline"),
            (ACCOUNTING, ("usage_cap", 2), "UsageCapError"),
        ],
    )
    def test_reasons(
        self,
        airflow: Airflow,
        start_simulator: Start,
        search: dict[str, Any],
        rule: tuple[str, int] | None,
        reason: str | None,
    ) -> None:
        """Nothing for a complete window; else a word, and a sentence."""
        rules = [Rule(endpoint="search_recent", fault=rule[0], nth=rule[1])] if rule else []
        start_simulator(rules=rules)

        with contextlib.suppress(AirflowFailException):
            airflow.search(search)

        assert airflow.xcom("search", "reason") == reason
        assert bool(airflow.xcom("search", "why")) is bool(reason)


class TestTokens:
    """Tokens that cannot be followed."""

    @pytest.mark.parametrize("nth", [2, 3])
    def test_rejected(self, airflow: Airflow, start_simulator: Start, data_folder: Path, nth: int) -> None:
        """When X rejects a token the walk goes on below the oldest post: nothing is missing, nothing bought twice."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=nth, fault="rejected_token")])

        airflow.search(ACCOUNTING)

        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []
        again = searches(simulator)[nth].params
        assert "end_time" not in again
        assert "next_token" not in again
        assert again["until_id"] == committed(data_folder)[20 * (nth - 1) - 1]

    def test_always_rejected(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """Even when no token is ever taken the window is walked to its end."""
        rule = Rule(endpoint="search_recent", every=2, fault="rejected_token")
        simulator = start_simulator(rules=[rule])

        airflow.search(ACCOUNTING)

        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []

    def test_rejected_before_any_post(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path
    ) -> None:
        """Without a post to go below, a run whose token is rejected begins its window anew: nothing was bought yet."""
        simulator = start_simulator(
            rules=[
                Rule(endpoint="search_recent", nth=1, fault="empty_page"),
                Rule(endpoint="search_recent", nth=2, fault="rejected_token"),
            ]
        )
        airflow.search(ACCOUNTING)
        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []

    def test_always_rejected_before_any_post(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path
    ) -> None:
        """When that leads nowhere either, the run fails at once; what is committed stays, and a clear goes on."""
        simulator = start_simulator(
            rules=[
                Rule(endpoint="search_recent", every=2, fault="rejected_token"),
                Rule(endpoint="search_recent", fault="empty_page"),
            ]
        )
        with pytest.raises(AirflowFailException, match="no older post says where to go on"):
            airflow.search(ACCOUNTING)
        assert len(staged(data_folder).pages()) == 2
        simulator.clear_rules()

        airflow.search(ACCOUNTING, clear_number=1)

        assert committed(data_folder) == simulator.truth("accounting")

    def test_empty_pages_for_ever(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, clock: Clock
    ) -> None:
        """A walk over nothing but empty pages ends, also when it is interrupted by waits; a clear goes on."""
        rule = Rule(endpoint="search_recent", nth=(2, None), fault="empty_page")
        simulator = start_simulator(rules=[rule], limits={"search_recent": 30}, window_s=900)
        rescheduled(airflow, ACCOUNTING)
        clock.shift(900)
        with pytest.raises(AirflowFailException, match="50 empty pages in a row"):
            airflow.search(ACCOUNTING)
        assert len(searches(simulator)) == 51
        simulator.clear_rules()
        clock.shift(900)

        airflow.search(ACCOUNTING, clear_number=1)

        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []

    def test_circular(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """A token that points to its own page is not followed round."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="self_token")])

        airflow.search(ACCOUNTING)

        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []
        assert "until_id" in searches(simulator)[2].params

    def test_circles_for_ever(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """When every token is circular the run ends after finitely many requests, with every post committed."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", fault="self_token")])
        with pytest.raises(AirflowFailException, match="What is committed is kept"):
            airflow.search(ACCOUNTING)

        assert set(committed(data_folder)) == set(simulator.truth("accounting"))
        assert len(searches(simulator)) < 9
        simulator.clear_rules()
        bought = len(simulator.book.sold)

        airflow.search(ACCOUNTING, clear_number=1)

        assert airflow.xcom("search", "next_token") is None
        assert len(simulator.book.sold) == bought

    def test_circle_and_another_run(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path
    ) -> None:
        """A run that continues one which stopped in a circle does not buy the circle's pages again."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="self_token")])
        airflow.collect({**ACCOUNTING, "page_max": 2})

        airflow.search({**ACCOUNTING, "continue_from_run": "manual__1"}, run_id="manual__2")

        assert simulator.book.sold == simulator.truth("accounting")
        assert airflow.xcom("search", "next_token", "manual__2") is None

    def test_repeated_page(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """A page that X repeats does no harm: posts are told apart by id later."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="repeated_page")])
        airflow.search(ACCOUNTING)
        assert set(committed(data_folder)) == set(simulator.truth("accounting"))
        assert len(committed(data_folder)) == 80


class TestStorm:
    """X answers 5xx."""

    @pytest.fixture(autouse=True)
    def never_sleep(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        """The client's waits move the clock."""
        client = partial(XClient, sleep=clock.shift, monotonic=lambda: datetime.now(UTC).timestamp())
        monkeypatch.setattr("airflow_twitter.hooks.twitter.XClient", client)

    def test_smaller_pages(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """Where only small pages come through, pages shrink and grow again; every post comes in once, in order."""
        rule = Rule(endpoint="search_recent", nth=(2, 5), fault="server_error", params={"above": 15})
        simulator = start_simulator(rules=[rule])

        airflow.search({**ACCOUNTING, "max_results": 20})

        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []
        asked = [(entry.params["max_results"], entry.status) for entry in searches(simulator)]
        assert asked == [("20", 200), ("20", 503), ("20", 503), *[("10", 200)] * 4]

    def test_bounded(self, airflow: Airflow, start_simulator: Start) -> None:
        """A storm that goes on fails the try for Airflow to begin another, as passing trouble and not for good."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", fault="server_error")])
        with pytest.raises(TransientError):
            airflow.search({**ACCOUNTING, "max_results": 100})
        sizes = [entry.params["max_results"] for entry in searches(simulator)]
        assert sizes[:5] == ["100", "100", "50", "25", "12"]
        assert set(sizes[5:]) <= {"10"}
        assert airflow.xcom("search", "reason") == "ServerError"


class TestLimit:
    """X's windows: the slot is given back, and nothing is asked in vain."""

    def test_waits_without_a_slot(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, clock: Clock
    ) -> None:
        """With the window used up the task is rescheduled to its end, its position in XCom, and goes on behind it."""
        simulator = start_simulator(limits={"search_recent": 1}, window_s=900)
        window_ends = NOON + timedelta(seconds=900)

        assert rescheduled(airflow, ACCOUNTING) == window_ends
        assert airflow.xcom("search", "pages") == 1
        assert airflow.xcom("search", "posts") == 20
        assert airflow.xcom("search", "next_token") == staged(data_folder).pages()[0].next_token
        assert airflow.xcom("search", "resumes_at") == "2026-12-01T12:15:00Z"

        clock.move_to(window_ends)
        assert rescheduled(airflow, ACCOUNTING) == window_ends + timedelta(seconds=900)
        clock.move_to(window_ends + timedelta(seconds=900))
        airflow.search(ACCOUNTING)

        assert committed(data_folder) == simulator.truth("accounting")
        assert [entry.status for entry in searches(simulator)] == [200, 200, 200]
        assert airflow.xcom("search", "resumes_at") is None

    def test_known_to_be_exhausted(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """A window that another DAG is known to have used up is waited for, and X receives no request at all."""
        simulator = start_simulator(limits={"search_recent": 1}, window_s=600)
        rescheduled(airflow, ACCOUNTING)
        asked = len(simulator.book.requests)
        clock.shift(60)

        assert rescheduled(airflow, SEVDESK, run_id="manual__2") == NOON + timedelta(seconds=600)

        assert len(simulator.book.requests) == asked
        assert airflow.xcom("search", "pages", "manual__2") == 0
        assert airflow.xcom("search", "next_token", "manual__2") is None

    def test_refused(self, airflow: Airflow, start_simulator: Start, clock: Clock, data_folder: Path) -> None:
        """When X refuses although room was believed in, its reset is waited for."""
        rule = Rule(endpoint="search_recent", nth=2, fault="rate_limited", params={"reset": 300})
        simulator = start_simulator(rules=[rule])

        assert rescheduled(airflow, ACCOUNTING) == NOON + timedelta(seconds=300)
        clock.shift(300)
        airflow.search(ACCOUNTING)

        assert committed(data_folder) == simulator.truth("accounting")
        assert [entry.status for entry in searches(simulator)] == [200, 429, 200, 200]

    @pytest.mark.parametrize("estimate", ["off", "warn"])
    def test_refused_a_token(
        self, airflow: Airflow, start_simulator: Start, clock: Clock, data_folder: Path, estimate: str
    ) -> None:
        """When X refuses a bearer token for its limit, that is waited for like any other."""
        simulator = start_simulator(rules=[Rule(endpoint="token", nth=1, fault="rate_limited")])
        search = {**ACCOUNTING, "estimate": estimate}

        assert rescheduled(airflow, search) == NOON + timedelta(seconds=30)
        clock.shift(30)
        airflow.search(search)

        assert committed(data_folder) == simulator.truth("accounting")

    @pytest.mark.parametrize("scope", ["app", "user"])
    def test_daily_limit(
        self,
        airflow: Airflow,
        start_simulator: Start,
        clock: Clock,
        data_folder: Path,
        capfd: Any,
        scope: str,
    ) -> None:
        """A day that is used up is waited for, though the window has room; log and XCom say which limit it is."""
        simulator = start_simulator(daily_limits={"search_recent": {scope: 2}})
        search = {**ACCOUNTING, "deadline": "P3D"}

        assert rescheduled(airflow, search) == NOON + timedelta(hours=24)
        assert airflow.xcom("search", "waits_for") == f"{scope} 24 h"
        assert f"0 of 2 requests left ({scope} 24 h) until 2026-12-02T12:00:00Z" in capfd.readouterr().out
        assert rescheduled(airflow, {**SEVDESK, "deadline": "P3D"}, run_id="manual__2") == NOON + timedelta(
            hours=24
        )
        clock.shift(86_400)
        airflow.search(search)

        assert committed(data_folder) == simulator.truth("accounting", until=NOON)
        assert [entry.status for entry in searches(simulator)] == [200, 200, 200]

    def test_one_refusal_is_enough_for_all(
        self, airflow: Airflow, start_simulator: Start, clock: Clock
    ) -> None:
        """When another program has used up the window, X refuses one of our searches, and the others do not ask."""
        simulator = start_simulator(limits={"search_recent": 0}, window_s=900)

        window_ends = NOON + timedelta(seconds=900)
        assert rescheduled(airflow, SEVDESK) == window_ends
        for number in (2, 3):
            clock.shift(60)
            assert not airflow.wait({"keyword": f"word{number}"}, run_id=f"manual__{number}")
            assert (
                rescheduled(airflow, {"keyword": f"word{number}"}, run_id=f"manual__{number}") == window_ends
            )

        assert [entry.status for entry in searches(simulator)] == [429]

    def test_refused_for_the_day(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """A refusal for the day is waited out to the day's reset, not to the window's."""
        rule = Rule(
            endpoint="search_recent", nth=2, fault="rate_limited", params={"daily": True, "reset": 7200}
        )
        simulator = start_simulator(rules=[rule])

        assert rescheduled(airflow, ACCOUNTING) == NOON + timedelta(seconds=7200)
        assert airflow.xcom("search", "waits_for") == "app 24 h"
        clock.shift(7200)
        airflow.search(ACCOUNTING)
        assert [entry.status for entry in searches(simulator)] == [200, 429, 200, 200]

    @pytest.mark.parametrize("reset", ["missing", "past", "absurd"])
    def test_blind_waits(self, airflow: Airflow, start_simulator: Start, clock: Clock, reset: str) -> None:
        """Without a usable reset the waits double from 30 s, over all attempts, until X answers."""
        rule = Rule(endpoint="search_recent", nth=(1, 3), fault="rate_limited", params={"reset": reset})
        simulator = start_simulator(rules=[rule])

        waits = []
        for _ in range(3):
            resumes_at = rescheduled(airflow, SEVDESK)
            waits.append((resumes_at - datetime.now(resumes_at.tzinfo)).total_seconds())
            clock.move_to(resumes_at)
        airflow.search(SEVDESK)

        assert waits == [30, 60, 120]
        assert [entry.status for entry in searches(simulator)] == [429, 429, 429, 200]

    def test_short_wait_sleeps(
        self,
        airflow: Airflow,
        start_simulator: Start,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
        data_folder: Path,
    ) -> None:
        """Up to 10 s the task sleeps: Airflow may lose a task that is rescheduled to wake so soon."""
        slept = no_sleep(monkeypatch, MODULE, clock.shift)
        simulator = start_simulator(limits={"search_recent": 1}, window_s=10)

        airflow.search(ACCOUNTING)

        assert slept == [10, 10]
        assert committed(data_folder) == simulator.truth("accounting")
        assert [entry.status for entry in searches(simulator)] == [200, 200, 200]

    def test_longer_wait_does_not_sleep(
        self, airflow: Airflow, start_simulator: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Beyond 10 s the slot is given back."""
        slept = no_sleep(monkeypatch, MODULE, lambda seconds: None)
        start_simulator(limits={"search_recent": 1}, window_s=11)

        assert rescheduled(airflow, ACCOUNTING) == NOON + timedelta(seconds=11)
        assert slept == []

    def test_short_refusal_sleeps(
        self, airflow: Airflow, start_simulator: Start, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A refusal for a few seconds is slept out and asked again."""
        slept = no_sleep(monkeypatch, MODULE, clock.shift)
        rule = Rule(endpoint="search_recent", nth=1, fault="rate_limited", params={"reset": 4})
        simulator = start_simulator(rules=[rule])

        airflow.search(SEVDESK)

        assert slept == [4]
        assert [entry.status for entry in searches(simulator)] == [429, 200]

    @pytest.mark.parametrize("skew_s", [-240.0, 240.0])
    def test_clocks_differ(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, clock: Clock, skew_s: float
    ) -> None:
        """A clock of X's that is off, either way, changes what is found as little as how long is waited."""
        simulator = start_simulator(limits={"search_recent": 2}, window_s=900, clock_skew_s=skew_s)

        def attempt() -> datetime | None:
            try:
                airflow.search(ACCOUNTING)
            except AirflowRescheduleException as error:
                return error.reschedule_date
            return None

        moments = []
        while (resumes_at := attempt()) is not None:
            moments.append((resumes_at - datetime.now(UTC)).total_seconds())
            clock.move_to(resumes_at)

        assert committed(data_folder) == simulator.truth("accounting")
        # Where X's clock is behind, the window settles later by it, which X's first refusal tells.
        assert moments == ([240, 660] if skew_s < 0 else [900])

    def test_state_is_shared(self, airflow: Airflow, start_simulator: Start) -> None:
        """The task names the asset whose state it reads and writes, beside its author's inlets."""
        assert TwitterSearchOperator(task_id="search", search=SEVDESK).inlets == [RATE_LIMIT]
        start_simulator()
        airflow.search(SEVDESK)
        assert airflow.limits.get("twitter_default.recent")["limit"]["remaining"] == 449


class TestShare:
    """Keywords that share a connection."""

    def test_share_is_used_up(
        self, airflow: Airflow, start_simulator: Start, clock: Clock, data_folder: Path, capfd: Any
    ) -> None:
        """With its share used up a search gives its slot back while another waits, and goes on when that is done."""
        simulator = start_simulator(limits={"search_recent": 4}, window_s=900)
        airflow.wait(SEVDESK, run_id="manual__2")

        assert rescheduled(airflow, ACCOUNTING) == NOON + timedelta(seconds=10.5)
        assert [len(searches(simulator)), airflow.xcom("search", "pages")] == [2, 2]
        assert airflow.xcom("search", "waits_for") == "share"
        assert "has had its share of X's window" in capfd.readouterr().out

        airflow.search(SEVDESK, run_id="manual__2")
        clock.shift(10.5)
        airflow.search(ACCOUNTING)
        assert committed(data_folder) == simulator.truth("accounting")
        assert [entry.status for entry in searches(simulator)] == [200] * 4

    def test_never_back_within_10_seconds(
        self, airflow: Airflow, start_simulator: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Right before the window ends it stays away beyond that, rather than sleep in the slot that others need."""
        slept = no_sleep(monkeypatch, MODULE, lambda seconds: None)
        start_simulator(limits={"search_recent": 3}, window_s=9)
        for number in (2, 3):
            airflow.wait({"keyword": f"word{number}"}, run_id=f"manual__{number}")

        assert rescheduled(airflow, ACCOUNTING) == NOON + timedelta(seconds=10.5)
        assert slept == []


class TestDeadline:
    """Until when a run waits."""

    def test_before_the_window_ends(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, capfd: Any
    ) -> None:
        """When the deadline comes first the run ends partial with what it has, and says how to go on."""
        simulator = start_simulator(limits={"search_recent": 1}, window_s=900)

        airflow.search({**ACCOUNTING, "page_max": 3, "deadline": "PT10M"})

        assert committed(data_folder) == simulator.truth("accounting")[:20]
        assert airflow.xcom("search", "next_token") is not None
        assert airflow.xcom("search", "resumes_at") is None
        log = capfd.readouterr().out
        assert "Rate limit reached: the next request is allowed at 2026-12-01T12:15:00Z" in log
        assert (
            'partial: 1 of 3 pages, 20 posts. To go on, trigger twitter_search with continue_from_run="manual__1"'
            in log
        )

    def test_without_a_page(self, airflow: Airflow, start_simulator: Start) -> None:
        """When not even the first page can be had before the deadline, the run fails and nothing was bought."""
        simulator = start_simulator(limits={"search_recent": 0}, window_s=900)
        with pytest.raises(AirflowFailException, match="Nothing was bought"):
            airflow.search({**SEVDESK, "deadline": "PT10M"})
        assert simulator.book.sold == []

    def test_is_kept(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """The deadline counts from the first attempt, not anew from each one."""
        start_simulator(limits={"search_recent": 1}, window_s=900)
        search = {**ACCOUNTING, "deadline": "PT20M"}

        rescheduled(airflow, search)
        clock.shift(900)
        airflow.search(search)

        assert airflow.xcom("search", "pages") == 2
        assert airflow.xcom("search", "next_token") is not None

    def test_begins_anew_with_a_clear(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """A run that is cleared days later waits again as long as it was told to, not to a deadline long gone."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="credits")])
        search = {**ACCOUNTING, "deadline": "PT1H"}
        with pytest.raises(AirflowFailException):
            airflow.search(search)
        clock.shift(2 * 86400)
        simulator.add_rules(
            [Rule(endpoint="search_recent", nth=1, fault="rate_limited", params={"reset": 900})]
        )

        assert rescheduled(airflow, search, clear_number=1) == datetime.now(UTC) + timedelta(seconds=900)
        clock.shift(900)
        airflow.search(search, clear_number=1)

        assert simulator.book.sold == simulator.truth("accounting")

    def test_reached_exactly(self, airflow: Airflow, start_simulator: Start) -> None:
        """A reset at the deadline itself is waited for."""
        start_simulator(limits={"search_recent": 1}, window_s=900)
        assert rescheduled(airflow, {**ACCOUNTING, "deadline": "PT15M"}) == NOON + timedelta(seconds=900)


class TestAgain:
    """What is committed is not asked for again."""

    def test_cleared(self, airflow: Airflow, start_simulator: Start) -> None:
        """A complete run that is cleared asks X for nothing, not even a token, and tells the same."""
        simulator = start_simulator()
        airflow.search(ACCOUNTING)
        asked = len(simulator.book.requests)

        airflow.search(ACCOUNTING, clear_number=1)

        assert len(simulator.book.requests) == asked
        assert airflow.xcom("search", "pages") == 3
        assert airflow.xcom("search", "posts") == 60

    def test_stopped_at_page_max_and_cleared(self, airflow: Airflow, start_simulator: Start) -> None:
        """A partial run that is cleared buys nothing more: its pages are those that were asked for."""
        simulator = start_simulator()
        airflow.search({**ACCOUNTING, "page_max": 1})
        airflow.search({**ACCOUNTING, "page_max": 1}, clear_number=1)
        assert len(searches(simulator)) == 1

    def test_after_a_failure(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """After an error in mid-run the next attempt goes on behind the last committed page."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=3, fault="credits")])
        with pytest.raises(AirflowFailException, match="credits"):
            airflow.search(ACCOUNTING)
        simulator.clear_rules()

        airflow.search(ACCOUNTING, clear_number=1)

        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []

    @pytest.mark.parametrize("state", ["success", "skipped"])
    def test_cleared_alone(self, airflow: Airflow, start_simulator: Start, state: str) -> None:
        """What nobody would merge is not bought: the tasks behind must be cleared as well."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=3, fault="credits")])
        with pytest.raises(AirflowFailException, match="credits"):
            airflow.search(ACCOUNTING)
        asked = len(simulator.book.requests)
        airflow.states["manual__1", "validate"] = state

        with pytest.raises(AirflowFailException, match="Clear the whole run, not only its failed tasks"):
            airflow.search(ACCOUNTING, clear_number=1)
        assert len(simulator.book.requests) == asked
        del airflow.states["manual__1", "validate"]
        airflow.search(ACCOUNTING, clear_number=2)

        assert airflow.xcom("search", "pages") == 3

    def test_last_page_damaged(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """A damaged last page is set aside, said, and only that page is bought again."""
        simulator = start_simulator()
        airflow.search(ACCOUNTING)
        path = data_folder / "staging" / "twitter_search" / "manual__1" / "pages" / "00003.page"
        path.write_bytes(path.read_bytes()[:-10])

        with pytest.raises(Exception, match="damaged"):
            airflow.search(ACCOUNTING, clear_number=1)
        airflow.search(ACCOUNTING, clear_number=1)

        assert committed(data_folder) == simulator.truth("accounting")
        assert len(searches(simulator)) == 4
        assert list(path.parent.glob("00003.page.damaged-*"))

    def test_same_window(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """Later attempts ask for the first one's window, not for a new one."""
        simulator = start_simulator(limits={"search_recent": 1}, window_s=900)
        search = {"keyword": "daily", "start_time": "2026-11-30", "max_results": 20}
        rescheduled(airflow, search)
        clock.shift(900)
        rescheduled(airflow, search)

        first, second = (entry.params for entry in searches(simulator))
        assert [first[name] for name in ("start_time", "end_time", "query")] == [
            second[name] for name in ("start_time", "end_time", "query")
        ]

    def test_search_that_changed(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """A run whose search was changed between attempts keeps the window that it began with."""
        simulator = start_simulator()
        airflow.search({**ACCOUNTING, "page_max": 1})
        airflow.search(SEVDESK, clear_number=1)
        assert len(searches(simulator)) == 1
        assert len(committed(data_folder)) == 20


class TestWindow:
    """When a window may be asked for."""

    def test_has_not_settled(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """An end that X has not indexed is waited for, with no request, and then asked for whole."""
        simulator = start_simulator()
        interval = (at("11-30 12:00:00"), at("12-01 12:00:00"))
        run: dict[str, Any] = {"run_type": "scheduled", "interval": interval}

        assert rescheduled(airflow, {"keyword": "daily"}, **run) == NOON + timedelta(seconds=40)
        assert simulator.book.requests == []
        clock.shift(40)
        airflow.search({"keyword": "daily"}, **run)

        (entry,) = searches(simulator)
        assert entry.params["end_time"] == "2026-12-01T12:00:00Z"
        assert entry.params["start_time"] == "2026-11-30T11:59:00Z"
        assert set(simulator.truth("daily", *interval)) <= set(entry.ids)

    def test_out_of_reach_after_a_wait(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """A window that went out of recent search's reach while it waited fails before anything is bought."""
        simulator = start_simulator(limits={"search_recent": 0}, window_s=900)
        run: dict[str, Any] = {"run_type": "backfill", "interval": (at("11-24 12:05"), at("11-25 12:05"))}
        rescheduled(airflow, {"keyword": "daily"}, **run)
        clock.shift(900)

        with pytest.raises(AirflowFailException, match='endpoint "all"'):
            airflow.search({"keyword": "daily"}, **run)
        assert simulator.book.sold == []

    def test_goes_out_of_reach_between_pages(
        self, airflow: Airflow, start_simulator: Start, clock: Clock
    ) -> None:
        """Once pages are bought the walk goes on below them: X's later pages hold what it still has."""
        simulator = start_simulator(limits={"search_recent": 2}, window_s=900)
        run: dict[str, Any] = {"run_type": "backfill", "interval": (at("11-24 12:05"), at("11-25 12:05"))}
        rescheduled(airflow, {"keyword": "daily", "max_results": 15}, **run)
        clock.shift(900)

        airflow.search({"keyword": "daily", "max_results": 15}, **run)

        assert "start_time" not in searches(simulator)[-1].params
        assert simulator.book.sold == simulator.truth("daily", at("11-24 12:15"), at("11-25 12:05"))


class TestFailures:
    """Where waiting is vain the run fails at once, and says why."""

    @pytest.mark.parametrize(
        ("fault", "params", "message"),
        [
            ("usage_cap", {}, "raise the cap"),
            ("credits", {}, "Buy credits"),
            ("not_enrolled", {}, "Attach the app to a project"),
            ("unsupported_authentication", {}, "app-only bearer token"),
            ("forbidden", {}, "what the app may do"),
        ],
    )
    def test_refusals(
        self,
        airflow: Airflow,
        start_simulator: Start,
        fault: str,
        params: dict[str, Any],
        message: str,
        capfd: Any,
    ) -> None:
        """A refusal that no waiting changes fails the task without a retry, after one request."""
        rule = Rule(endpoint="search_recent", fault=fault, params=params)
        simulator = start_simulator(rules=[rule])

        with pytest.raises(AirflowFailException, match=message):
            airflow.search(SEVDESK)

        assert len(searches(simulator)) == 1
        assert "PIPELINE END: " in capfd.readouterr().out

    def test_wrong_credentials(
        self, airflow: Airflow, start_simulator: Start, connect: Callable[..., None], capfd: Any
    ) -> None:
        """Wrong credentials fail with X's status, code and message, no search, and no secret in sight."""
        simulator = start_simulator()
        connect(simulator.url, "app-key", "a-wrong-secret-4711")

        with pytest.raises(
            AirflowFailException, match=r"403.*Unable to verify your credentials.*code 99"
        ) as caught:
            airflow.search(SEVDESK)

        assert searches(simulator) == []
        captured = capfd.readouterr()
        assert "PIPELINE END: Failed to generate Bearer Token" in captured.out
        assert "a-wrong-secret-4711" not in captured.out + captured.err + str(caught.value)

    def test_token_revoked_in_mid_run(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path
    ) -> None:
        """A token that X revokes between two pages is replaced once, and no page is bought twice."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="token_revoked")])
        airflow.search(ACCOUNTING)
        assert committed(data_folder) == simulator.truth("accounting")
        assert [entry.endpoint for entry in simulator.book.requests].count("token") == 2

    def test_trouble_on_the_way(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When X fails for longer than the client tries, Airflow's retry goes on behind the last committed page."""
        monkeypatch.setattr("airflow_twitter.hooks.twitter.XClient", partial(XClient, retry_for_s=0))
        rules = [
            Rule(endpoint="search_recent", nth=2, fault="server_error"),
            Rule(endpoint="search_recent", nth=3, fault="truncated_json"),
            Rule(endpoint="search_recent", nth=5, fault="reset_before"),
        ]
        simulator = start_simulator(rules=rules)

        for _ in range(3):
            with pytest.raises(TransientError):
                airflow.search(ACCOUNTING)
        airflow.search(ACCOUNTING)

        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []

    @pytest.mark.parametrize("seed", range(8))
    def test_any_trouble(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, clock: Clock, seed: int
    ) -> None:
        """Whatever X does to pages, tokens and limits, the run ends with every post, none of them bought twice."""
        dice = random.Random(seed)
        faults: list[tuple[str, dict[str, Any]]] = [
            ("short_page", {"keep": 3}),
            ("empty_page", {}),
            ("rejected_token", {}),
            ("rate_limited", {"reset": "missing"}),
            ("rate_limited", {"reset": 60}),
            ("token_revoked", {}),
            ("no_limit_headers", {}),
            ("partial_errors", {}),
            ("clock_skew", {"skew_s": 120.0}),
        ]
        # The first page stays whole: without a post nobody knows where to go on when a token is rejected.
        rules = [
            Rule(endpoint="search_recent", nth=number, fault=fault, params=params)
            for number in range(2, 40)
            if dice.random() < 0.6
            for fault, params in [dice.choice(faults)]
        ]
        simulator = start_simulator(limits={"search_recent": dice.randint(2, 5)}, rules=rules)

        waits = []
        for _ in range(60):
            try:
                airflow.search({**ACCOUNTING, "max_results": 10})
                break
            except AirflowRescheduleException as error:
                waits.append(error.reschedule_date - datetime.now(UTC))
                clock.move_to(error.reschedule_date)

        assert min(waits) > timedelta(seconds=10)

        assert committed(data_folder) == simulator.truth("accounting")
        assert simulator.book.sold_twice == []
        assert airflow.xcom("search", "next_token") is None

    def test_query_is_refused_here(self, airflow: Airflow, start_simulator: Start) -> None:
        """A query that X would refuse is never sent."""
        simulator = start_simulator()
        for search in (
            {"keyword": "is:reply"},
            {"keyword": ""},
            {**SEVDESK, "max_results": 5},
            {**SEVDESK, "pages": 3},
        ):
            with pytest.raises(AirflowFailException):
                airflow.search(search)
        assert simulator.book.requests == []

    def test_host_that_may_not_be_spoken_to(self, airflow: Airflow, connect: Callable[..., None]) -> None:
        """A Connection whose host has no TLS fails at once."""
        connect("http://api.x.com")
        with pytest.raises(AirflowFailException, match="https"):
            airflow.search(SEVDESK)
