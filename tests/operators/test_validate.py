"""The validation operator: good posts on, bad ones to quarantine, and X is asked nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.airflow_in_memory import Airflow, staged

from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]

ACCOUNTING = {"keyword": "accounting", "max_results": 20}


def malformed(*kinds: str, nth: int = 1) -> Rule:
    """A rule that breaks the first posts of one page."""
    return Rule(endpoint="search_recent", nth=nth, fault="malformed", params={"kinds": [*kinds]})


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON values of a file of lines."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_all_good(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """Every post is staged for the merge with what it was fetched by; there is no quarantine."""
    simulator = start_simulator()
    airflow.search(ACCOUNTING)
    asked = len(simulator.book.requests)

    counts = airflow.validate()

    assert len(simulator.book.requests) == asked
    assert (counts["pages"], counts["posts"], counts["bad"], counts["next_token"]) == (3, 60, 0, None)
    assert counts["quarantine"] is None
    assert not (data_folder / "quarantine").exists()
    report = staged(data_folder).read("report.json", dict)
    assert report is not None
    assert report["posts"] == 60


def test_bad_posts(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """Each bad post goes to quarantine with page and reason, and takes no good one with it."""
    kinds = ["no_id", "text_null", "lone_surrogate", "nan", "invalid_utf8"]
    start_simulator(rules=[malformed(*kinds, nth=2)])
    airflow.search(ACCOUNTING)

    counts = airflow.validate()

    assert (counts["posts"], counts["bad"]) == (55, 5)
    refused = lines(data_folder / counts["quarantine"])
    assert [(bad["page"], bad["kind"]) for bad in refused] == [(2, "posts")] * 5
    assert all(bad["reason"] for bad in refused)


def test_odd_but_good(airflow: Airflow, start_simulator: Start) -> None:
    """What is odd but holds an id and a text is kept."""
    start_simulator(rules=[malformed("huge_metric", "underscore_key", "unknown_field", "pretty", "escaped")])
    airflow.search(ACCOUNTING)
    assert airflow.validate()["bad"] == 0


@pytest.mark.parametrize("bad_share_max", [0.0, "0.049", "0"])
def test_too_many_are_bad(
    airflow: Airflow, start_simulator: Start, data_folder: Path, bad_share_max: float | str, capfd: Any
) -> None:
    """Above the share the run fails, with everything staged; validating again costs nothing."""
    simulator = start_simulator(rules=[malformed("no_id", "no_text", "id_float")])
    airflow.search(ACCOUNTING)
    asked = len(simulator.book.requests)

    with pytest.raises(AirflowFailException, match=r"3 of 60 posts are bad, more than bad_share_max="):
        airflow.validate(bad_share_max)

    assert "PIPELINE END: 5 % of the posts are bad." in capfd.readouterr().out
    assert len(staged(data_folder).pages()) == 3
    assert airflow.validate("0.05")["posts"] == 57
    assert len(simulator.book.requests) == asked


def test_partial_errors(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """X's partial errors are kept with their page, and are no bad posts."""
    rule = Rule(endpoint="search_recent", nth=3, fault="partial_errors", params={"count": 2})
    start_simulator(rules=[rule])
    airflow.search({**ACCOUNTING, "expand": False})

    counts = airflow.validate(0.0)

    assert (counts["posts"], counts["bad"], counts["errors"]) == (60, 0, 2)
    kept = lines(data_folder / counts["quarantine"])
    assert [(entry["page"], entry["kind"]) for entry in kept] == [(3, "errors")] * 2


def test_partial_window(airflow: Airflow, start_simulator: Start) -> None:
    """The token that search pushed says that the window is partial."""
    start_simulator()
    airflow.search({**ACCOUNTING, "page_max": 1})
    assert airflow.validate()["next_token"] == airflow.xcom("search", "next_token") is not None


def test_nothing_found(airflow: Airflow, start_simulator: Start) -> None:
    """No posts are no failure, whatever share is allowed."""
    start_simulator()
    airflow.search({"keyword": "ksedves"})
    counts = airflow.validate(0.0)
    assert (counts["pages"], counts["posts"], counts["bad"]) == (1, 0, 0)


def test_nothing_searched(airflow: Airflow) -> None:
    """Where the search never began there is nothing to validate, and the task is skipped."""
    with pytest.raises(AirflowSkipException, match="search bought nothing"):
        airflow.validate()


def test_nothing_bought(airflow: Airflow, start_simulator: Start) -> None:
    """Where the search failed before its first page, the task is skipped."""
    start_simulator(rules=[Rule(endpoint="search_recent", fault="credits")])
    with pytest.raises(AirflowFailException):
        airflow.search(ACCOUNTING)
    with pytest.raises(AirflowSkipException, match="search bought nothing"):
        airflow.validate()


def test_search_failed(airflow: Airflow, start_simulator: Start) -> None:
    """What was bought before the search failed is validated, and the reason is handed on."""
    start_simulator(rules=[Rule(endpoint="search_recent", nth=3, fault="credits")])
    with pytest.raises(AirflowFailException):
        airflow.search(ACCOUNTING)

    counts = airflow.validate()

    assert (counts["pages"], counts["posts"]) == (2, 40)
    assert counts["next_token"] == airflow.xcom("search", "next_token") is not None
    assert counts["reason"] == "CreditsError"


def test_pages_were_cleaned_away(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """When fewer pages are staged than search told of, the run fails and does not pass for one without posts."""
    start_simulator()
    airflow.search(ACCOUNTING)
    staged(data_folder).discard_pages()
    with pytest.raises(AirflowFailException, match="search told of 3 pages, 0 are staged"):
        airflow.validate()


@pytest.mark.parametrize("page_max", [1, None])
def test_search_was_killed(
    airflow: Airflow, start_simulator: Start, data_folder: Path, page_max: int | None
) -> None:
    """When the search could not say a word, its committed pages say how far it came."""
    start_simulator()
    airflow.search({**ACCOUNTING, "page_max": page_max})
    airflow.xcoms["manual__1", "search"].clear()

    counts = airflow.validate()

    assert counts["pages"] == len(staged(data_folder).pages())
    assert counts["next_token"] == staged(data_folder).pages()[-1].next_token
    assert counts["reason"] == ("interrupted" if page_max else None)
