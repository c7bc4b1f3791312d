"""What the tests of creating and uploading share: one account at a simulator, and one post of it."""

from __future__ import annotations

from typing import Any

from airflow_twitter.api.user_auth import OAuth1User
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.publishing.create import Looking, create_post
from airflow_twitter.publishing.errors import LookAgain
from airflow_twitter.publishing.media import keep
from airflow_twitter.publishing.processing import ensure_media
from airflow_twitter.publishing.record import Content, Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.simulator import Rule, Simulator

TEXT = "New & better: see https://example.com/news?a=1&b=2 <today>"
LOOKING = Looking(for_s=60.0, every_s=15.0)


def rule(fault: str, endpoint: str = "create_post", **settings: Any) -> Rule:
    """Return a rule of the simulator; it takes the first request unless told otherwise."""
    return Rule(endpoint=endpoint, fault=fault, **{"nth": 1, **settings})


class Desk:
    """One account's post at a simulator, on a clock that passes only when told."""

    def __init__(self, simulator: Simulator, records: Records, clock: Any) -> None:
        self.simulator, self.records, self.clock = simulator, records, clock
        self.client = client_of(simulator)
        self.records.open("acme", "first", Content(text=TEXT))

    def open_with(self, video: bytes, key: str = "film") -> Record:
        """Prepare a post with a video, whose text is the key."""
        stored = keep(self.records.store, [video])
        return self.records.open("acme", key, Content(text=key, media_sha256=stored.sha256))

    def ensure(self, key: str = "film", limit: int = 20, **settings: Any) -> Record:
        """Have the media made ready, as an operator does: again at the moment that was named."""
        for _ in range(limit):
            try:
                return ensure_media(self.records, "acme", key, self.client, **settings)
            except LookAgain as wait:
                at = wait.at
            assert (at - self.clock()).total_seconds() >= 10
            self.clock.at = at
        raise AssertionError(f"not ready after {limit} looks")

    def create(self, key: str = "first", **settings: Any) -> Record:
        """Try once."""
        return create_post(self.records, "acme", key, self.client, looking=LOOKING, **settings)

    def until_done(self, key: str = "first", limit: int = 20) -> Record:
        """Try as an operator does: again at the moment that was named."""
        for _ in range(limit):
            try:
                return self.create(key)
            except LookAgain as wait:
                at = wait.at
            assert (at - self.clock()).total_seconds() >= 10
            self.clock.at = at
        raise AssertionError(f"not done after {limit} looks")

    @property
    def posts(self) -> list[str]:
        """The ids of the posts that the account has."""
        return [str(post.id) for post in self.simulator.posts]

    @property
    def sends(self) -> int:
        """How often creation was asked for."""
        return len(self.simulator.book.to("create_post"))


def client_of(simulator: Simulator, **settings: Any) -> UserClient:
    """Return a client of the simulator's first account, which does not try again for long."""
    account = simulator.accounts.accounts[0]
    auth = OAuth1User("key", "secret", account.access_token, account.access_token_secret)
    return UserClient(simulator.url, auth, **{"retry_for_s": 0.0, "read_timeout_s": 30.0, **settings})
