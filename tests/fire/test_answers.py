"""Every answer that X can give: nothing is lost, nothing bought twice, and what cannot be got over ends red."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from airflow.sdk.exceptions import AirflowFailException
from tests.airflow_in_memory import NOON
from tests.fire.ground import Ground
from tests.fire.judge import wrong
from tests.fire.matrix import PLACES, ROWS
from tests.fire.mixes import COLLECTING_FAULTS, Mix, random_mix
from tests.fire.report import matrix, page_matrix
from tests.fire.scheduling import search_dag

from airflow_twitter.api import errors, refusals
from airflow_twitter.collecting.asking import Asker
from airflow_twitter.collecting.paging import PageRequest
from airflow_twitter.collecting.pausing import DeadlineReached, Pause
from airflow_twitter.collecting.trouble import Trouble
from airflow_twitter.operators.merge import TwitterMergeOperator
from airflow_twitter.posts import run_validation
from airflow_twitter.simulator import Rule

MIXES = 60
SOME = {"keyword": "some", "max_results": 20}
SOON = {**SOME, "deadline": "PT4H"}


def _rule(fault: str, nth: Any, *, every: int | None = None, **params: Any) -> Rule:
    return Rule(endpoint="search_recent", fault=fault, nth=nth, every=every, params=params)


_ALTERNATELY = _rule("rate_limited", None, every=2)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """One simulator, and a folder in memory, for all mixes."""
    with Ground() as ground:
        yield ground


def test_every_fault_is_in_the_matrix() -> None:
    """A fault that the simulator learns has to be given its outcomes."""
    assert {row.fault for row in ROWS} == set(COLLECTING_FAULTS)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", COLLECTING_FAULTS)
def test_alone(ground: Ground, fault: str, place: str) -> None:
    """One fault at one place ends as the matrix says; then the run is completed for the price of the rest."""
    for row in [row for row in ROWS if row.fault == fault]:
        played = ground.play(row.mix(place))
        assert wrong(ground, played) == [], row.name
        assert played.outcome == row.outcomes[list(PLACES).index(place)], row.name


@pytest.mark.parametrize("seed", range(MIXES))
def test_mixed(ground: Ground, seed: int) -> None:
    """Faults in a random mix end in order: complete, or stopped for one of their reasons and completed later."""
    assert wrong(ground, ground.play(random_mix(seed))) == []


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        ((_ALTERNATELY, _rule("server_error", (2, None))), "red: ServerError"),
        ((_ALTERNATELY, _rule("truncated_json", (2, None))), "red: NetworkError"),
        ((_ALTERNATELY, _rule("html", (2, None))), "red: NetworkError"),
        ((_rule("rate_limited", (3, None)),), "partial: deadline"),
        ((_rule("server_error", (2, None), above=10),), "complete"),
    ],
)
def test_small_windows(ground: Ground, rules: tuple[Rule, ...], outcome: str, limit: int) -> None:
    """Trouble that goes on ends red within two hours, also where X's window has room for a try or two; a limit waits."""
    played = ground.play(Mix(f"windows of {limit}", rules, SOON, limits={"search_recent": limit}))
    assert wrong(ground, played) == []
    assert played.outcome == outcome
    if outcome.startswith("red"):
        last = datetime.fromisoformat(played.first_requests[-1].at)
        assert timedelta(hours=1) <= last - NOON < timedelta(hours=2)
        assert isinstance(played.first.errors["search"], AirflowFailException)


def test_empty_pages_without_end(ground: Ground) -> None:
    """A run that gave up after fifty empty pages in a row goes on behind them when it is cleared."""
    played = ground.play(Mix("empty", (_rule("empty_page", (1, None)),), SOME))
    assert wrong(ground, played) == []
    assert played.outcome == "red: PagingError"
    assert [ran.state for ran in played.later][-1] == "success"


@pytest.mark.parametrize(("mode", "outcome"), [("enforce", "red: NetworkError"), ("warn", "complete")])
def test_trouble_with_counts(ground: Ground, mode: str, outcome: str) -> None:
    """Trouble with counts alone ends a search that needs them, and is none of one that only warns by them."""
    rules = (
        Rule(endpoint="counts_recent", fault="rate_limited", every=2 if mode == "enforce" else 1000),
        Rule(endpoint="counts_recent", fault="html"),
        _rule("rate_limited", (1, 6)),
    )
    played = ground.play(Mix(f"counts, {mode}", rules, {**SOON, "estimate": mode}))
    assert wrong(ground, played) == []
    assert played.outcome == outcome


def test_page_is_not_stale() -> None:
    """The matrix of docs/reliability.md is the one that these tests demand."""
    assert page_matrix() == matrix(), "run make soak"


def _lose_a_post_of_each_page() -> Any:
    plain = run_validation.staged_lines
    return mock.patch.object(run_validation, "staged_lines", lambda posts: plain(posts[1:]))


def _validate_after_success_only() -> Any:
    return mock.patch.object(search_dag().task_dict["validate"], "trigger_rule", "all_success")


def _mark_nothing_partial() -> Any:
    return mock.patch.object(TwitterMergeOperator, "_mark_partial")


def _take_credits_for_passing() -> Any:
    return mock.patch.dict(refusals.ERRORS, {(402, None): errors.ServerError})


def _ask_for_the_last_page_again() -> Any:
    plain = Asker.ask

    def ask(self: Asker, request: PageRequest, pages: Any) -> Any:
        if request.begun == len(pages) > 1:
            request = replace(request, token=pages[-1].asked_token)
        return plain(self, request, pages)

    return mock.patch.object(Asker, "ask", ask)


def _bear_trouble_for_ever() -> Any:
    return mock.patch.object(Trouble, "failed")


def _give_up_before_the_deadline() -> Any:
    return mock.patch.object(Pause, "__call__", side_effect=DeadlineReached("Rate limit reached."))


@pytest.mark.parametrize(
    ("broken", "rules", "conf", "told"),
    [
        (_lose_a_post_of_each_page, (), SOME, "lost ["),
        (_validate_after_success_only, (_rule("credits", 2),), SOME, "stopped with 0 posts"),
        (_mark_nothing_partial, (), {**SOME, "page_max": 1}, "window_complete is success"),
        (_take_credits_for_passing, (_rule("credits", (2, None)),), SOME, "stopped for ServerError"),
        (_ask_for_the_last_page_again, (_rule("credits", 3),), SOME, "bought twice"),
        (
            _bear_trouble_for_ever,
            (_ALTERNATELY, _rule("html", (2, None))),
            SOME,
            "tries without an answer from",
        ),
        (_give_up_before_the_deadline, (), SOME, "stopped for deadline"),
    ],
)
def test_the_judge_sees_what_is_wrong(
    ground: Ground, broken: Callable[[], Any], rules: tuple[Rule, ...], conf: dict[str, Any], told: str
) -> None:
    """Code that breaks a promise does not pass."""
    found: list[str] = []
    with broken():
        try:
            found = wrong(ground, ground.play(Mix("broken", rules, conf, limits={"search_recent": 2})))
        except Exception as error:
            found = [f"it fails: {error}"]
    assert any(told in it for it in found), found
