"""Which windows are not complete, and what fills them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from tests.airflow_in_memory import NOON, Airflow, at

from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.collecting.keywords import DEFAULTS, Keyword
from airflow_twitter.collecting.request import search_request
from airflow_twitter.posts import coverage
from airflow_twitter.posts.coverage import CoveredWindow
from airflow_twitter.posts.deciding import RunTimes, decide
from airflow_twitter.posts.staging import WINDOW, Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Simulator
from airflow_twitter.upkeep import gaps
from airflow_twitter.upkeep.holes import Hole, KeywordHoles, find_holes, subtract

Start = Callable[..., Simulator]
DAG = "twitter_search__tea"


def keyword(**settings: Any) -> Keyword:
    """An entry of keywords.yaml."""
    return Keyword("tea", {**DEFAULTS, "keyword": "tea", **settings})


def cover(
    data_folder: Path,
    since: str,
    until: str,
    *,
    state: Any = "complete",
    endpoint: str = "recent",
    run_id: str | None = None,
    **more: Any,
) -> None:
    """Record a window of the keyword."""
    window = CoveredWindow(
        since=at(since),
        until=at(until),
        state=state,
        dag_id=DAG,
        run_id=run_id or f"of {since}",
        recorded_at=NOON,
        **more,
    )
    coverage.record(Store(data_folder), "tea", "tea", endpoint, window)


@pytest.fixture
def find(data_folder: Path) -> Callable[..., KeywordHoles]:
    """Look at the keyword at noon of 1 December."""

    def look(since: datetime | None = None, **settings: Any) -> KeywordHoles:
        return find_holes(Store(data_folder), keyword(**settings), NOON, since=since)

    return look


def spans(found: KeywordHoles) -> list[tuple[str, str, str]]:
    """The holes, short."""
    return [(hole.kind, f"{hole.since:%m-%d %H}", f"{hole.until:%m-%d %H}") for hole in found.holes]


def commands(found: KeywordHoles) -> list[list[str]]:
    """The words of all commands."""
    return [shlex.split(command) for hole in found.holes for command in hole.commands]


def test_nothing_yet(find: Any) -> None:
    """A keyword that was never collected has no gap, unless it catches up, or one says since when."""
    assert find().since is None
    assert spans(find(at("11-29"))) == [("missing", "11-29 00", "12-01 00")]
    assert spans(find(catchup=True, start_date="2026-11-29")) == [("missing", "11-29 00", "12-01 00")]


def test_days_without_a_run(data_folder: Path, find: Any) -> None:
    """Days between complete ones, and those up to the last interval that has ended, are one backfill each."""
    for since, until in (("11-25", "11-26"), ("11-28", "11-29")):
        cover(data_folder, since, until)

    found = find()

    assert spans(found) == [("missing", "11-26 00", "11-28 00"), ("missing", "11-29 00", "12-01 00")]
    assert commands(found) == [
        f"airflow backfill create --dag-id {DAG} --from-date {first} --to-date {last} "
        "--reprocess-behavior completed".split()
        for first, last in (("2026-11-26", "2026-11-27"), ("2026-11-29", "2026-11-30"))
    ]
    assert found.holes[0].conf == {"start_time": "2026-11-26T00:00:00Z", "end_time": "2026-11-28T00:00:00Z"}


def test_complete(data_folder: Path, find: Any) -> None:
    """A keyword whose windows meet up to the last interval has no gap; one that has just ended is not due."""
    cover(data_folder, "11-25", "12-01")
    assert find().holes == []
    assert find(schedule="50 11 * * *").holes[0].until == at("12-01 11:50:00")
    assert find(schedule="0 12 * * *").until == at("11-30 12:00:00")


def test_hours(data_folder: Path, find: Any) -> None:
    """The intervals of an hourly schedule are named by their hour."""
    cover(data_folder, "11-30", "12-01 09:00:00")

    ((*_, first, _, last, _, _),) = commands(find(schedule="@hourly"))
    assert (first, last) == ("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z")


def test_out_of_reach(data_folder: Path, find: Any) -> None:
    """What recent search no longer reaches is told apart, and takes the full archive."""
    cover(data_folder, "11-20", "11-21")
    found = find()

    assert spans(found) == [("unreachable", "11-21 00", "11-25 00"), ("missing", "11-25 00", "12-01 00")]
    archive, recent = commands(found)
    assert archive[5:] == [
        *("--from-date", "2026-11-21", "--to-date", "2026-11-24", "--reprocess-behavior", "completed"),
        *("--dag-run-conf", '{"endpoint": "all"}'),
    ]
    assert recent[5:] == ["--from-date", "2026-11-25", "--to-date", "2026-11-30", *archive[9:11]]
    assert found.holes[0].conf["endpoint"] == "all"
    assert spans(find(endpoint="all")) == [("missing", "11-21 00", "12-01 00")]
    assert spans(find(schedule=None, since=at("11-20"))) == []


def test_other_endpoint_counts(data_folder: Path, find: Any) -> None:
    """What the full archive gave of the same query is not missing from recent search."""
    cover(data_folder, "11-25", "11-26")
    cover(data_folder, "11-26", "12-01", endpoint="all")
    assert find().holes == []


def test_without_a_schedule(data_folder: Path, find: Any) -> None:
    """Without a schedule, gaps are those between windows, and a trigger with times fills each."""
    cover(data_folder, "11-25", "11-26")
    cover(data_folder, "11-27", "11-28")

    found = find(schedule=None)

    assert spans(found) == [("missing", "11-26 00", "11-27 00")]
    ((*words, conf),) = commands(found)
    assert words == ["airflow", "dags", "trigger", DAG, "--conf"]
    assert json.loads(conf) == {"start_time": "2026-11-26T00:00:00Z", "end_time": "2026-11-27T00:00:00Z"}


@pytest.mark.usefixtures("clock")
def test_partial_runs_are_gone_on_with(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """A partial window says why and from which token, and is continued by its run; of a chain by the last."""
    start_simulator()
    search = {"keyword": "accounting", "max_results": 20, "page_max": 1}
    airflow.collect({**search, "start_time": "2026-11-25", "end_time": "2026-12-01"})
    airflow.collect({**search, "continue_from_run": "manual__1"}, run_id="manual__2")

    found = find_holes(
        Store(data_folder), Keyword("accounting", {**DEFAULTS, "keyword": "accounting"}), datetime.now(UTC)
    )

    (hole,) = found.holes
    assert (hole.kind, hole.run_id, hole.reason) == ("partial", "manual__2", "page_max")
    assert hole.token == airflow.xcom("search", "next_token", "manual__2")
    assert hole.dag_id == "twitter_search"
    assert hole.conf == {"keyword": "accounting", "continue_from_run": "manual__2"}
    airflow.collect({**search, **hole.conf, "page_max": None}, run_id="manual__3")
    assert (
        find_holes(
            Store(data_folder),
            Keyword("accounting", {**DEFAULTS, "keyword": "accounting"}),
            datetime.now(UTC),
        ).holes
        == []
    )


@pytest.mark.usefixtures("clock")
def test_partial_windows_of_another_endpoint(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """A partial window of the full archive is gone on with there, in whichever DAG, by the conf that is told."""
    start_simulator()
    search = {"keyword": "accounting", "max_results": 40, "page_max": 1, "endpoint": "all"}
    airflow.collect({**search, "start_time": "2026-11-21", "end_time": "2026-12-01"})

    def look(**settings: Any) -> KeywordHoles:
        settings = {**DEFAULTS, "keyword": "accounting", **settings}
        return find_holes(Store(data_folder), Keyword("accounting", settings), datetime.now(UTC))

    (hole,) = look().holes
    assert hole.conf == {"keyword": "accounting", "endpoint": "all", "continue_from_run": "manual__1"}
    # The full archive takes one request a second.
    clock.shift(timedelta(seconds=2))
    search = DEFAULTS | {"keyword": "accounting"}
    names = ("keyword", "endpoint", "continue_from_run")
    airflow.collect({name: (search | hole.conf).get(name) for name in names}, run_id="manual__2")
    assert look().holes == []


def test_partial_windows_of_ones_own_dag(data_folder: Path) -> None:
    """The conf names the endpoint where it is not the DAG's own; what recent search has lost takes the archive."""
    store = Store(data_folder)
    request = search_request({"keyword": "tea"}, NOON)
    for number, (endpoint, day) in enumerate([("all", 27), ("recent", 28), ("recent", 20)]):
        since, until = at(f"11-{day}"), at(f"11-{day + 1}")
        cover(
            data_folder, f"11-{day}", f"11-{day + 1}", state="partial", endpoint=endpoint, run_id=str(number)
        )
        times = RunTimes(interval=(since, until))
        window = msgspec.structs.replace(
            decide(request, times, covered_until=None, now=since + timedelta(days=2)),
            endpoint=endpoint,
            reach_s=ENDPOINTS[endpoint].reach_s,
        )
        Staging(store, DAG, str(number)).write(WINDOW, window)

    found = find_holes(store, keyword(), NOON, since=at("11-27"))
    confs = [hole.conf for hole in found.holes if hole.kind == "partial"]
    assert confs == [{"endpoint": "all", "continue_from_run": "0"}, {"continue_from_run": "1"}]
    (lost, *_) = find_holes(store, keyword(), NOON, since=at("11-20")).holes
    assert (lost.kind, lost.since, lost.conf["endpoint"]) == ("unreachable", at("11-20"), "all")


