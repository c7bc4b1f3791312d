"""Simulators whose clock the tests hold, and a plain HTTP client for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from airflow_twitter.simulator import Simulator, Topic, World

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOPICS = {"sevdesk": Topic(total=2), "accounting": Topic(total=60), "daily": Topic(per_day=40)}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now.timestamp()

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Caller:
    """A client that knows no more than paths and the token."""

    def __init__(self, sim: Simulator, session: requests.Session) -> None:
        self.sim = sim
        self.session = session

    def get(self, path: str, **params: Any) -> requests.Response:
        """GET a path as the app; `tweet_fields` stands for `tweet.fields`."""
        named = {name.replace("_fields", ".fields"): value for name, value in params.items()}
        headers = {"Authorization": f"Bearer {self.sim.bearer_token}"}
        return self.session.get(self.sim.url + path, params=named, headers=headers, timeout=20)

    def recent(self, query: str, **params: Any) -> requests.Response:
        """Ask recent search."""
        return self.get("/2/tweets/search/recent", query=query, **params)

    def archive(self, query: str, **params: Any) -> requests.Response:
        """Ask full-archive search."""
        return self.get("/2/tweets/search/all", query=query, **params)

    def pages(self, query: str, path: str = "/2/tweets/search/recent", **params: Any) -> list[dict[str, Any]]:
        """Follow the tokens to the end."""
        pages = [self.get(path, query=query, **params).json()]
        while token := pages[-1]["meta"].get("next_token"):
            pages.append(self.get(path, query=query, next_token=token, **params).json())
            assert len(pages) < 500
        return pages

    def ids(self, query: str, **params: Any) -> list[str]:
        """Return the ids on all pages."""
        return [post["id"] for page in self.pages(query, **params) for post in page.get("data", ())]


@pytest.fixture
def clock() -> Clock:
    """Noon, until it is moved."""
    return Clock(NOON)


@pytest.fixture
def start(clock: Clock) -> Iterator[Callable[..., Caller]]:
    """Start a simulator with the usual topics, and return a client for it."""
    with ExitStack() as stack:

        def begin(topics: dict[str, Topic] | None = None, **options: Any) -> Caller:
            world = World(seed=7, topics=TOPICS if topics is None else topics, start=NOON)
            options.setdefault("clock", clock)
            sim = stack.enter_context(Simulator(world=world, **options))
            return Caller(sim, stack.enter_context(requests.Session()))

        yield begin
