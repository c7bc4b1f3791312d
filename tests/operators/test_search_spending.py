"""What a search spends: the ledger is the simulator's bill, and no budget breaks."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException
from tests.airflow_in_memory import NOON, Airflow, searches
from tests.operators.spent import agree, bought

from airflow_twitter.api.client import XClient
from airflow_twitter.api.errors import TransientError
from airflow_twitter.posts.staging import PageHeader, Staging
from airflow_twitter.simulator import Rule, Simulator
from airflow_twitter.simulator.bill import bills
from airflow_twitter.spending.entries import LedgerError

Start = Callable[..., Simulator]
ACCOUNTING = {"keyword": "accounting", "max_results": 20}


pytestmark = pytest.mark.usefixtures("clock")


class TestLedger:
    """What was bought is noted, whatever happens on the way."""

    @pytest.mark.parametrize("expand", [False, True])
    @pytest.mark.parametrize("vocabulary", ["tweet", "post"])
    def test_whole_run(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, expand: bool, vocabulary: str
    ) -> None:
        """A run's ledger is the bill, with its authors and referenced posts; its dollars are in XCom."""
        simulator = start_simulator()
        airflow.search({**ACCOUNTING, "expand": expand, "vocabulary": vocabulary})

        agree(simulator, data_folder)
        day = bought(data_folder)
        assert day.posts >= 60
        assert bool(day.users) is expand
        assert day.requests == 3
        assert airflow.xcom("search", "dollars") == day.dollars

    def test_found_twice(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """Another run that finds the same posts on the same day buys them once; on the next day again."""
        simulator = start_simulator()
        airflow.search(ACCOUNTING)
        airflow.search({**ACCOUNTING, "query": "accounting -zzz"}, run_id="manual__2")
        assert (bought(data_folder).posts, bought(data_folder).repeated["post_read"]) == (60, 60)
        assert airflow.xcom("search", "dollars", run_id="manual__2") == 0.0
        with time_machine.travel(NOON + timedelta(days=1), tick=False):
            airflow.search(ACCOUNTING, run_id="manual__3")
        agree(simulator, data_folder)

    @pytest.mark.parametrize("kinds", [["no_id"], ["lone_surrogate", "nan", "invalid_utf8", "huge_metric"]])
    def test_malformed(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, kinds: list[str]
    ) -> None:
        """A post that cannot be read was paid for like any other."""
        rule = Rule(endpoint="search_recent", nth=2, fault="malformed", params={"kinds": kinds})
        simulator = start_simulator(rules=[rule])
        airflow.search({**ACCOUNTING, "expand": True})
        agree(simulator, data_folder)

    def test_refetch(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """Pages that are fetched again on the same day are noted as bought again, and cost nothing."""
        simulator = start_simulator()
        search = {**ACCOUNTING, "refetch": True}
        airflow.collect(search)
        airflow.collect(search, clear_number=1)
        agree(simulator, data_folder)
        assert (bought(data_folder).requests, bought(data_folder).posts) == (6, 60)

    def test_reschedule(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        clock: time_machine.Traveller,
    ) -> None:
        """What X refused was not bought, however often a run waits for it."""
        simulator = start_simulator(limits={"search_recent": 1})
        for _ in range(5):
            try:
                airflow.search(ACCOUNTING)
                break
            except AirflowRescheduleException as wait:
                clock.move_to(wait.reschedule_date)
        agree(simulator, data_folder)
        assert bought(data_folder).unanswered == 0

    @pytest.mark.parametrize("fault", ["lost_answer", "cut", "truncated_json"])
    def test_lost_answer(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        fault: str,
    ) -> None:
        """An answer that was sold and lost is told; the same page again costs nothing more."""
        monkeypatch.setattr("airflow_twitter.api.retries.BACKOFF_FIRST_S", 0.0)
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=(2, 3), fault=fault)])
        airflow.search(ACCOUNTING)
        agree(simulator, data_folder)
        assert bought(data_folder).unanswered == 2

    def test_never_answered(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """While no answer comes, the ledger says how much X may have sold at most."""
        simulator = start_simulator(
            rules=[Rule(endpoint="search_recent", nth=(2, None), fault="lost_answer")]
        )
        monkeypatch.setattr(XClient, "_deadline", lambda client: client._monotonic())
        with pytest.raises(TransientError):
            airflow.search(ACCOUNTING)
        day = bought(data_folder)
        (bill,) = bills(simulator.book.requests).values()
        assert (day.posts, day.unanswered, day.reserved) == (20, 1, 0.1)
        assert day.dollars + day.reserved >= bill.dollars
        simulator.clear_rules()
        airflow.search(ACCOUNTING)
        agree(simulator, data_folder)

    def test_refused_connection(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A request that never reached X was neither sold nor lost."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="rate_limited")])
        with pytest.raises(AirflowRescheduleException):
            airflow.search(ACCOUNTING)
        simulator.stop()
        monkeypatch.setattr(XClient, "_deadline", lambda client: client._monotonic())
        with (
            time_machine.travel(NOON + timedelta(minutes=16), tick=False),
            pytest.raises(TransientError),
        ):
            airflow.search(ACCOUNTING)
        day = bought(data_folder)
        assert (day.posts, day.unanswered, day.reserved) == (20, 0, 0.0)

    @pytest.mark.parametrize("where", ["before", "after"])
    def test_killed_around_the_commit(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        where: str,
    ) -> None:
        """A crash before or after a page is committed leaves a ledger that the next start makes right."""
        simulator = start_simulator()
        real = Staging.commit

        def die(staging: Staging, header: PageHeader, body: bytes) -> str:
            if header.number == 2:
                if where == "after":
                    real(staging, header, body)
                raise KeyboardInterrupt
            return real(staging, header, body)

        with monkeypatch.context() as patch:
            patch.setattr(Staging, "commit", die)
            with pytest.raises(KeyboardInterrupt):
                airflow.search(ACCOUNTING)
        assert bought(data_folder).reserved == 0.1
        airflow.search(ACCOUNTING)
        agree(simulator, data_folder)
        assert bought(data_folder).unanswered == (where == "before")

    def test_ledger_is_gone(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """Even a ledger that was deleted is written again from the pages of a run that is cleared."""
        simulator = start_simulator()
        airflow.search(ACCOUNTING)
        for file in (data_folder / "ledger" / "twitter_default").iterdir():
            file.unlink()
        airflow.search(ACCOUNTING)
        agree(simulator, data_folder)
        assert len(searches(simulator)) == 3

    @pytest.mark.parametrize("seed", range(16))
    def test_any_trouble(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        clock: time_machine.Traveller,
        monkeypatch: pytest.MonkeyPatch,
        seed: int,
    ) -> None:
        """Under any mix of faults, over midnight too, the ledger is the bill, or tells of what may be missing."""
        chance = random.Random(seed)
        clock.move_to(NOON.replace(hour=23, minute=50))
        faults = [
            "lost_answer",
            "cut",
            "truncated_json",
            "html",
            "server_error",
            "rate_limited",
            "short_page",
        ]
        faults += ["empty_page", "rejected_token", "no_limit_headers", "partial_errors", "reset_before"]
        rules = [
            Rule(endpoint="search_recent", nth=chance.randint(1, 9), fault=chance.choice(faults))
            for _ in range(4)
        ]
        simulator = start_simulator(rules=rules)
        monkeypatch.setattr(XClient, "_deadline", lambda client: client._monotonic())
        for _ in range(30):
            try:
                airflow.search({**ACCOUNTING, "expand": chance.choice([True, False])})
                break
            except (TransientError, AirflowFailException):
                clock.shift(30)
            except AirflowRescheduleException as wait:
                clock.move_to(wait.reschedule_date)
        assert airflow.xcom("search", "next_token") is None
        for date, bill in bills(simulator.book.requests).items():
            day = bought(data_folder, datetime.fromisoformat(f"{date}T00:00:00Z"))
            assert day.dollars <= bill.dollars <= round(day.dollars + day.reserved, 6)
            assert (day.dollars == bill.dollars) or day.unanswered


class TestBudgets:
    """A run stops before the page that might break a budget, and goes on as it says."""

    @pytest.mark.parametrize("scope", ["run", "day", "month"])
    def test_stops(
        self,
        airflow: Airflow,
        start_simulator: Start,
        data_folder: Path,
        budgets: Callable[[str], None],
        capsys: pytest.CaptureFixture[str],
        scope: str,
    ) -> None:
        """The run ends partial with what it has; the log says why and with which parameters it goes on."""
        budgets(f"{{{scope}: 0.25}}")
        simulator = start_simulator()

        airflow.search(ACCOUNTING)

        assert len(searches(simulator)) == 2
        agree(simulator, data_folder)
        assert airflow.xcom("search", "reason") == "budget"
        assert airflow.xcom("search", "why") == (
            f"The budget of the {scope} for twitter_default is $0.25; $0.20 of it is spent, and the next request may "
            "cost up to $0.10."
        )
        assert airflow.xcom("search", "next_token") is not None
        again = 'trigger twitter_search with continue_from_run="manual__1"'
        more = f"begins, or at once with a larger budget of the {scope} for twitter_default in spending.yaml."
        told = {
            "run": f"{again}: the new run has a budget of its own.",
            "day": f"{again} from 2026-12-02T00:00:00Z on, when the next day {more}",
            "month": f"{again} from 2027-01-01T00:00:00Z on, when the next month {more}",
        }
        assert f"To go on, {told[scope]}" in capsys.readouterr().out

    def test_goes_on(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, budgets: Callable[[str], None]
    ) -> None:
        """The run that the log names completes the window, and buys nothing again."""
        budgets("{run: 0.25}")
        simulator = start_simulator()
        airflow.collect(ACCOUNTING)
        airflow.search({**ACCOUNTING, "continue_from_run": "manual__1"}, run_id="manual__2")
        assert airflow.xcom("search", "next_token", run_id="manual__2") is None
        assert simulator.book.sold == simulator.truth("accounting")
        agree(simulator, data_folder)

    def test_cleared(
        self,
        airflow: Airflow,
        start_simulator: Start,
        budgets: Callable[[str], None],
        clock: time_machine.Traveller,
    ) -> None:
        """A run that stopped at the day's budget completes when it is cleared on the next day."""
        budgets("{day: 0.25}")
        simulator = start_simulator()
        airflow.search(ACCOUNTING)
        airflow.search(ACCOUNTING)
        assert len(searches(simulator)) == 2
        clock.move_to(NOON + timedelta(hours=13))
        airflow.search(ACCOUNTING)
        assert airflow.xcom("search", "next_token") is None
        assert airflow.xcom("search", "reason") is None
        assert simulator.book.sold == simulator.truth("accounting")

    def test_form(self, airflow: Airflow, start_simulator: Start, budgets: Callable[[str], None]) -> None:
        """The form's budget of the run takes the place of the file's; the day's holds all the same."""
        budgets("{run: 0.1, day: 0.2}")
        simulator = start_simulator()
        airflow.search({**ACCOUNTING, "run_budget": "5"})
        assert len(searches(simulator)) == 2
        assert "budget of the day" in airflow.xcom("search", "why")

    def test_exactly_enough(
        self, airflow: Airflow, start_simulator: Start, budgets: Callable[[str], None]
    ) -> None:
        """A budget that holds the worst case to the cent is enough."""
        budgets("{run: 0.3, day: 0.3, month: 0.3}")
        start_simulator()
        airflow.search(ACCOUNTING)
        assert airflow.xcom("search", "next_token") is None

    def test_not_even_begun(
        self, airflow: Airflow, start_simulator: Start, budgets: Callable[[str], None]
    ) -> None:
        """When not one page fits the run fails, having bought nothing, and says what would do."""
        budgets("{run: 0.05}")
        simulator = start_simulator()
        with pytest.raises(
            AirflowFailException,
            match=r"Nothing was bought\. To go on, trigger twitter_search with the same settings and run_budget=0\.1 or",
        ):
            airflow.search(ACCOUNTING)
        assert simulator.book.sold == []
        assert airflow.xcom("search", "reason") == "budget"

    def test_expansions_count(
        self, airflow: Airflow, start_simulator: Start, data_folder: Path, budgets: Callable[[str], None]
    ) -> None:
        """With expand the worst case is an author and two referenced posts a post; the budget holds."""
        budgets("{run: 1.0}")
        simulator = start_simulator()
        airflow.search({**ACCOUNTING, "expand": True})
        agree(simulator, data_folder)
        assert 0.5 < bought(data_folder).dollars <= 1.0
        assert "may cost up to $0.50" in airflow.xcom("search", "why")

    def test_other_runs(
        self, airflow: Airflow, start_simulator: Start, budgets: Callable[[str], None]
    ) -> None:
        """A day's budget is shared by all runs of the connection."""
        budgets("{day: 0.35}")
        simulator = start_simulator()
        airflow.search(ACCOUNTING)
        with pytest.raises(AirflowFailException, match="budget of the day"):
            airflow.search({"keyword": "daily", "max_results": 20}, run_id="manual__2")
        assert len(simulator.book.sold) == 60

    def test_ledger_cannot_be_read(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """While nobody knows what was bought, nothing is."""
        simulator = start_simulator()
        (data_folder / "ledger" / "twitter_default" / "2026-12-01.jsonl").mkdir(parents=True)
        with pytest.raises(LedgerError, match=r"cannot be read .* nobody knows what was bought"):
            airflow.search(ACCOUNTING)
        assert simulator.book.sold == []

    def test_bad_file(self, airflow: Airflow, start_simulator: Start, budgets: Callable[[str], None]) -> None:
        """While spending.yaml has a mistake nothing is bought."""
        budgets("{day: much}")
        simulator = start_simulator()
        with pytest.raises(
            AirflowFailException,
            match=r"(?s)spending.yaml, line 2, budgets.twitter_default.day: .*Nothing is bought",
        ):
            airflow.search(ACCOUNTING)
        assert simulator.book.requests == []