def test_one_search_far_back(data_folder: Path, find: Any) -> None:
    """That another DAG once searched years ago does not make everything since then missing."""
    cover(data_folder, "11-30", "12-01")
    window = CoveredWindow(
        since=at("11-30").replace(year=2019),
        until=at("12-01").replace(year=2019),
        state="complete",
        dag_id="twitter_search",
        run_id="far back",
        recorded_at=NOON,
    )
    coverage.record(Store(data_folder), "tea", "tea", "all", window)
    assert find().holes == []


def test_partial_without_pages(data_folder: Path, find: Any) -> None:
    """A partial window whose pages are gone is missing: its run buys again, which it must be told to."""
    cover(data_folder, "11-25", "12-01")
    cover(data_folder, "11-25", "11-26", state="partial", run_id="gone", next_token="t")
    assert find().holes == []

    cover(data_folder, "11-24 13:00:00", "11-25", state="partial", run_id="lost", next_token="t")
    found = find()
    assert [hole.kind for hole in found.holes] == ["unreachable"]
    (command,) = commands(found)
    assert command[command.index("--reprocess-behavior") + 1] == "completed"
    assert json.loads(command[-1]) == {"endpoint": "all", "refetch": True}


Times = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted).map(tuple), max_size=8)


@given(Times, Times)
def test_subtract_leaves_what_is_in_no_other(spans: list[Any], taken: list[Any]) -> None:
    """Every hour is left exactly when one of the spans holds it and none of the others does."""

    def span(hours: tuple[int, int]) -> tuple[datetime, datetime]:
        return NOON + timedelta(hours=hours[0]), NOON + timedelta(hours=hours[1])

    def holds(spans: list[Any], hour: int) -> bool:
        return any(since <= hour < until for since, until in spans)

    left = subtract(list(map(span, spans)), list(map(span, taken)))
    hours = [
        ((since - NOON) / timedelta(hours=1), (until - NOON) / timedelta(hours=1)) for since, until in left
    ]
    assert [holds(hours, hour) for hour in range(41)] == [
        holds(spans, hour) and not holds(taken, hour) for hour in range(41)
    ]


