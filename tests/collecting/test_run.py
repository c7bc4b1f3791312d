"""A run's window: decided once, kept, and never bought twice in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException
from tests.airflow_in_memory import NOON, Airflow, at, searches, staged
from tests.airflow_in_memory import airflow as airflow  # fixtures
from tests.airflow_in_memory import clock as clock
from tests.airflow_in_memory import start_simulator as start_simulator

from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.data_folder import data_store
from airflow_twitter.posts.windows import Window
from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]
Clock = time_machine.Traveller

DAILY = {"keyword": "daily"}
ACCOUNTING = {"keyword": "accounting", "max_results": 20}
REFETCH = {**ACCOUNTING, "refetch": True}
INTERVAL = (at("11-29"), at("11-30"))
SETTLED = NOON - timedelta(seconds=40)


pytestmark = pytest.mark.usefixtures("clock")


def window(airflow: Airflow, search: dict[str, Any], **run: Any) -> Window:
    """The window of a run."""
    return airflow.run(**run).window(search)[0]


def span(found: Window) -> tuple[datetime, datetime, str]:
    """What a window covers, and why."""
    return found.since, found.until, found.source


class TestRunType:
    """An interval counts for scheduled and backfilled runs only."""

    @pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
    def test_meant(self, airflow: Airflow, run_type: str) -> None:
        """A schedule and a backfill mean their interval."""
        found = window(airflow, DAILY, run_type=run_type, interval=INTERVAL)
        assert span(found) == (*INTERVAL, "interval")

    @pytest.mark.parametrize("run_type", ["manual", "asset_triggered", "operator_triggered"])
    @pytest.mark.parametrize("interval", [None, INTERVAL, (NOON, NOON)])
    def test_not_meant(self, airflow: Airflow, run_type: str, interval: Any) -> None:
        """Other runs take what is new, whether they have no logical date or one that the form made."""
        found = window(airflow, DAILY, run_type=run_type, interval=interval)
        assert span(found)[1:] == (SETTLED, "new")

    def test_form_of_a_manual_run(self, airflow: Airflow) -> None:
        """A manual run with a logical date still covers the times of its form."""
        search = {**DAILY, "start_time": "2026-11-27T00:00:00Z", "end_time": "2026-11-28T00:00:00Z"}
        found = window(airflow, search, run_type="manual", interval=INTERVAL)
        assert span(found) == (at("11-27"), at("11-28"), "form")

    def test_scheduled_without_an_interval(self, airflow: Airflow) -> None:
        """A scheduled run whose timetable gives no interval takes what is new."""
        assert window(airflow, DAILY, run_type="scheduled").source == "new"


class TestDecidedOnce:
    """The first attempt decides, the others read."""

    def test_is_kept(self, airflow: Airflow, clock: Clock) -> None:
        """Later attempts get the same window, however much later, and are told that they did not decide."""
        first, decided = airflow.run().window(DAILY)
        assert decided
        clock.shift(3600)
        assert airflow.run().window({**DAILY, "page_max": 5}) == (first, False)
        assert airflow.run().kept_window() == first

    def test_is_a_file(self, airflow: Airflow, data_folder: Path) -> None:
        """window.json can be read by people and other tools."""
        window(airflow, {**DAILY, "language": "de"}, run_id="manual__2026-12-01T12:00:00+00:00")

        path = (
            data_folder / "staging" / "twitter_search" / "manual__2026-12-01T12:00:00+00:00" / "window.json"
        )
        kept = json.loads(path.read_bytes())
        assert (kept["query"], kept["until"]) == ("daily lang:de", "2026-12-01T11:59:20Z")

    def test_runs_are_apart(self, airflow: Airflow) -> None:
        """Each run has a window of its own."""
        assert window(airflow, DAILY, run_id="a").slug == "daily"
        assert window(airflow, ACCOUNTING, run_id="b").slug == "accounting"

    @pytest.mark.parametrize("run_id", ["../../../outside", "a/b", "manual__1\x00", "x" * 240, ".."])
    def test_any_run_id(self, airflow: Airflow, data_folder: Path, run_id: str) -> None:
        """Whatever the run is called, its files stay in the data folder."""
        window(airflow, DAILY, run_id=run_id)
        (path,) = data_folder.rglob("window.json")
        assert path.parent.parent == data_folder / "staging" / "twitter_search"
        assert list(data_folder.parent.glob("outside*")) == []

    def test_nothing_was_decided(self, airflow: Airflow) -> None:
        """A task that needs a window fails when there is none."""
        with pytest.raises(AirflowFailException, match="holds no window"):
            airflow.run().kept_window()

    def test_refused(self, airflow: Airflow, data_folder: Path) -> None:
        """What cannot be collected decides nothing: a corrected run begins anew."""
        with pytest.raises(AirflowFailException, match="reaches back only 7 days"):
            window(airflow, DAILY, run_type="backfill", interval=(at("11-01"), at("11-02")))
        assert list(data_folder.rglob("*.json")) == []


class TestCoverage:
    """What is new follows from what is covered."""

    def test_next_run(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """The next run begins where the last complete one ended, and buys the overlap alone twice."""
        simulator = start_simulator()
        airflow.collect(DAILY)
        clock.shift(6 * 3600)
        airflow.collect(DAILY, run_id="manual__2")

        found = window(airflow, DAILY, run_id="manual__2")
        assert span(found) == (SETTLED, SETTLED + timedelta(hours=6), "new")
        assert set(simulator.book.sold) == set(
            simulator.truth("daily", NOON - timedelta(days=7), found.until)
        )
        again = simulator.truth("daily", SETTLED - timedelta(seconds=60), SETTLED)
        assert sorted(simulator.book.sold_twice) == sorted(again)

    def test_nothing_new(self, airflow: Airflow, start_simulator: Start) -> None:
        """A run right after another one looks at the overlap, and is covered without length."""
        start_simulator()
        airflow.collect(DAILY)
        airflow.collect(DAILY, run_id="manual__2")
        assert span(window(airflow, DAILY, run_id="manual__2")) == (SETTLED, SETTLED, "new")
        assert span(window(airflow, DAILY, run_id="manual__3")) == (SETTLED, SETTLED, "new")

    def test_nothing_new_and_no_overlap(self, airflow: Airflow, start_simulator: Start) -> None:
        """Without an overlap there is nothing to ask, and the run ends well with no request."""
        simulator = start_simulator()
        airflow.collect(DAILY)
        asked = len(simulator.book.requests)

        airflow.collect({**DAILY, "overlap_s": 0}, run_id="manual__2")

        assert len(simulator.book.requests) == asked
        assert airflow.xcom("search", "pages", "manual__2") == 0

    def test_partial_run(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """A partial run covers nothing: below its newest posts there is a hole, so the next run looks there too."""
        simulator = start_simulator()
        airflow.collect({**ACCOUNTING, "page_max": 1})
        clock.shift(600)

        airflow.collect(ACCOUNTING, run_id="manual__2")

        assert window(airflow, ACCOUNTING, run_id="manual__2").since < at("11-25")
        assert set(simulator.book.sold) == set(simulator.truth("accounting"))

    def test_another_query_of_the_keyword(self, airflow: Airflow, start_simulator: Start) -> None:
        """The same keyword with another query, language or endpoint has its own coverage."""
        start_simulator()
        airflow.collect(DAILY)
        for number, more in enumerate(
            ({"language": "de"}, {"query": "daily -is:reply"}, {"endpoint": "all"})
        ):
            assert window(airflow, {**DAILY, **more}, run_id=f"other__{number}").since < SETTLED - timedelta(
                days=6
            )
        assert window(airflow, {**DAILY, "max_results": 50}, run_id="same").since == SETTLED

    def test_late_index(
        self, airflow: Airflow, start_simulator: Start, clock: Clock, data_folder: Path
    ) -> None:
        """A post that X indexed late is found by the next run's overlap."""
        rule = Rule(endpoint="search_recent", nth=1, fault="late_index", params={"hide": 1})
        simulator = start_simulator(rules=[rule])
        newest = simulator.truth("daily", until=SETTLED)[0]
        airflow.collect({**DAILY, "max_results": 100})
        assert newest not in simulator.book.sold
        clock.shift(600)

        airflow.collect({**DAILY, "overlap_s": 3600}, run_id="manual__2")

        assert newest in simulator.book.sold


