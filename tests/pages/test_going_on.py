"""How to go on with a partial window."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

DAG, ANY = "twitter_search__tea", "twitter_search"


@pytest.fixture
def partial(world: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the partial windows as a user who may read everything sees them."""
    from airflow_twitter.pages.datasets import read_coverage
    from airflow_twitter.pages.going_on import partial_windows
    from airflow_twitter.pages.staged import Staged

    def read(under_way: dict[Any, Any] | None = None, later: timedelta = timedelta()) -> Any:
        from datetime import UTC, datetime

        queries, _ = read_coverage(world.store)
        now = datetime.now(UTC) + later
        return partial_windows(world.session, Staged(world.store), queries, {DAG, ANY}, under_way or {}, now)

    return read


def stopped(world: Any, dag_id: str, run_id: str = "run", keyword: str = "tea", **values: Any) -> None:
    """Leave a run behind that ended partial."""
    world.run(dag_id, run_id)
    world.staged(keyword, dag_id, run_id, pages=1, **values)
    recorded = {name: values[name] for name in ("query", "endpoint") if name in values}
    world.covered(keyword, dag_id, run_id, state="partial", next_token="t", **recorded)


def test_a_keywords_own_dag_needs_the_run_alone(world: Any, partial: Any) -> None:
    """The DAG of a keyword knows what to search for: the run to continue is all that it is told."""
    stopped(world, DAG)
    (found,) = partial()
    assert found.resumable
    assert json.loads(found.conf) == {"continue_from_run": "run"}


def test_the_dag_for_any_keyword_is_told_the_same_search(world: Any, partial: Any) -> None:
    """The DAG for any keyword must be given the keyword again, and what else made the query."""
    stopped(world, ANY, "plain")
    stopped(world, ANY, "raw", keyword="coffee", query="coffee lang:de", endpoint="all")
    confs = {found.window.run_id: json.loads(found.conf) for found in partial()}
    assert confs["plain"] == {"keyword": "tea", "continue_from_run": "plain"}
    assert confs["raw"] == {
        "keyword": "coffee",
        "endpoint": "all",
        "query": "coffee lang:de",
        "continue_from_run": "raw",
    }


@pytest.mark.parametrize("gone", ["pages", "run"])
def test_without_pages_or_run_the_window_is_fetched_anew(world: Any, partial: Any, gone: str) -> None:
    """When what a run staged was cleaned away, or Airflow forgot the run, only the window's times can be told."""
    if gone == "pages":
        world.run(DAG, "run")
    else:
        world.staged("tea", DAG, "run", pages=1)
    world.covered("tea", DAG, "run", state="partial", next_token="t")
    (found,) = partial()
    assert not found.resumable
    assert json.loads(found.conf).keys() == {"start_time", "end_time"}


def test_a_keyword_that_nobody_knows_any_more_is_left_open(world: Any, partial: Any) -> None:
    """A slug that lost something of its keyword cannot be typed into the form as the keyword."""
    world.covered("Coffee & Tea", ANY, "run", state="partial", next_token="t")
    (found,) = partial()
    assert found.keyword is None
    assert json.loads(found.conf)["keyword"] == "…"


def test_of_a_chain_of_partial_runs_the_last_is_continued(world: Any, partial: Any) -> None:
    """A partial run that another partial run went on with is left out."""
    stopped(world, DAG, "first")
    stopped(world, DAG, "second", continues="first")
    assert [found.window.run_id for found in partial()] == ["second"]


def test_a_run_that_goes_on_with_it_is_named(world: Any, partial: Any) -> None:
    """While a run is continuing a partial window, nobody is asked to trigger another."""
    stopped(world, DAG, "first")
    window = world.staged("tea", DAG, "second", continues="first")
    (found,) = partial(under_way={(DAG, "second"): window})
    assert found.continued_by == (DAG, "second")


def test_a_window_beyond_reach_says_so(world: Any, partial: Any) -> None:
    """What ended more than seven days ago is beyond recent search, but not beyond the full archive."""
    stopped(world, DAG)
    assert not partial()[0].out_of_reach
    assert partial(later=timedelta(days=8))[0].out_of_reach
    stopped(world, ANY, "all", endpoint="all")
    assert not next(f for f in partial(later=timedelta(days=8)) if f.window.run_id == "all").out_of_reach
