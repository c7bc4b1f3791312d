"""Pages shrink while X answers 5xx, and grow again."""

from __future__ import annotations

from airflow_twitter.api.client import XClient
from airflow_twitter.api.endpoints import RECENT
from airflow_twitter.api.page_size import PageSize
from airflow_twitter.simulator import Rule, Simulator

SEARCH = {"query": "accounting", "max_results": "100"}


def test_a_single_error_changes_nothing() -> None:
    """One server error passes by itself, as often as pages come between."""
    size = PageSize(100)
    for _ in range(3):
        size.failed()
        assert size.current == 100
        size.arrived()


def test_storm() -> None:
    """From the second error in a row on the page is halved, down to 10 posts."""
    size = PageSize(100)
    sizes = []
    for _ in range(7):
        size.failed()
        sizes.append(size.current)
    assert sizes == [100, 50, 25, 12, 10, 10, 10]


def test_calm() -> None:
    """Three pages that arrive without an error double the page, up to what was asked for; an error begins anew."""
    size = PageSize(40)
    for _ in range(3):
        size.failed()
    size.arrived()
    sizes = []
    for _ in range(9):
        size.arrived()
        sizes.append(size.current)
    assert sizes == [10, 10, 20, 20, 20, 40, 40, 40, 40]
    size.failed()
    size.failed()
    assert size.current == 20


def test_no_page_is_larger_than_asked() -> None:
    """A page that was asked for at X's smallest size stays so."""
    size = PageSize(10)
    for _ in range(5):
        size.failed()
    assert size.current == 10


def test_client_asks_as_the_size_says(client: XClient, simulator: Simulator) -> None:
    """Every try is as long as the size says by then, and the size is kept for the next page."""
    rule = Rule(endpoint="search_recent", nth=(1, 6), fault="server_error", params={"above": 30})
    simulator.add_rules([rule])
    size = PageSize(100)

    page = client.search(RECENT, SEARCH, size=size)

    asked = [entry.params["max_results"] for entry in simulator.book.to("search_recent")]
    assert asked == ["100", "100", "50", "25"]
    assert page.result_count == 25
    assert size.current == 25


def test_other_trouble_leaves_the_size_alone(client: XClient, simulator: Simulator) -> None:
    """Only what X itself fails at is a matter of size."""
    simulator.add_rules([Rule(endpoint="search_recent", nth=(1, 4), fault="reset_before")])
    size = PageSize(100)
    client.search(RECENT, SEARCH, size=size)
    assert len(simulator.book.to("search_recent")) == 5
    assert size.current == 100
