"""`make gaps` tells what is not complete in the project's data folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from checkout import Checkout


def test_gaps_of_the_project(checkout: Callable[[str], Checkout]) -> None:
    """Every keyword of the project is told; nothing is started, and no account is needed."""
    here = checkout("one")
    status, output = here.run("gaps")
    assert status == 0, output
    assert "sevdesk (twitter_search__sevdesk, @daily, endpoint recent): nothing was collected yet" in output

    status, output = here.run("gaps", "--check", "--since", f"{datetime.now(UTC):%Y}-01-01")
    assert status == 1
    assert "airflow backfill create --dag-id twitter_search__sevdesk" in output
