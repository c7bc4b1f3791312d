"""HTTP itself: keep-alive, threads, gzip, and faults on the wire."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from airflow_twitter.simulator import Rule


def rule(fault: str, **params: Any) -> Rule:
    """Let the second recent search go wrong."""
    return Rule(endpoint="search_recent", nth=2, fault=fault, params=params)


def test_a_reset_comes_before_any_answer(start: Callable[..., Any]) -> None:
    """The client sees a reset; nothing was sold, and the next request on a new connection works."""
    caller = start(rules=[rule("reset_before")])
    caller.recent("sevdesk")
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        caller.recent("sevdesk")
    assert caller.recent("sevdesk").status_code == 200
    entry = caller.sim.book.requests[1]
    assert (entry.status, entry.ids, entry.fault, entry.delivered) == (0, [], "reset_before", False)
    assert caller.recent("sevdesk").headers["x-rate-limit-remaining"] == "447"


def test_a_lost_answer_was_sold(start: Callable[..., Any]) -> None:
    """The client sees a reset too, but X has made the page and counted the request."""
    caller = start(rules=[rule("lost_answer")])
    caller.recent("sevdesk")
    with pytest.raises(requests.ConnectionError):
        caller.recent("sevdesk")
    entry = caller.sim.book.requests[1]
    assert (entry.status, entry.ids, entry.delivered) == (0, caller.sim.truth("sevdesk"), False)
    assert caller.sim.book.sold == caller.sim.truth("sevdesk")
    assert caller.recent("sevdesk").headers["x-rate-limit-remaining"] == "447"


@pytest.mark.parametrize("size", [10, 100])
def test_an_answer_may_be_cut_off(start: Callable[..., Any], size: int) -> None:
    """The body ends before its length, compressed or not, and does not count as delivered."""
    caller = start(rules=[rule("cut")])
    caller.recent("accounting", max_results=size)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        caller.recent("accounting", max_results=size)
    assert [entry.delivered for entry in caller.sim.book.requests] == [True, False]
    assert len(caller.sim.book.sold) == min(size, 60)


def test_json_may_be_truncated(start: Callable[..., Any]) -> None:
    """The answer is whole for HTTP and no JSON."""
    caller = start(rules=[rule("truncated_json")])
    caller.recent("sevdesk")
    answer = caller.recent("sevdesk")
    assert (answer.status_code, len(answer.content)) == (200, int(answer.headers["content-length"]))
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(answer.content)
    assert caller.sim.book.requests[1].delivered is False


def test_html_may_come_with_200(start: Callable[..., Any]) -> None:
    """The edge may answer 200 with a page for people."""
    caller = start(rules=[rule("html")])
    caller.recent("sevdesk")
    answer = caller.recent("sevdesk")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert answer.headers["Date"].endswith("GMT")
    assert caller.sim.book.requests[1].ids == []


@pytest.mark.parametrize("pieces", [1, 5])
def test_answers_may_be_slow(start: Callable[..., Any], pieces: int) -> None:
    """slow delays the head, or with pieces spreads the body over the time; both arrive whole."""
    caller = start(rules=[rule("slow", delay_s=0.5, pieces=pieces)])
    caller.recent("accounting")
    began = time.monotonic()
    answer = caller.recent("accounting", max_results=60)
    assert time.monotonic() - began >= 0.45
    assert len(answer.json()["data"]) == 60


def test_a_slow_answer_runs_into_a_timeout(start: Callable[..., Any]) -> None:
    """A client with a shorter read timeout gives up, and stopping does not wait for the answer."""
    caller = start(rules=[Rule(endpoint="*", fault="slow", params={"delay_s": 60})])
    with pytest.raises(requests.ReadTimeout):
        requests.get(caller.sim.url + "/2/tweets/search/recent", timeout=0.2)
    began = time.monotonic()
    caller.sim.stop()
    assert time.monotonic() - began < 5


def test_an_answer_that_nobody_waits_for_is_not_delivered(start: Callable[..., Any]) -> None:
    """When the client has given up meanwhile, its retry is no double purchase in the book."""
    caller = start(rules=[Rule(endpoint="search_recent", nth=1, fault="slow", params={"delay_s": 0.6})])
    url = caller.sim.url + "/2/tweets/search/recent?query=sevdesk"
    headers = {"Authorization": f"Bearer {caller.sim.bearer_token}"}
    with pytest.raises(requests.ReadTimeout):
        requests.get(url, headers=headers, timeout=0.2)
    caller.recent("sevdesk")
    deadline = time.monotonic() + 5
    while caller.sim.book.requests[0].delivered and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [entry.delivered for entry in caller.sim.book.requests] == [False, True]
    assert caller.sim.book.sold_twice == []


def test_a_skewed_answer_skews_its_reset(start: Callable[..., Any]) -> None:
    """clock_skew moves Date and reset of one answer alike."""
    caller = start(rules=[rule("clock_skew", skew_s=120)], window_s=15)
    plain, skewed = caller.recent("sevdesk"), caller.recent("sevdesk")
    assert (plain.headers["Date"][-12:], skewed.headers["Date"][-12:]) == ("12:00:00 UTC", "12:02:00 UTC")
    resets = [int(answer.headers["x-rate-limit-reset"]) for answer in (plain, skewed)]
    assert resets[1] - resets[0] == 120


def test_faults_can_be_combined(start: Callable[..., Any]) -> None:
    """Rules that take the same request all apply."""
    caller = start(rules=[rule("slow", delay_s=0.3), rule("server_error", status=502, html=True)])
    caller.recent("sevdesk")
    began = time.monotonic()
    assert caller.recent("sevdesk").status_code == 502
    assert time.monotonic() - began >= 0.25
    assert caller.sim.book.requests[1].fault == "slow+server_error"


def test_connections_are_kept_alive(start: Callable[..., Any]) -> None:
    """Many requests go over one connection."""
    caller = start()
    host = urlsplit(caller.sim.url)
    connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=5)
    headers = {"Authorization": f"Bearer {caller.sim.bearer_token}"}
    connection.request("GET", "/2/tweets/search/recent?query=sevdesk", headers=headers)
    connection.getresponse().read()
    one = connection.sock
    connection.request("GET", "/2/tweets/search/recent?query=sevdesk", headers=headers)
    assert json.loads(connection.getresponse().read())["meta"]["result_count"] == 2
    assert connection.sock is one
    connection.close()


def test_long_answers_are_compressed_when_asked(start: Callable[..., Any]) -> None:
    """gzip is used for clients that take it, and says the same."""
    caller = start()
    packed = caller.recent("accounting", max_results=60)
    caller.session.headers["Accept-Encoding"] = "identity"
    plain = caller.recent("accounting", max_results=60)
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.json() == plain.json()


def test_many_threads_are_served_exactly(start: Callable[..., Any]) -> None:
    """24 clients at once lose nothing: every request is answered, counted and in the book."""
    caller = start(limits={"search_recent": 200})
    url = caller.sim.url + "/2/tweets/search/recent?query=accounting"
    headers = {"Authorization": f"Bearer {caller.sim.bearer_token}"}

    def ask(_: int) -> list[tuple[int, str]]:
        with requests.Session() as session:
            answers = [session.get(url, headers=headers, timeout=20) for _ in range(10)]
        return [(answer.status_code, answer.headers["x-rate-limit-remaining"]) for answer in answers]

    with ThreadPoolExecutor(24) as pool:
        answers = [answer for some in pool.map(ask, range(24)) for answer in some]
    allowed = [remaining for status, remaining in answers if status == 200]
    assert sorted(map(int, allowed)) == list(range(200))
    assert len(answers) - len(allowed) == 40
    assert [entry.number for entry in caller.sim.book.requests] == list(range(1, 241))
    assert len(caller.sim.book.sold) == 2000


@pytest.mark.parametrize(
    "sent", [b"\r\n\r\n", b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b""]
)
def test_nonsense_does_no_harm(start: Callable[..., Any], sent: bytes) -> None:
    """Whatever comes in, the next client is served."""
    caller = start()
    host = urlsplit(caller.sim.url)
    with socket.create_connection((host.hostname or "", host.port or 0), timeout=5) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(4096)
    assert caller.recent("sevdesk").status_code == 200


def test_head_and_options_are_refused_in_form(start: Callable[..., Any]) -> None:
    """Methods that X does not take are 405; HEAD has no body."""
    url = start().sim.url + "/2/tweets/search/recent"
    assert requests.options(url, timeout=5).status_code == 405
    head = requests.head(url, timeout=5)
    assert (head.status_code, head.content) == (405, b"")
