"""What other processes can ask of a running simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests


def test_the_overview_lists_everything(start: Callable[..., Any]) -> None:
    """GET /_simulator/ names its endpoints, topics and limits, and no secret."""
    caller = start(limits={"search_recent": 3}, window_s=15, credentials=("key", "s3cret-of-tests"))
    overview = requests.get(caller.sim.url + "/_simulator/", timeout=5)
    body = overview.json()
    assert body["topics"]["daily"] == {"per_day": 40}
    assert (body["limits"]["search_recent"], body["limits"]["window_s"]) == (3, 15)
    assert "GET /_simulator/book" in body["help"]
    assert "s3cret-of-tests" not in overview.text


def test_the_book_and_the_truth(start: Callable[..., Any]) -> None:
    """Over HTTP they say the same as in the process, and are not in the book themselves."""
    caller = start()
    caller.recent("sevdesk")
    caller.recent("sevdesk")
    url = caller.sim.url + "/_simulator/"
    truth = requests.get(url + "truth", params={"query": "sevdesk"}, timeout=5).json()
    book = requests.get(url + "book", timeout=5).json()
    assert truth == caller.sim.truth("sevdesk")
    assert book == caller.sim.book.to_json()
    assert (len(book["requests"]), book["sold"], book["sold_twice"]) == (2, truth * 2, truth)
    window = {"query": "daily", "since": "2026-11-19T00:00:00Z", "until": "2026-11-20T00:00:00Z"}
    assert len(requests.get(url + "truth", params=window, timeout=5).json()) == 40


def test_rules_come_and_go(start: Callable[..., Any]) -> None:
    """Rules are added, listed and dropped, and a reset empties the book."""
    caller = start()
    url = caller.sim.url + "/_simulator/"
    rule = {"endpoint": "search_recent", "fault": "server_error", "nth": [1, None], "params": {"status": 500}}
    assert requests.post(url + "rules", json=[rule], timeout=5).json() == [{**rule, "every": None}]
    assert caller.recent("sevdesk").status_code == 500
    assert len(requests.get(url + "rules", timeout=5).json()) == 1
    assert requests.delete(url + "rules", timeout=5).json() == []
    assert caller.recent("sevdesk").status_code == 200
    assert requests.post(url + "reset", timeout=5).json() == {}
    assert caller.sim.book.requests == []


def test_mistakes_are_named(start: Callable[..., Any]) -> None:
    """A bad rule, time or query is a 400 that says why; an unknown path a 404."""
    url = start().sim.url + "/_simulator/"
    for answer, why in (
        (requests.post(url + "rules", json=[{"endpoint": "x", "fault": "html"}], timeout=5), "No endpoint"),
        (requests.post(url + "rules", data=b"{", timeout=5), "Expecting"),
        (requests.get(url + "truth", params={"query": "a", "since": "now"}, timeout=5), "Not a UTC time"),
        (requests.get(url + "truth", params={"query": "-a"}, timeout=5), "positive"),
        (requests.get(url + "truth", timeout=5), "query"),
    ):
        assert answer.status_code == 400
        assert why in answer.json()["error"]
    assert requests.get(url + "nothing", timeout=5).status_code == 404
