"""Starting and stopping."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from airflow_twitter.simulator import Rule, Simulator, Topic, World


def test_stopping_closes_connections_and_port() -> None:
    """After the context nothing listens, and a connection that was kept alive is closed."""
    with Simulator(world=World(topics={"a": Topic(total=1)})) as sim:
        url = sim.url
        host = urlsplit(url)
        connection = socket.create_connection((host.hostname or "", host.port or 0), timeout=5)
        requests.get(url + "/_simulator/", timeout=5)
    assert connection.recv(1) == b""
    connection.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
    with pytest.raises(RuntimeError, match="not running"):
        _ = sim.url


def test_a_port_in_use_is_an_error() -> None:
    """A second simulator on the same port fails to start."""
    with Simulator() as sim:
        port = urlsplit(sim.url).port
        with pytest.raises(OSError, match="in use"), Simulator(port=port or 0):
            pass


def test_reset_forgets_requests_and_windows(start: Callable[..., Any]) -> None:
    """After a reset the book is empty, windows are full and rules count from one."""
    rule = Rule(endpoint="search_recent", nth=1, fault="credits")
    caller = start(limits={"search_recent": 2}, rules=[rule])
    assert [caller.recent("sevdesk").status_code for _ in range(3)] == [402, 200, 429]
    caller.sim.reset()
    assert caller.sim.book.requests == []
    assert [caller.recent("sevdesk").status_code for _ in range(2)] == [402, 200]