class TestContinue:
    """continue_from_run: another run's window, from where it stopped."""

    def test_buys_only_new_pages(
        self, airflow: Airflow, start_simulator: Start, clock: Clock, data_folder: Path
    ) -> None:
        """The second run goes on with the other's token and span, and completes the window."""
        simulator = start_simulator()
        airflow.collect({**ACCOUNTING, "page_max": 1})
        token = airflow.xcom("search", "next_token")
        clock.shift(3600)

        airflow.collect(
            {**ACCOUNTING, "max_results": 100, "continue_from_run": "manual__1"}, run_id="manual__2"
        )

        assert [entry.params.get("next_token") for entry in searches(simulator)][:2] == [None, token]
        assert {entry.params["max_results"] for entry in searches(simulator)} == {"20"}
        assert simulator.book.sold == simulator.truth("accounting")
        posts = json.loads((data_folder / "tweets_accounting.json").read_bytes())
        assert len(posts) == 60
        assert span(window(airflow, ACCOUNTING, run_id="manual__3")) == (
            SETTLED,
            SETTLED + timedelta(hours=1),
            "new",
        )

    def test_chain(self, airflow: Airflow, start_simulator: Start) -> None:
        """A continued run that stops early can be continued itself."""
        simulator = start_simulator()
        airflow.collect({**ACCOUNTING, "page_max": 1})
        for number in (1, 2):
            search = {**ACCOUNTING, "page_max": 1, "continue_from_run": f"manual__{number}"}
            airflow.collect(search, run_id=f"manual__{number + 1}")
        assert simulator.book.sold == simulator.truth("accounting")
        assert airflow.xcom("search", "next_token", "manual__3") is None

    def test_token_that_x_no_longer_takes(self, airflow: Airflow, start_simulator: Start) -> None:
        """When the other's token is rejected the run goes on below the other's oldest post."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="rejected_token")])
        airflow.collect({**ACCOUNTING, "page_max": 1})
        airflow.collect({**ACCOUNTING, "continue_from_run": "manual__1"}, run_id="manual__2")
        assert simulator.book.sold == simulator.truth("accounting")

    def test_run_that_failed(self, airflow: Airflow, start_simulator: Start) -> None:
        """A run that failed before it could push its token is continued from its committed pages."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="credits")])
        with pytest.raises(AirflowFailException):
            airflow.search(ACCOUNTING)
        airflow.validate()
        airflow.merge()
        airflow.xcoms["manual__1", "search"].clear()

        airflow.collect({**ACCOUNTING, "continue_from_run": "manual__1"}, run_id="manual__2")

        assert simulator.book.sold == simulator.truth("accounting")

    def test_run_that_was_not_merged(self, airflow: Airflow, start_simulator: Start) -> None:
        """While its pages are not in the dataset it is not continued: the window would look complete without them."""
        simulator = start_simulator()
        airflow.search({**ACCOUNTING, "page_max": 1})
        going_on = {**ACCOUNTING, "page_max": 1, "continue_from_run": "manual__1"}
        with pytest.raises(AirflowFailException, match="1 pages that are not in the dataset"):
            airflow.search(going_on, run_id="manual__2")
        assert len(searches(simulator)) == 1

        airflow.validate()
        airflow.merge()
        airflow.search(going_on, run_id="manual__2")
        with pytest.raises(AirflowFailException, match="Clear manual__2 from its task validate on"):
            airflow.search({**ACCOUNTING, "continue_from_run": "manual__2"}, run_id="manual__3")

    def test_run_at_work(self, airflow: Airflow, start_simulator: Start) -> None:
        """A run that still waits or works is not continued: both would buy the rest."""
        simulator = start_simulator()
        airflow.collect({**ACCOUNTING, "page_max": 1})
        airflow.active.add("manual__1")
        with pytest.raises(AirflowFailException, match="manual__1 is still at work"):
            airflow.search({**ACCOUNTING, "continue_from_run": "manual__1"}, run_id="manual__2")
        assert len(searches(simulator)) == 1

    def test_by_one_run_only(self, airflow: Airflow, start_simulator: Start) -> None:
        """What one run goes on with is bought by no other, nor by the run itself when it is cleared, but by refetch."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="credits")])
        with pytest.raises(AirflowFailException):
            airflow.search(ACCOUNTING)
        airflow.validate()
        airflow.merge()
        going_on = {**ACCOUNTING, "continue_from_run": "manual__1"}
        airflow.collect(going_on, run_id="manual__2")
        asked = len(searches(simulator))

        with pytest.raises(AirflowFailException, match="Run manual__2 goes on where this run stopped"):
            airflow.search(ACCOUNTING, clear_number=1)
        with pytest.raises(AirflowFailException, match="Run manual__2 goes on with run manual__1 already"):
            airflow.search(going_on, run_id="manual__3")
        airflow.search(going_on, run_id="manual__2", clear_number=1)
        assert len(searches(simulator)) == asked
        assert simulator.book.sold == simulator.truth("accounting")

        airflow.search({**ACCOUNTING, "refetch": "True"}, clear_number=2)
        assert len(searches(simulator)) == asked + 3

    def test_run_that_bought_nothing(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """A run that failed before its first page is continued from the beginning, over its own window."""
        simulator = start_simulator(rules=[Rule(endpoint="search_recent", nth=1, fault="credits")])
        with pytest.raises(AirflowFailException):
            airflow.search(ACCOUNTING)
        clock.shift(3600)

        airflow.collect({**ACCOUNTING, "continue_from_run": "manual__1"}, run_id="manual__2")

        assert simulator.book.sold == simulator.truth("accounting")
        assert len({entry.params["end_time"] for entry in searches(simulator)}) == 1

    @pytest.mark.parametrize(
        ("search", "reason"),
        [
            ({**ACCOUNTING, "continue_from_run": "nobody"}, "There is no staged run 'nobody'"),
            ({**ACCOUNTING, "continue_from_run": "../manual__1"}, "There is no staged run"),
            ({**ACCOUNTING, "continue_from_run": "complete"}, "Run complete reached the last page"),
            ({**DAILY, "continue_from_run": "partial"}, "Continue it with the same keyword and endpoint"),
            ({**ACCOUNTING, "endpoint": "all", "continue_from_run": "partial"}, "same keyword and endpoint"),
        ],
    )
    def test_refused(
        self, airflow: Airflow, start_simulator: Start, search: dict[str, Any], reason: str
    ) -> None:
        """A run that is unknown, complete, or of another query cannot be continued, and X is asked nothing."""
        simulator = start_simulator()
        airflow.collect({**ACCOUNTING, "page_max": 1}, run_id="partial")
        airflow.collect(ACCOUNTING, run_id="complete")
        asked = len(simulator.book.requests)

        with pytest.raises(AirflowFailException, match=reason):
            airflow.wait(search, run_id="manual__2")
        assert len(simulator.book.requests) == asked


class TestRefetch:
    """Buying pages again happens when it is asked for, and only then."""

    def test_first_attempts(self, airflow: Airflow, start_simulator: Start) -> None:
        """A run that begins with refetch buys its pages once: sensor, search and retries are one clear number."""
        simulator = start_simulator()
        airflow.collect(REFETCH)
        airflow.search(REFETCH)
        assert len(searches(simulator)) == 3

    def test_cleared(self, airflow: Airflow, start_simulator: Start) -> None:
        """A run that is cleared buys again only with refetch, and then once for each time that it is cleared."""
        simulator = start_simulator()
        airflow.collect(ACCOUNTING)
        airflow.collect(ACCOUNTING, clear_number=1)
        assert len(searches(simulator)) == 3

        airflow.collect(REFETCH, clear_number=2)
        airflow.search(REFETCH, clear_number=2)
        assert len(searches(simulator)) == 6

        airflow.collect(REFETCH, clear_number=3)
        assert len(searches(simulator)) == 9

    def test_same_span(self, airflow: Airflow, start_simulator: Start, clock: Clock) -> None:
        """What was new then is fetched again, not what is new now; later runs still begin where they would."""
        start_simulator()
        airflow.collect(REFETCH)
        before = window(airflow, ACCOUNTING)
        clock.shift(3600)
        airflow.collect(ACCOUNTING, run_id="manual__2")

        airflow.collect(REFETCH, clear_number=1)

        again = window(airflow, ACCOUNTING, clear_number=1)
        assert span(again) == span(before)
        assert again.decided_at == NOON + timedelta(hours=1)
        assert window(airflow, ACCOUNTING, run_id="manual__3").since == SETTLED + timedelta(hours=1)

    def test_new_conf_of_a_backfill(self, airflow: Airflow, start_simulator: Start) -> None:
        """A backfill that reprocesses with another conf fetches its interval by the new conf."""
        simulator = start_simulator()
        run: dict[str, Any] = {"run_id": "backfill__1", "run_type": "backfill", "interval": INTERVAL}
        airflow.collect({**DAILY, "max_results": 10}, **run)
        asked = len(searches(simulator))

        airflow.collect({**DAILY, "max_results": 100, "refetch": True}, **run, clear_number=1)

        (entry,) = searches(simulator)[asked:]
        assert entry.params["max_results"] == "100"
        assert span(window(airflow, DAILY, **run, clear_number=1)) == (*INTERVAL, "interval")

    def test_out_of_reach(
        self, airflow: Airflow, start_simulator: Start, clock: Clock, data_folder: Path
    ) -> None:
        """What X no longer has cannot be fetched again: the run fails, and the pages that were bought stay."""
        start_simulator()
        run: dict[str, Any] = {"run_type": "backfill", "interval": INTERVAL}
        airflow.collect(DAILY, **run)
        clock.shift(10 * 86400)

        with pytest.raises(AirflowFailException, match="Nothing was bought"):
            airflow.wait({**DAILY, "refetch": True}, **run, clear_number=1)

        assert len(staged(data_folder).pages()) == 1

    def test_heals_a_hole(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """A run whose pages have a hole is healed by refetch, as its error says."""
        simulator = start_simulator()
        airflow.collect(ACCOUNTING)
        (data_folder / "staging" / "twitter_search" / "manual__1" / "pages" / "00002.page").unlink()
        with pytest.raises(Exception, match=r"Page 2 is missing.*refetch"):
            airflow.search(ACCOUNTING, clear_number=1)

        airflow.collect(REFETCH, clear_number=1)

        assert len(searches(simulator)) == 6
        assert [page.number for page in staged(data_folder).pages()] == [1, 2, 3]

    def test_partial_run(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """A partial run that is fetched again can be whole this time."""
        start_simulator()
        airflow.collect({**REFETCH, "page_max": 1})
        airflow.collect(REFETCH, clear_number=1)
        assert len(staged(data_folder).pages()) == 3
        assert window(airflow, ACCOUNTING, run_id="manual__2").since == SETTLED


class TestCleanedAway:
    """A run whose pages were cleaned away says so instead of silently buying again."""

    @pytest.fixture
    def simulator(self, airflow: Airflow, start_simulator: Start) -> Simulator:
        """A simulator that sold a run's pages."""
        simulator = start_simulator()
        airflow.collect(ACCOUNTING)
        simulator.book.clear()
        return simulator

    @pytest.mark.parametrize("window_too", [False, True])
    def test_cleared(
        self, airflow: Airflow, simulator: Simulator, data_folder: Path, window_too: bool
    ) -> None:
        """Without its pages a cleared run fails in its first task, saying what it bought, and X is asked nothing."""
        staging = staged(data_folder)
        staging.discard_pages()
        if window_too:
            staging.store.delete_tree(staging.folder)

        for attempt in (airflow.wait, airflow.search):
            with pytest.raises(AirflowFailException, match=r"bought 3 pages .* cleaned away.*refetch=true"):
                attempt(ACCOUNTING, clear_number=1)
        assert simulator.book.requests == []

    @pytest.mark.parametrize("window_too", [False, True])
    def test_refetch(
        self, airflow: Airflow, simulator: Simulator, data_folder: Path, window_too: bool
    ) -> None:
        """With refetch they are bought again."""
        staging = staged(data_folder)
        staging.discard_pages()
        if window_too:
            staging.store.delete_tree(staging.folder)

        airflow.collect({**ACCOUNTING, "refetch": True}, clear_number=1)

        assert len(searches(simulator)) == 3
        assert simulator.book.sold == simulator.truth("accounting")

    def test_never_merged(self, airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
        """A run that never came to its merge has nothing in the dataset, and buys its pages."""
        simulator = start_simulator()
        airflow.search(ACCOUNTING)
        staged(data_folder).discard_pages()
        airflow.collect(ACCOUNTING, clear_number=1)
        assert len(searches(simulator)) == 6

    def test_another_run(self, airflow: Airflow, simulator: Simulator, data_folder: Path) -> None:
        """Another run of the keyword is not concerned."""
        staged(data_folder).store.delete_tree("staging")
        airflow.collect(ACCOUNTING, run_id="manual__2")
        assert len(searches(simulator)) == 1

    def test_window_without_pages(self, airflow: Airflow, start_simulator: Start) -> None:
        """A run that had nothing to buy can be cleared: nothing was cleaned away."""
        start_simulator()
        airflow.collect(ACCOUNTING)
        nothing = {**ACCOUNTING, "overlap_s": 0}
        airflow.collect(nothing, run_id="manual__2")
        airflow.collect(nothing, run_id="manual__2", clear_number=1)
        assert airflow.xcom("search", "pages", "manual__2") == 0


class TestDataFolder:
    """Where the files lie."""

    def test_named(self, data_folder: Path) -> None:
        """TWITTER_DATA names the folder."""
        assert data_store().root == data_folder

    def test_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without it they lie in data/ beside the DAGs."""
        monkeypatch.delenv("TWITTER_DATA", raising=False)
        assert data_store().root == Path(__file__).parents[2] / "data"
        monkeypatch.setenv("TWITTER_DATA", "")
        assert data_store().root == Path(__file__).parents[2] / "data"

    def test_of_a_run(self, airflow: Airflow, data_folder: Path) -> None:
        """A run's staging folder is named after its DAG and its id."""
        run = CollectRun(airflow.context(run_id="scheduled__2026-12-01T00:00:00+00:00"))
        assert run.staging.folder == "staging/twitter_search/scheduled__2026-12-01T00:00:00+00:00"
        assert run.store.root == data_folder


def test_damaged_coverage_stops_the_run(airflow: Airflow, data_folder: Path) -> None:
    """While nobody knows what was bought, nothing is bought: the run fails for good and names the file."""
    found = window(airflow, ACCOUNTING, run_id="first")
    folder = data_folder / "coverage" / found.slug
    folder.mkdir(parents=True)
    (folder / f"{found.fingerprint}.json").write_bytes(b'{"windows": [')

    with pytest.raises(AirflowFailException, match=r"is damaged .* Repair it, or rename it"):
        window(airflow, ACCOUNTING, run_id="second")
