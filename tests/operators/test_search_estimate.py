"""What a search says before it buys, and a dry run, which buys nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
)
from tests.airflow_in_memory import NOON, Airflow, searches, staged
from tests.operators.spent import agree, bought

from airflow_twitter.api.client import XClient
from airflow_twitter.api.errors import TransientError
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]
WARN = {"keyword": "accounting", "max_results": 20, "estimate": "warn"}
ENFORCE = {**WARN, "estimate": "enforce"}


pytestmark = pytest.mark.usefixtures("clock")


def counts(simulator: Simulator, endpoint: str = "counts_recent") -> list[Any]:
    """The requests for counts."""
    return searches(simulator, endpoint)


def dry(airflow: Airflow, search: dict[str, Any], **run: Any) -> None:
    """Search in a dry run, which is skipped."""
    with pytest.raises(AirflowSkipException):
        airflow.search({**search, "dry_run": True}, **run)


class TestEstimate:
    """Counted once, noted, and told."""

    def test_off(self, airflow: Airflow, start_simulator: Start) -> None:
        """Nobody is asked to count unless somebody wants it."""
        simulator = start_simulator()
        airflow.search({**WARN, "estimate": "off"})
        assert counts(simulator) == []
        assert airflow.xcom("search", "estimate") is None

    @pytest.mark.parametrize("skew_s", [-240.0, 240.0])
    @pytest.mark.parametrize("search", [WARN, ENFORCE], ids=["warn", "enforce"])
    def test_clocks_differ(
        self,
        airflow: Airflow,
        start_simulator: Start,
        clock: time_machine.Traveller,
        search: dict[str, Any],
        skew_s: float,
    ) -> None:
        """X does not count what is in its future: where its clock is behind, that is waited for, and then counted."""
        simulator = start_simulator(clock_skew_s=skew_s)
        if skew_s < 0:
            with pytest.raises(AirflowRescheduleException) as waiting:
                airflow.search(search)
            assert [entry.status for entry in counts(simulator)] == [400]
            assert airflow.xcom("search", "waits_for") == "settling"
            assert waiting.value.reschedule_date == NOON - timedelta(seconds=skew_s)
            clock.move_to(waiting.value.reschedule_date)

        airflow.search(search)

        assert [entry.status for entry in counts(simulator)][-1:] == [200]
        assert airflow.xcom("search", "estimate")["posts"] == len(simulator.truth("accounting"))
        assert airflow.xcom("search", "posts") == len(simulator.truth("accounting"))
        assert {entry.status for entry in searches(simulator)} == {200}

    def test_warn(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """One request tells how many posts come and what they cost: in the log, in XCom, and in the ledger."""
        simulator = start_simulator()
        airflow.search(WARN)

        assert airflow.xcom("search", "estimate") == {
            "posts": 60,
            "pages": 3,
            "dollars": 0.3,
            "found": 60,
            "counts_requests": 1,
            "counts_dollars": 0.005,
        }
        told = "Estimate: 60 posts on 3 full pages, for up to $0.30; counting them cost $0.005."
        assert told in caplog.text
        assert bought(data_folder).dollars == 0.305
        agree(simulator, data_folder)

    def test_same_window(self, airflow: Airflow, start_simulator: Start) -> None:
        """What is counted is what is searched for: the same query over the same span."""
        simulator = start_simulator()
        airflow.search({**WARN, "start_time": "2026-11-28"})
        (asked,) = counts(simulator)
        first = searches(simulator)[0]
        for name in ("query", "start_time", "end_time"):
            assert asked.params[name] == first.params[name]

    def test_once(self, airflow: Airflow, start_simulator: Start, clock: time_machine.Traveller) -> None:
        """However often the task starts again, it counts once, and shows the estimate each time."""
        simulator = start_simulator(limits={"search_recent": 1})
        for _ in range(4):
            try:
                airflow.search(WARN)
            except AirflowRescheduleException as wait:
                assert airflow.xcom("search", "estimate")["posts"] == 60
                clock.move_to(wait.reschedule_date)
        assert airflow.xcom("search", "next_token") is None
        assert len(counts(simulator)) == 1

    def test_archive(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """Counts of the full archive come in pages of 31 days, each of which is paid for."""
        simulator = start_simulator()
        search = {
            **WARN,
            "keyword": "daily",
            "endpoint": "all",
            "max_results": 500,
            "start_time": "2026-10-01",
            "end_time": "2026-12-01",
            "overlap_s": 0,
        }
        dry(airflow, search)
        assert len(counts(simulator, "counts_all")) == 2
        told = airflow.xcom("search", "estimate")
        assert (told["posts"], told["counts_dollars"]) == (61 * 40, 0.02)
        assert len(simulator.truth("daily", "2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z")) == 61 * 40
        agree(simulator, data_folder)

    def test_continued(self, airflow: Airflow, start_simulator: Start) -> None:
        """A run that continues another counts what that one did not fetch."""
        start_simulator()
        airflow.collect({**WARN, "page_max": 2})
        assert airflow.xcom("search", "estimate")["posts"] == 40
        airflow.search({**WARN, "continue_from_run": "manual__1"}, run_id="manual__2")
        assert airflow.xcom("search", "estimate", run_id="manual__2")["posts"] == 20

    def test_killed_after_counting(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Counts that are kept and not noted are noted at the next start; those that are lost are told."""
        simulator = start_simulator()
        real = Store.put

        def die(store: Store, key: str, data: Any) -> int:
            if key.endswith("estimate.json"):
                real(store, key, data)
                raise KeyboardInterrupt
            return real(store, key, data)

        with monkeypatch.context() as patch:
            patch.setattr(Store, "put", die)
            with pytest.raises(KeyboardInterrupt):
                airflow.search(WARN)
        airflow.search(WARN)
        assert len(counts(simulator)) == 1
        agree(simulator, data_folder)

    def test_lost_counts(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Counts that X sold and nobody received stay reserved: X bills each request."""
        monkeypatch.setattr(XClient, "_deadline", lambda client: client._monotonic())
        start_simulator(rules=[Rule(endpoint="counts_recent", nth=1, fault="lost_answer")])
        with pytest.raises(TransientError):
            airflow.search(ENFORCE)
        with time_machine.travel(NOON + timedelta(seconds=30), tick=False):
            airflow.search(ENFORCE)
        day = bought(data_folder)
        assert (day.units["counts_recent_request"], day.reserved, day.unanswered) == (1, 0.005, 1)

    @pytest.mark.parametrize("fault", ["forbidden", "credits", "rate_limited", "server_error"])
    def test_no_counts(
        self, airflow: Airflow, start_simulator: Start, monkeypatch: pytest.MonkeyPatch, fault: str
    ) -> None:
        """With warn a search begins even when X does not count, and says so."""
        monkeypatch.setattr(XClient, "_deadline", lambda client: client._monotonic())
        simulator = start_simulator(rules=[Rule(endpoint="counts_recent", fault=fault)])
        airflow.search(WARN)
        assert airflow.xcom("search", "estimate") is None
        assert simulator.book.sold == simulator.truth("accounting")

    def test_round_in_a_circle(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Counts whose token leads back to them are not paid for again and again."""
        simulator = start_simulator(rules=[Rule(endpoint="counts_recent", fault="self_token")])
        airflow.search(WARN)
        assert len(counts(simulator)) == 2
        assert "lead round in a circle" in caplog.text
        assert simulator.book.sold == simulator.truth("accounting")
        agree(simulator, data_folder)


class TestEnforce:
    """Nothing is bought that may cost more than there is."""

    @pytest.mark.parametrize("scope", ["run", "day", "month"])
    def test_too_much(
        self, airflow: Airflow, start_simulator: Start, budgets: Callable[[str], None], scope: str
    ) -> None:
        """When the whole search may cost more than a budget holds, no post of it is bought."""
        budgets(f"{{{scope}: 0.3}}")
        simulator = start_simulator()
        with pytest.raises(AirflowFailException) as caught:
            airflow.search(ENFORCE)
        assert simulator.book.sold == []
        assert str(caught.value).startswith(
            "The search is estimated at 60 posts on 3 full pages, for up to $0.30; counting them cost $0.005. The "
            f"budget of the {scope} for twitter_default is $0.30, of which $0.005 is spent. Nothing was bought."
        )
        if scope == "run":
            advice = "with the same settings and run_budget=0.305 or more, or estimate=warn to buy what fits."
            assert str(caught.value).endswith(advice)
        assert airflow.xcom("search", "reason") == "budget"

    def test_advice_works(
        self, airflow: Airflow, start_simulator: Start, budgets: Callable[[str], None]
    ) -> None:
        """The budget that is advised is enough."""
        budgets("{run: 0.3}")
        start_simulator()
        airflow.search({**ENFORCE, "run_budget": 0.305}, run_id="manual__2")
        assert airflow.xcom("search", "next_token", run_id="manual__2") is None

    def test_warned(
        self,
        airflow: Airflow,
        start_simulator: Start,
        budgets: Callable[[str], None],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """With warn the search buys what fits."""
        budgets("{run: 0.25}")
        simulator = start_simulator()
        airflow.search(WARN)
        assert len(simulator.book.sold) == 40
        assert "The run will stop before the page that might break it." in caplog.text

    def test_counts_are_paid_for(
        self, airflow: Airflow, start_simulator: Start, budgets: Callable[[str], None]
    ) -> None:
        """Without money for counting nothing is asked."""
        budgets("{day: 0.004}")
        simulator = start_simulator()
        with pytest.raises(AirflowFailException, match=r"may cost up to \$0\.005"):
            airflow.search(ENFORCE)
        assert counts(simulator) == []

    def test_waits_to_count(
        self, airflow: Airflow, start_simulator: Start, clock: time_machine.Traveller
    ) -> None:
        """X's limit of counts is waited for, without a slot."""
        start_simulator(rules=[Rule(endpoint="counts_recent", nth=1, fault="rate_limited")])
        with pytest.raises(AirflowRescheduleException) as wait:
            airflow.search(ENFORCE)
        clock.move_to(wait.value.reschedule_date)
        airflow.search(ENFORCE)
        assert airflow.xcom("search", "next_token") is None


class TestDryRun:
    """A dry run says what it would do."""

    def test_without_estimate(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Without an estimate X is asked nothing at all, and no file stays."""
        simulator = start_simulator()
        dry(airflow, {**WARN, "estimate": "off", "page_max": 3})
        assert simulator.book.requests == []
        assert [path for path in data_folder.rglob("*.json*")] == []
        assert (
            "dry run, no post was bought. The search from 2026-11-24T12:00:00Z to 2026-12-01T11:59:20Z for accounting "
            "would fetch: 60 posts on 3 full pages, for up to $0.30." in capsys.readouterr().out
        )
        assert airflow.xcom("search", "reason") == "dry_run"

    def test_with_estimate(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """With an estimate the request for counts is all that is bought."""
        simulator = start_simulator()
        dry(airflow, WARN)
        assert simulator.book.sold == []
        assert airflow.xcom("search", "estimate")["posts"] == 60
        assert bought(data_folder).dollars == 0.005
        agree(simulator, data_folder)
        assert staged(data_folder).read("window.json", dict) is None

    def test_what_follows(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """Nothing is validated, and the real run collects as if there had been no dry one."""
        simulator = start_simulator()
        dry(airflow, WARN)
        with pytest.raises(AirflowSkipException):
            airflow.validate()
        assert not (data_folder / "coverage").exists()
        airflow.collect({**WARN, "estimate": "off"}, run_id="manual__2")
        assert simulator.book.sold == simulator.truth("accounting")
        agree(simulator, data_folder)

    def test_over_budget(
        self, airflow: Airflow, start_simulator: Start, budgets: Callable[[str], None]
    ) -> None:
        """A dry run that enforces a budget fails as the real one would."""
        budgets("{run: 0.1}")
        start_simulator()
        with pytest.raises(AirflowFailException, match="is estimated at 60 posts"):
            airflow.search({**ENFORCE, "dry_run": True})

    def test_after_pages(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """A run that has bought pages keeps them when it is done again dry."""
        simulator = start_simulator()
        airflow.search({**WARN, "page_max": 1})
        dry(airflow, {**WARN, "page_max": 1})
        assert len(staged(data_folder).pages()) == len(searches(simulator)) == 1
