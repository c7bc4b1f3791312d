"""The same work again, or at the same time: the same result, or a clear refusal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.fire.kill_scenes import KEYWORD, SEARCH, Step, steps
from tests.fire.kills import Theatre
from tests.fire.whole import temporary_files, whole_tree, wrong_dataset

pytestmark = pytest.mark.system
ROUNDS = 4
START = f"{datetime.now(UTC) - timedelta(days=6, hours=20):%Y-%m-%dT%H:%M:%SZ}"
BOTH = {"keyword": "both", "query": f"{KEYWORD} OR invoice", "max_results": 10}
TASKS = ("wait", "search", "validate", "merge")


def asked(theatre: Theatre) -> int:
    """The number of searches that the simulator was asked."""
    return len(theatre.simulator.book.to("search_recent"))


def covered(theatre: Theatre, slug: str) -> list[tuple[str, str, str]]:
    """The runs in the coverage of a keyword: DAG, run and state."""
    (path,) = (theatre.data / "coverage" / slug).glob("*.json")
    return sorted((w["dag_id"], w["run_id"], w["state"]) for w in json.loads(path.read_bytes())["windows"])


def check_dataset(theatre: Theatre, slug: str, query: str) -> None:
    """The dataset is exactly the posts that exist, and every file is whole."""
    assert wrong_dataset(theatre.data, slug, set(theatre.simulator.truth(query))) == []
    whole_tree(theatre.data)
    assert temporary_files(theatre.data) == []


@pytest.mark.parametrize("first", TASKS)
def test_cleared_from_any_task_on(first: str, theatre: Theatre) -> None:
    """A run that is cleared from a task on asks X nothing and leaves every byte as it was, moments left out."""
    theatre.clear()
    done = theatre.play(steps())
    before, requests = whole_tree(theatre.data), asked(theatre)
    theatre.play(steps(first, clear_number=1), done["xcoms"])
    assert asked(theatre) == requests == 6
    assert whole_tree(theatre.data) == before
    check_dataset(theatre, KEYWORD, KEYWORD)


def test_two_attempts_of_one_search(theatre: Theatre) -> None:
    """An attempt that Airflow has lost sight of and the next one buy every page once between them."""
    for _ in range(ROUNDS):
        theatre.clear()
        theatre.play(steps("wait", "wait"))
        orders = [theatre.order(steps("search", "search")) for _ in range(3)]
        outcomes = theatre.together(orders)
        assert [(outcome["error"], outcome["signal"]) for outcome in outcomes] == [(None, None)] * 3
        assert asked(theatre) == 6
        assert theatre.simulator.book.sold_twice == []
        theatre.play(steps("validate"), outcomes[0]["xcoms"])
        check_dataset(theatre, KEYWORD, KEYWORD)


@pytest.mark.parametrize("task", ["validate", "merge"])
def test_two_attempts_of_one_task(task: str, theatre: Theatre) -> None:
    """Three attempts at once of a task that buys nothing leave what one leaves."""
    theatre.clear()
    before = TASKS[TASKS.index(task) - 1]
    xcoms = theatre.play(steps("wait", before))["xcoms"]
    outcomes = theatre.together([theatre.order(steps(task, task), xcoms) for _ in range(3)])
    assert [(outcome["error"], outcome["signal"]) for outcome in outcomes] == [(None, None)] * 3
    if task == "validate":
        theatre.play(steps("merge"), outcomes[-1]["xcoms"])
    check_dataset(theatre, KEYWORD, KEYWORD)
    assert covered(theatre, KEYWORD) == [("twitter_search", "manual__1", "complete")]


def test_parallel_runs_of_one_keyword(theatre: Theatre) -> None:
    """Runs of a keyword's own DAG and of `twitter_search` at once, over the same time, leave one exact dataset."""
    search = {**SEARCH, "start_time": START}
    dag_ids = ["twitter_search", f"twitter_search__{KEYWORD}"]
    theatre.clear()
    for turn in range(ROUNDS):
        runs = [(dag_id, f"manual__{turn}_{number}") for dag_id in dag_ids for number in range(2)]
        orders = [
            theatre.order(steps(search=search, run_id=run_id), dag_id=dag_id) for dag_id, run_id in runs
        ]
        outcomes = theatre.together(orders)
        assert [(outcome["error"], outcome["signal"]) for outcome in outcomes] == [(None, None)] * 4
        check_dataset(theatre, KEYWORD, KEYWORD)
    assert len(covered(theatre, KEYWORD)) == 4 * ROUNDS
    assert {state for _, _, state in covered(theatre, KEYWORD)} == {"complete"}


def test_two_keywords_with_overlapping_posts(theatre: Theatre) -> None:
    """Keywords that share posts have datasets of their own, each exact, also when they run at once."""
    theatre.clear()
    searches: list[dict[str, Any]] = [SEARCH, BOTH]
    ways: list[tuple[Step, ...]] = [
        steps(search=search, run_id=f"manual__{n}") for n, search in enumerate(searches)
    ]
    outcomes = theatre.together([theatre.order(way) for way in ways])
    assert [(outcome["error"], outcome["signal"]) for outcome in outcomes] == [(None, None)] * 2
    check_dataset(theatre, KEYWORD, KEYWORD)
    check_dataset(theatre, "both", BOTH["query"])
    shared = set(theatre.simulator.truth(KEYWORD))
    assert shared < set(theatre.simulator.truth(BOTH["query"]))
    assert set(theatre.simulator.book.sold_twice) == shared


def test_cleared_after_staging_was_cleaned_away(theatre: Theatre) -> None:
    """A run whose pages are gone buys nothing and says how to buy them again; then it does, with the same result."""
    theatre.clear()
    done = theatre.play(steps())
    before = whole_tree(theatre.data)
    for path in (theatre.data / "staging").glob("*/*"):
        path.rename(theatre.data / ".cleaned")
    requests = asked(theatre)
    (refused,) = theatre.together([theatre.order(steps("wait", clear_number=1), done["xcoms"])])
    assert "they were cleaned away" in refused["error"]
    assert "run with refetch=true" in refused["error"]
    assert asked(theatre) == requests
    theatre.play(steps(search={**SEARCH, "refetch": True}, clear_number=1), done["xcoms"])
    again = whole_tree(theatre.data)
    kept = {name for name in before if name.startswith(("posts/", "tweets_"))}
    assert {name: again[name] for name in kept} == {name: before[name] for name in kept}
