"""A server that answers a script, byte for byte, and a clock that passes only when slept."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_twitter.api.auth import BearerAuth
from airflow_twitter.api.client import XClient
from airflow_twitter.simulator import Simulator, Topic, World

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
RESET = b""
KEY, SECRET = "key-of-a-test", "secret-of-a-test"


class ScriptedServer:
    """Answer each HTTP request, on loopback, with the next answer it was told; `requests` holds what came.

    After an answer that is shorter than it says, and when no answer is left, the connection is closed.
    """

    def __init__(self) -> None:
        self.answers: list[bytes | Callable[[socket.socket], None]] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._closing = threading.Event()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None, **kind: Any) -> None:
        """Answer the next request with a status and a body (bytes, or what is sent as JSON)."""
        self.answers.append(http(status, body, headers, **kind))

    def cut(self, status: int, body: Any, *, keep: int) -> None:
        """Answer the next request, but send only the first `keep` bytes of the body."""
        head, _, content = http(status, body).partition(b"\r\n\r\n")
        self.answers.append(head + b"\r\n\r\n" + content[:keep])

    def reset(self) -> None:
        """Reset the connection instead of answering the next request."""
        self.answers.append(RESET)

    def then(self, handle: Callable[[socket.socket], None]) -> None:
        """Give the connection of the next request to `handle`."""
        self.answers.append(handle)

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        with suppress(OSError):
            socket.create_connection(self._socket.getsockname(), timeout=1).close()
        self._thread.join(timeout=5)
        self._socket.close()

    @property
    def lines(self) -> list[str]:
        """Return the request lines that came, without the protocol."""
        return [request.split(b"\r\n", 1)[0].decode().rsplit(" ", 1)[0] for request in self.requests]

    def headers(self, number: int) -> dict[str, str]:
        """Return the headers of a request, with lower-case names."""
        head = self.requests[number].split(b"\r\n\r\n", 1)[0].decode().split("\r\n")[1:]
        return {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in head)}

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self._closing.is_set():
                connection.close()
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as stream:
            while request := _read_request(stream):
                self.requests.append(request)
                if not self.answers:
                    return
                answer = self.answers.pop(0)
                if callable(answer):
                    answer(connection)
                    return
                if answer == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                connection.sendall(answer)
                if not _is_whole(answer):
                    return


def _read_request(stream: Any) -> bytes:
    head = b""
    while line := stream.readline():
        head += line
        if line == b"\r\n":
            break
    length = next(
        (int(row[15:]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length:")), 0
    )
    return head + stream.read(length)


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"


def http(
    status: int, body: Any, headers: dict[str, str] | None = None, *, date: datetime | None = NOON
) -> bytes:
    """Return a whole HTTP answer, dated as X does it, with UTC for GMT."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(content))}
    if date is not None:
        known["Date"] = date.strftime("%a, %d %b %Y %H:%M:%S UTC")
    lines = [f"{name}: {value}" for name, value in {**known, **(headers or {})}.items()]
    return "\r\n".join([f"HTTP/1.1 {status} Status", *lines, "", ""]).encode() + content


class Clock:
    """Hold a time that passes only when somebody sleeps; `slept` lists the seconds."""

    noon = NOON

    def __init__(self) -> None:
        self.passed_s = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.passed_s += seconds

    def monotonic(self) -> float:
        """Return the seconds passed."""
        return self.passed_s

    def now(self) -> datetime:
        """Return the wall clock, which showed noon when the seconds were 1000."""
        return NOON + timedelta(seconds=self.passed_s - 1000.0)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A scripted server on loopback."""
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that passes only when slept."""
    return Clock()


@pytest.fixture
def open_client(clock: Clock) -> Iterator[Callable[..., XClient]]:
    """Open clients that hold a token already, with the clock in place of time; all are closed at the end."""
    opened: list[XClient] = []

    def open_one(url: str, auth: BearerAuth | None = None, **settings: Any) -> XClient:
        auth = auth or BearerAuth(bearer_token="AAAA%2Ftoken-of-a-test")
        known = {"sleep": clock.sleep, "monotonic": clock.monotonic, "now": clock.now}
        opened.append(XClient(url, auth, **{**known, **settings}))
        return opened[-1]

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def simulator(clock: Any) -> Iterator[Simulator]:
    """A simulated X with 25 posts on accounting and 2 on sevdesk, on the tests' own clock."""
    topics = {"accounting": Topic(total=25), "sevdesk": Topic(total=2)}
    with Simulator(
        world=World(seed=7, topics=topics, start=clock.noon),
        credentials=(KEY, SECRET),
        clock=lambda: clock.now().timestamp(),
    ) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator, open_client: Callable[..., XClient]) -> XClient:
    """A client with the simulator's key and secret, and no token yet."""
    return open_client(simulator.url, BearerAuth(KEY, SECRET))
