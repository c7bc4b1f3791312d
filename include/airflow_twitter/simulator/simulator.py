"""Run the simulator in this process, as a context manager."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from threading import Thread
from types import TracebackType

from airflow_twitter.simulator.accounts import Account, Accounts, Client
from airflow_twitter.simulator.book import Book
from airflow_twitter.simulator.media import Media
from airflow_twitter.simulator.published import Published
from airflow_twitter.simulator.rules import Rule
from airflow_twitter.simulator.server import Server
from airflow_twitter.simulator.service import Service
from airflow_twitter.simulator.world import World


class Simulator:
    """A local X API on a loopback port, while the context lasts.

    `limits` overrides requests per window by endpoint, `window_s` is the windows' length (X's is
    900), `clock_skew_s` puts the server's clock ahead. `clock` returns Unix seconds; tests inject
    their own to let windows pass without sleeping.

    `accounts` may post, with their OAuth 1.0a tokens or, through `client`, those of OAuth 2.0;
    `daily_limits` overrides requests in 24 hours by endpoint and "app" or "user"; videos are ready
    `processing_s` after they have come.
    """

    def __init__(
        self,
        *,
        world: World | None = None,
        limits: Mapping[str, int] | None = None,
        window_s: float = 900.0,
        rules: Iterable[Rule] = (),
        credentials: tuple[str, str] = ("key", "secret"),
        clock_skew_s: float = 0.0,
        clock: Callable[[], float] = time.time,
        host: str = "127.0.0.1",
        port: int = 0,
        accounts: Iterable[Account] = (Account(),),
        client: Client | None = None,
        daily_limits: Mapping[str, Mapping[str, int]] | None = None,
        processing_s: float = 2.0,
    ) -> None:
        self.service = Service(
            world or World(),
            limits or {},
            window_s,
            rules,
            credentials,
            clock_skew_s,
            clock,
            accounts=Accounts(tuple(accounts), client or Client(), lambda: clock() + clock_skew_s),
            daily_limits=daily_limits,
            processing_s=processing_s,
        )
        self._address = (host, port)
        self._server: Server | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen and serve in a thread; raise OSError when the port is taken."""
        self._server = Server(self._address, self.service)
        self._thread = Thread(
            target=self._server.serve_forever, args=(0.05,), name="x-simulator", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is None or thread is None:
            return
        server.shutdown()
        server.close_all()
        server.server_close()
        thread.join(timeout=5)

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        if self._server is None:
            raise RuntimeError("The simulator is not running.")
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def book(self) -> Book:
        """What was asked and what was sold."""
        return self.service.book

    @property
    def bearer_token(self) -> str:
        """The token that the app has now."""
        return self.service.identity.bearer_token

    @property
    def accounts(self) -> Accounts:
        """The accounts that may post."""
        return self.service.accounts

    @property
    def posts(self) -> list[Published]:
        """What accounts have posted, the oldest first; deleted posts as well."""
        return self.service.publishing.posts.all

    @property
    def uploads(self) -> list[Media]:
        """All media that were begun, the oldest first."""
        return self.service.publishing.media.all

    def post_by_hand(self, text: str, username: str = "", media_ids: Iterable[str] = ()) -> Published:
        """Post as a person does in X's own app; by default from the first account."""
        return self.service.publishing.post_by_hand(text, username, media_ids)

    def add_rules(self, rules: Iterable[Rule]) -> None:
        """Put more rules in force; their counting starts now."""
        self.service.rules.add(rules)

    def clear_rules(self) -> None:
        """Drop all rules."""
        self.service.rules.clear()

    def withdraw(self, ids: Iterable[str], how: str = "deleted") -> None:
        """Let posts be deleted, protected, withheld or edited, or restored to what they were."""
        self.service.withdraw(ids, how)

    def reset(self) -> None:
        """Forget requests, windows, answers, posts and media; rules stay and count from the beginning."""
        self.service.reset()

    def truth(
        self, query: str, since: datetime | str | None = None, until: datetime | str | None = None
    ) -> list[str]:
        """Return the ids of all posts that a topic or query finds, newest first; see Service.truth."""
        return self.service.truth(query, since, until)
