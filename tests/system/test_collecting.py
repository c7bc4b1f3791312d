"""Whole DAG runs on what X can do to us: expansions, both vocabularies, bad posts, tokens, windows, damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_twitter.simulator import Rule, Topic, World

pytestmark = pytest.mark.system

Start = Callable[..., Any]
RunDag = Callable[..., Any]


def exported(data: Path, slug: str) -> list[dict[str, Any]]:
    """The posts of a keyword's JSON file."""
    posts: list[dict[str, Any]] = json.loads((data / f"tweets_{slug}.json").read_bytes())
    return posts


def ids(data: Path, slug: str) -> list[str]:
    """The ids of a keyword's JSON file."""
    return [post["id"] for post in exported(data, slug)]


def searches(simulator: Any, endpoint: str = "search_recent") -> list[Any]:
    """The searches that the simulator answered with a page."""
    return [entry for entry in simulator.book.to(endpoint) if entry.status == 200]


@pytest.mark.parametrize("vocabulary", ["tweet", "post"])
def test_every_post_of_a_keyword(
    start_simulator: Start, run_dag: RunDag, data_folder: Path, vocabulary: str
) -> None:
    """All pages come in, in either vocabulary: the file holds exactly the posts that exist, oldest first."""
    simulator = start_simulator()

    run = run_dag("twitter_search", {"keyword": "invoice", "max_results": 25, "vocabulary": vocabulary})

    assert run.state == "success"
    assert ids(data_folder, "invoice") == sorted(simulator.truth("invoice"), key=int)
    assert len(searches(simulator)) == 3
    assert not (data_folder / "includes").exists()