class TestCommand:
    """The command line."""

    @pytest.fixture
    def run(self, tmp_path: Path, data_folder: Path) -> Callable[..., int]:
        """Run it on two keywords."""
        path = tmp_path / "keywords.yaml"
        path.write_text("keywords:\n- keyword: tea\n- keyword: coffee\n  page_max: many\n- keyword: water\n")
        return lambda *arguments: gaps.main(["--keywords", str(path), *arguments])

    def test_told(self, run: Any, data_folder: Path, capsys: Any) -> None:
        """Every keyword is told with its gaps and commands; a bad entry is told too, and is an error."""
        today = datetime.now(UTC)
        first = today - timedelta(days=4)
        cover(data_folder, f"{first:%m-%d}", f"{first + timedelta(days=1):%m-%d}")

        assert run() == 2

        out, err = capsys.readouterr()
        assert f"tea ({DAG}, @daily, endpoint recent): 1 of {first:%Y-%m-%d}T00:00:00Z to" in out
        assert (
            f"airflow backfill create --dag-id {DAG} --from-date {first + timedelta(days=1):%Y-%m-%d}" in out
        )
        assert "water (twitter_search__water, @daily, endpoint recent): nothing was collected yet" in out
        assert "keywords.yaml, line 4, keywords[1].page_max" in err

    def test_json(self, run: Any, data_folder: Path, capsys: Any) -> None:
        """The machine form holds the same, a keyword a line."""
        run("--json", "--since", "2026-01-01")
        tea, water = map(json.loads, capsys.readouterr().out.splitlines())
        assert tea["dag_id"] == DAG
        assert tea["holes"][0]["kind"] == "unreachable"
        assert set(tea["holes"][0]) == set(Hole.__dataclass_fields__)
        assert water["keyword"] == "water"

    def test_check(self, tmp_path: Path, data_folder: Path) -> None:
        """With --check a gap is an exit status of 1, and so is a schedule of which nothing ever came."""
        path = tmp_path / "keywords.yaml"
        path.write_text("keywords:\n- keyword: tea\n")
        assert gaps.main(["--keywords", str(path), "--check"]) == 1
        assert gaps.main(["--keywords", str(path), "--check", "--since", "2026-11-01"]) == 1
        path.write_text("keywords:\n- keyword: tea\n  schedule: null\n")
        assert gaps.main(["--keywords", str(path), "--check"]) == 0

    def test_damaged_coverage(self, run: Any, data_folder: Path, capsys: Any) -> None:
        """Damaged coverage is told by its file, and hides no other keyword."""
        Store(data_folder).put(f"coverage/tea/{coverage.fingerprint('tea', 'recent')}.json", b"{")
        assert run() == 2
        out, err = capsys.readouterr()
        assert "is damaged" in err
        assert "water" in out
