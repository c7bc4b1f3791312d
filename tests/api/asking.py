"""How tests ask X: page by page through the client, or one request through the transport."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import requests
from requests.auth import HTTPBasicAuth

from airflow_twitter.api.client import Page, XClient
from airflow_twitter.api.endpoints import RECENT, Endpoint
from airflow_twitter.api.transport import Response, Timeouts, open_session, send
from airflow_twitter.simulator import Simulator

KEY, SECRET = "key-of-a-test", "secret-of-a-test"
SEARCH = {"query": "accounting", "max_results": "10"}
AUTH = HTTPBasicAuth("ours", "ours-too")

OpenClient = Callable[..., XClient]


def walk(client: XClient, endpoint: Endpoint = RECENT, **params: str) -> Iterator[Page]:
    """Fetch page by page to the end."""
    token: dict[str, str] = {}
    while True:
        page = client.search(endpoint, {**SEARCH, **params, **token})
        yield page
        if page.next_token is None:
            return
        token = {"next_token": page.next_token}


def asked(simulator: Simulator) -> list[tuple[str, int]]:
    """Return what X was asked and how it answered."""
    return [(entry.endpoint, entry.status) for entry in simulator.book.requests]


def ask(url: str, *, session: requests.Session | None = None, **options: Any) -> Response:
    """Send a GET with our own authentication."""
    with session or open_session(url) as opened:
        return send(
            opened,
            "GET",
            f"{url}/2/tweets/search/recent",
            auth=AUTH,
            timeouts=options.pop("timeouts", Timeouts(5.0, 5.0)),
            monotonic=options.pop("monotonic", time.monotonic),
            **options,
        )
