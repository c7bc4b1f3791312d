"""The book: what was asked, and which posts were sold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

from airflow_twitter.simulator.costs import COSTS


@dataclass
class Entry:
    """One request. `at` is the server's time as an ISO string, `status` 0 when no answer was sent.

    `ids` are posts that were sold by a search, `users` and `referenced` (posts) what its expansions added;
    `counted` says that counts were. What is asked of an account's own things stands in `account`,
    `made` (ids of media or a post), `read` (ids of its own posts) and `cost`, which is in dollars and of what it
    did. `received` counts the bytes of the body that came.
    """

    number: int
    at: str
    endpoint: str
    params: Mapping[str, str]
    status: int = 0
    ids: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    referenced: list[str] = field(default_factory=list)
    counted: bool = False
    account: str | None = None
    made: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    cost: float = 0.0
    received: int = 0
    fault: str | None = None
    malformed: list[dict[str, str]] = field(default_factory=list)
    delivered: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    def note(self) -> str:
        """Return a few words on the fault, for logs."""
        return f" ({self.fault})" if self.fault else ""


class Book:
    """All requests since the start, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: list[Entry] = []

    @property
    def requests(self) -> list[Entry]:
        """Every request but those under /_simulator/."""
        with self._lock:
            return list(self._entries)

    @property
    def sold(self) -> list[str]:
        """Ids of the posts in all answers that were sent whole, as often as they were sent."""
        return [post_id for entry in self.requests if entry.delivered for post_id in entry.ids]

    @property
    def sold_twice(self) -> list[str]:
        """Ids that were sold more than once, each once."""
        return [post_id for post_id, count in Counter(self.sold).items() if count > 1]

    @property
    def counts(self) -> dict[str, int]:
        """How many requests came to each endpoint."""
        return dict(Counter(entry.endpoint for entry in self.requests))

    @property
    def received(self) -> dict[str, int]:
        """Bytes of bodies that came to each endpoint."""
        received: Counter[str] = Counter()
        for entry in self.requests:
            received[entry.endpoint] += entry.received
        return dict(received)

    @property
    def dollars(self) -> float:
        """What accounts' requests have cost; the posts that searches sold are not in it.

        The same post or user is billed once within a UTC day.
        """
        asked = [entry for entry in self.requests if entry.account is not None]
        own_posts = {(entry.at[:10], post_id) for entry in asked for post_id in entry.read}
        users = {(entry.at[:10], user_id) for entry in asked for user_id in entry.users}
        done = sum(entry.cost for entry in asked)
        return round(done + len(own_posts) * COSTS["own_read"] + len(users) * COSTS["user_read"], 6)

    def to(self, endpoint: str) -> list[Entry]:
        """Return the requests to one endpoint."""
        return [entry for entry in self.requests if entry.endpoint == endpoint]

    def open(self, at: str, endpoint: str, params: Mapping[str, str]) -> Entry:
        """Note a request that has just come; the rest is filled in as it is answered."""
        with self._lock:
            entry = Entry(len(self._entries) + 1, at, endpoint, params)
            self._entries.append(entry)
            return entry

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "requests": [entry.to_json() for entry in self.requests],
            "sold": self.sold,
            "sold_twice": self.sold_twice,
        }
