"""The book of what was asked and sold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from airflow_twitter.simulator import Rule


def test_the_book_knows_what_was_sold(start: Callable[..., Any]) -> None:
    """Every request is in the book with its parameters and the ids of its answer."""
    caller = start()
    caller.ids("accounting", max_results=40)
    caller.recent("accounting", max_results=5)
    one, two, three = caller.sim.book.to("search_recent")
    assert one.params == {"query": "accounting", "max_results": "40"}
    assert (one.at, one.status, one.fault, one.delivered) == ("2026-11-20T12:00:00.000Z", 200, None, True)
    assert one.ids + two.ids == caller.sim.book.sold == caller.sim.truth("accounting")
    assert (three.status, three.ids) == (400, [])
    assert caller.sim.book.sold_twice == []
    assert caller.sim.bearer_token not in str(caller.sim.book.to_json())


def test_the_book_counts_expanded_users(start: Callable[..., Any]) -> None:
    """X bills expanded authors, so the book notes them."""
    caller = start()
    expansions = "author_id,referenced_tweets.id.author_id"
    page = caller.recent("accounting", max_results=100, expansions=expansions).json()
    assert caller.sim.book.requests[0].users == [user["id"] for user in page["includes"]["users"]]


def test_the_bill(start: Callable[..., Any], clock: Any) -> None:
    """The bill holds each post and author once a day, counts by request, and what was lost on its way."""
    caller = start(rules=[Rule(endpoint="search_recent", nth=2, fault="lost_answer")])
    page = caller.recent("accounting", max_results=10, expansions="author_id").json()
    with pytest.raises(requests.ConnectionError):
        caller.recent("accounting", max_results=20)
    caller.recent("accounting", max_results=5)
    caller.get("/2/tweets/counts/recent", query="accounting")
    clock.move(86_400)
    caller.recent("sevdesk")

    bill = caller.get("/_simulator/bill").json()
    users = len({post["author_id"] for post in page["data"]})
    assert bill["2026-11-20"] == {
        "posts": 20,
        "users": users,
        "counts_recent": 1,
        "counts_all": 0,
        "dollars": round(20 * 0.005 + users * 0.01 + 0.005, 6),
    }
    assert bill["2026-11-21"]["posts"] == 2
