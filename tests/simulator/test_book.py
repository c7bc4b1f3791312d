"""The book of what was asked and sold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


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
