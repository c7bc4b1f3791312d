"""The five runs that must come out right, each as a whole DAG run against the simulator."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system


def searches(simulator: Any) -> list[Any]:
    """The searches that the simulator answered with a page, in order."""
    return [e for e in simulator.book.requests if e.endpoint == "search_recent" and e.status == 200]


def in_order(log: str, *patterns: str) -> None:
    """Assert that each pattern is found behind the one before it."""
    position = 0
    for pattern in patterns:
        found = re.search(pattern, log[position:])
        assert found, f"{pattern!r} is not in the log, or not behind the line before it"
        position += found.end()


def ids(path: Path) -> list[str]:
    """The ids of the posts in an export."""
    return [post["id"] for post in json.loads(path.read_bytes())]


def test_fewer_posts_than_a_page(
    start_simulator: Callable[..., Any], run_dag: Callable[..., Any], data_folder: Path
) -> None:
    """1: two posts in all make one page and a file with two posts; the log tells it in order."""
    simulator = start_simulator()

    run = run_dag("twitter_search", {"keyword": "sevdesk", "page_max": 3, "max_results": 10})

    assert run.state == "success"
    assert sorted(ids(data_folder / "tweets_sevdesk.json")) == sorted(simulator.truth("sevdesk"))
    assert len(searches(simulator)) == 1
    in_order(
        run.log,
        r'PIPELINE START: keyword="sevdesk", page_max=3, max_results=10\b',
        "Requesting a bearer token",
        "Bearer token generated",
        'Page 1 fetched for keyword "sevdesk": request successful, 2 posts processed, saved to .*00001.page',
        'No more pages for keyword "sevdesk"',
        r"Saved 2 posts to .*tweets_sevdesk\.json",
        r"PIPELINE END: total_tweets=2\b",
    )
    assert run.xcoms["search"]["pages"] == 1
    assert run.xcoms["search"]["posts"] == 2
    assert run.xcoms["search"]["next_token"] is None


def test_deadline_before_the_window_ends(
    start_simulator: Callable[..., Any], run_dag: Callable[..., Any], data_folder: Path
) -> None:
    """2: the deadline leaves a partial run with its first page; a second run goes on and buys new pages only."""
    simulator = start_simulator(limits={"search_recent": 1}, window_s=12)

    first = run_dag(
        "twitter_search", {"keyword": "accounting", "page_max": 3, "max_results": 20, "deadline": 5}
    )

    assert first.state == "success"
    assert len(ids(data_folder / "tweets_accounting.json")) == 20
    assert re.search(r"\[warning .*Rate limit reached: the next request is allowed at \d{4}-", first.log)
    assert re.search(
        r"\[warning .*partial: 1 of 3 pages, 20 posts\. To go on, trigger twitter_search with", first.log
    )
    assert "PIPELINE END: total_tweets=20" in first.log
    token = first.xcoms["search"]["next_token"]
    assert token is not None

    second = run_dag(
        "twitter_search",
        {
            "keyword": "accounting",
            "page_max": 1,
            "max_results": 20,
            "continue_from_run": first.run_id,
        },
    )

    assert second.state == "success"
    assert [entry.params.get("next_token") for entry in searches(simulator)] == [None, token]
    sold = [post for entry in searches(simulator) for post in entry.ids]
    assert len(sold) == len(set(sold)) == 40
    assert sorted(ids(data_folder / "tweets_accounting.json")) == sorted(sold)


def test_wait_for_the_next_window(
    start_simulator: Callable[..., Any], run_dag: Callable[..., Any], data_folder: Path
) -> None:
    """3: with one request a window the run says how long it waits, resumes by itself, and gets both pages."""
    simulator = start_simulator(limits={"search_recent": 1}, window_s=13)

    run = run_dag("twitter_search", {"keyword": "invoice", "page_max": 2, "max_results": 10})

    assert run.state == "success"
    in_order(
        run.log,
        'Page 1 fetched for keyword "invoice": request successful, 10 posts',
        r"Waiting 1\d s for X, without a slot: going on at \S+Z with page 2",
        "Resuming behind page 1",
        'Page 2 fetched for keyword "invoice": request successful, 10 posts',
        r"2 of 2 pages, 20 posts",
        r"PIPELINE END: total_tweets=20\b",
    )
    assert len(ids(data_folder / "tweets_invoice.json")) == 20
    assert [entry.status for entry in simulator.book.requests if entry.endpoint == "search_recent"] == [
        200,
        200,
    ]


def test_nothing_found(
    start_simulator: Callable[..., Any], run_dag: Callable[..., Any], data_folder: Path
) -> None:
    """4: no posts make no file, a green run, a skipped merge, and recorded coverage all the same."""
    start_simulator()

    run = run_dag("twitter_search", {"keyword": "ksedves"})

    assert run.state == "success"
    assert run.tasks["merge"] == "skipped"
    assert run.tasks["window_complete"] == "success"
    assert not (data_folder / "tweets_ksedves.json").exists()
    assert "PIPELINE END: total_tweets=0" in run.log
    (coverage,) = (data_folder / "coverage" / "ksedves").glob("*.json")
    assert [window["state"] for window in json.loads(coverage.read_bytes())["windows"]] == ["complete"]


def test_wrong_credentials(
    start_simulator: Callable[..., Any], run_dag: Callable[..., Any], connect: Callable[..., None]
) -> None:
    """5: wrong credentials fail at once and for good, say what X said, and show no secret."""
    simulator = start_simulator()
    connect(simulator.url, "app-key", "a-wrong-secret-4711")

    run = run_dag("twitter_search", {"keyword": "sevdesk"})

    assert run.state == "failed"
    assert run.tasks["search"] == "failed"
    assert run.tasks["merge"] == "skipped"
    assert run.tasks["window_complete"] == "upstream_failed"
    assert [entry.endpoint for entry in simulator.book.requests] == ["token"]
    error = r"\[error .*403.*Unable to verify your credentials.*code 99"
    assert re.search(error, run.log)
    assert "PIPELINE END: Failed to generate Bearer Token" in run.log
    assert "a-wrong-secret-4711" not in run.log