def test_authors_only_when_asked_for(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """With expand, the authors of all posts are kept beside them, each once, by id."""
    simulator = start_simulator()

    run = run_dag("twitter_search", {"keyword": "invoice", "expand": True})

    assert run.state == "success"
    lines = [
        json.loads(line)
        for file in sorted((data_folder / "includes" / "invoice" / "users").glob("*.jsonl"))
        for line in file.read_bytes().splitlines()
    ]
    authors = [user["id"] for user in lines]
    assert len(authors) == len(set(authors))
    assert set(authors) == {post["author_id"] for post in exported(data_folder, "invoice")}
    assert set(authors) == {user for entry in searches(simulator) for user in entry.users} & set(authors)


def test_bad_posts_take_no_good_ones_with_them(
    start_simulator: Start, run_dag: RunDag, data_folder: Path
) -> None:
    """Bad posts go to quarantine with page and reason; the good ones of the page are in the file."""
    simulator = start_simulator(rules=[Rule(endpoint="search_recent", fault="malformed", nth=1)])

    run = run_dag("twitter_search", {"keyword": "invoice", "bad_share_max": 1})

    assert run.state == "success"
    refused = [
        json.loads(line)
        for file in (data_folder / "quarantine" / "invoice").rglob("*.jsonl")
        for line in file.read_bytes().splitlines()
    ]
    bad = run.xcoms["validate"]["return_value"]["bad"]
    assert bad == len([line for line in refused if line["kind"] == "posts"]) > 0
    assert all(line["page"] == 1 and line["reason"] for line in refused)
    kept = ids(data_folder, "invoice")
    assert len(kept) == len(set(kept))
    damaged = {entry["id"] for request in searches(simulator) for entry in request.malformed}
    assert set(simulator.truth("invoice")) - damaged <= set(kept)


def test_too_many_bad_posts_fail_the_run(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """Above the share of bad posts the run fails for good, with its pages still staged and nothing merged."""
    start_simulator(rules=[Rule(endpoint="search_recent", fault="malformed", nth=1)])

    run = run_dag("twitter_search", {"keyword": "invoice", "bad_share_max": 0})

    assert run.state == "failed"
    assert run.tasks["validate"] == "failed"
    assert "more than bad_share_max=0" in run.log
    assert list((data_folder / "staging").rglob("*.page"))
    assert not (data_folder / "tweets_invoice.json").exists()


def test_rejected_token(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """When X no longer takes its token, the search goes on below the oldest post: nothing is lost or bought twice."""
    simulator = start_simulator(rules=[Rule(endpoint="search_recent", fault="rejected_token", nth=2)])

    run = run_dag("twitter_search", {"keyword": "invoice", "max_results": 20})

    assert run.state == "success"
    assert ids(data_folder, "invoice") == sorted(simulator.truth("invoice"), key=int)
    assert simulator.book.sold_twice == []
    assert any("until_id" in entry.params for entry in searches(simulator))


@pytest.mark.parametrize("fault", ["self_token", "repeated_page", "short_page", "empty_page"])
def test_odd_pages(start_simulator: Start, run_dag: RunDag, data_folder: Path, fault: str) -> None:
    """Tokens in a circle, pages that come again, short and empty pages with a token: every post comes in, once."""
    simulator = start_simulator(rules=[Rule(endpoint="search_recent", fault=fault, nth=2)])

    run = run_dag("twitter_search", {"keyword": "invoice", "max_results": 20})

    assert run.state == "success"
    assert ids(data_folder, "invoice") == sorted(simulator.truth("invoice"), key=int)


@pytest.mark.parametrize("fault", ["reset_before", "truncated_json", "html", "server_error", "token_revoked"])
def test_passing_trouble(start_simulator: Start, run_dag: RunDag, data_folder: Path, fault: str) -> None:
    """A reset, a truncated or foreign answer, a 5xx, or a revoked token is got over within the task."""
    simulator = start_simulator(rules=[Rule(endpoint="search_recent", fault=fault, nth=2)])

    run = run_dag("twitter_search", {"keyword": "invoice", "max_results": 20})

    assert run.state == "success"
    assert ids(data_folder, "invoice") == sorted(simulator.truth("invoice"), key=int)
    assert "Rate limit" not in run.log


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("usage_cap", "raise the cap"),
        ("credits", "Buy credits"),
        ("not_enrolled", "Attach the app to a project"),
    ],
)
def test_permanent_refusals(start_simulator: Start, run_dag: RunDag, fault: str, advice: str) -> None:
    """A cap, missing credits and missing enrolment stop the run at once, with advice: one request, no wait."""
    simulator = start_simulator(rules=[Rule(endpoint="search_recent", fault=fault)])

    run = run_dag("twitter_search", {"keyword": "invoice"})

    assert run.state == "failed"
    assert (run.tasks["validate"], run.tasks["merge"]) == ("skipped", "skipped")
    assert run.tasks["window_complete"] == "upstream_failed"
    assert len(simulator.book.to("search_recent")) == 1
    assert "PIPELINE END: X answered 4" in run.log
    assert advice in run.log
    assert "without a slot" not in run.log


@pytest.mark.parametrize("page_max", [2, None])
def test_what_was_bought_is_kept(
    start_simulator: Start, run_dag: RunDag, data_folder: Path, page_max: int | None
) -> None:
    """A run that X stops is red with its pages merged; one that was told to stop is green, its window skipped."""
    simulator = start_simulator(rules=[Rule(endpoint="search_recent", fault="usage_cap", nth=3)])

    run = run_dag("twitter_search", {"keyword": "invoice", "max_results": 20, "page_max": page_max})

    assert run.state == ("success" if page_max else "failed")
    assert (run.tasks["validate"], run.tasks["merge"]) == ("success", "success")
    assert run.tasks["window_complete"] == ("skipped" if page_max else "upstream_failed")
    assert set(ids(data_folder, "invoice")) == set(simulator.book.sold)
    assert len(simulator.book.sold) == 40


def test_full_archive_asks_once_a_second(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """The full archive is asked at most once a second, reaches back beyond 7 days, and gives up to 500 a page."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)
    simulator = start_simulator(world=World(seed=7, topics={"old": Topic(per_day=450)}))

    run = run_dag(
        "twitter_search",
        {
            "keyword": "old",
            "endpoint": "all",
            "max_results": 500,
            "start_time": start.isoformat(),
            "end_time": (start + timedelta(days=2)).isoformat(),
            "overlap_s": 0,
        },
    )

    assert run.state == "success"
    assert ids(data_folder, "old") == sorted(
        simulator.truth("old", since=start, until=start + timedelta(days=2)), key=int
    )
    asked = [datetime.fromisoformat(entry.at) for entry in simulator.book.to("search_all")]
    assert len(asked) == 2
    assert (asked[1] - asked[0]).total_seconds() >= 1
    assert [entry.status for entry in simulator.book.to("search_all")] == [200, 200]


def test_window_out_of_reach(start_simulator: Start, run_dag: RunDag) -> None:
    """A window that recent search no longer reaches fails before anything is asked, naming the other endpoint."""
    simulator = start_simulator()

    run = run_dag("twitter_search", {"keyword": "invoice", "start_time": "2026-01-01T00:00:00Z"})

    assert run.state == "failed"
    assert run.tasks["wait_for_rate_limit"] == "failed"
    assert run.tasks["validate"] == "skipped"
    assert 'Use the endpoint "all"' in run.log
    assert simulator.book.requests == []


def test_an_end_that_has_not_settled_is_waited_for(
    start_simulator: Start, run_dag: RunDag, data_folder: Path
) -> None:
    """A window that ends now is waited for until X has indexed it, and nothing is asked before."""
    simulator = start_simulator()
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)

    run = run_dag("twitter_search", {"keyword": "invoice", "end_time": end.isoformat(), "settle_s": 1})

    assert run.state == "success"
    first = datetime.fromisoformat(searches(simulator)[0].at)
    assert first >= end + timedelta(seconds=11)
    assert searches(simulator)[0].params["end_time"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"


def test_second_run_buys_only_what_is_new(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """The next run of a keyword begins at the end of what is covered: old posts are not bought again."""
    simulator = start_simulator()
    run_dag("twitter_search", {"keyword": "invoice"})
    sold = len(simulator.book.sold)

    run = run_dag("twitter_search", {"keyword": "invoice"})

    assert run.state == "success"
    assert run.tasks["merge"] == "skipped"
    assert len(simulator.book.sold) == sold
    assert ids(data_folder, "invoice") == sorted(simulator.truth("invoice"), key=int)


def test_damaged_files_are_kept_aside(start_simulator: Start, run_dag: RunDag, data_folder: Path) -> None:
    """A damaged export and a damaged day are reported and kept aside, and the readable posts stay."""
    simulator = start_simulator()
    run_dag("twitter_search", {"keyword": "invoice", "page_max": 1, "max_results": 20})
    export = data_folder / "tweets_invoice.json"
    export.write_bytes(export.read_bytes()[:1000])
    day = sorted((data_folder / "posts" / "invoice").glob("*.jsonl"))[-1]
    day.write_bytes(day.read_bytes() + b'{"id":"17, this is no JSON\n')

    run = run_dag("twitter_search", {"keyword": "invoice"})

    assert run.state == "success"
    assert len(list(data_folder.glob("tweets_invoice.json.damaged-*"))) == 1
    assert len(list(day.parent.glob(f"{day.name}.damaged-*"))) == 1
    assert "[error" in run.log
    assert ids(data_folder, "invoice") == sorted(simulator.truth("invoice"), key=int)


def test_hostile_keyword_stays_in_the_data_folder(
    start_simulator: Start, run_dag: RunDag, data_folder: Path
) -> None:
    """A keyword that looks like a path makes a safe file, and nothing outside the data folder."""
    start_simulator(world=World(seed=7, topics={"passwd": Topic(total=5)}))
    before = {path.name for path in data_folder.parent.iterdir()}

    run = run_dag("twitter_search", {"keyword": "../../etc/passwd"})

    assert run.state == "success"
    assert {path.name for path in data_folder.parent.iterdir()} - before == {"data"}
    assert all(".." not in path.name for path in data_folder.rglob("*"))
