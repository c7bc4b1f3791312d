"""The Test button for connections without a port."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from airflow_twitter.pages.portless import BODY_MAX, PATH, PortlessConnectionTest, without_port_0


def pass_through(
    path: str, body: bytes, chunks: int = 1, method: str = "POST"
) -> tuple[bytes, dict[bytes, bytes]]:
    """Send a request through the middleware; return the body and headers that arrive behind it."""
    size = -(-len(body) // chunks) or 1
    parts = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    waiting = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, 1)
    ]
    arrived: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        arrived["headers"] = dict(scope["headers"])
        arrived["body"] = b""
        while True:
            message = await receive()
            arrived["body"] += message["body"]
            if not message["more_body"]:
                break

    async def receive() -> Any:
        return waiting.pop(0)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(b"x-other", b"1"), (b"content-length", str(len(body)).encode())],
    }
    asyncio.run(PortlessConnectionTest(app)(scope, receive, None))  # type: ignore[arg-type]
    return arrived["body"], arrived["headers"]


@pytest.mark.parametrize("chunks", [1, 7])
def test_port_0_is_dropped_from_a_test(chunks: int) -> None:
    """The UI's port 0 becomes no port, whole or in chunks, and the length is right again."""
    sent = {"conn_type": "twitter", "connection_id": "c", "port": 0, "password": "***", "login": "ü"}
    body, headers = pass_through(PATH, json.dumps(sent).encode(), chunks)
    assert json.loads(body) == sent | {"port": None}
    assert headers == {b"x-other": b"1", b"content-length": str(len(body)).encode()}


@pytest.mark.parametrize(
    ("path", "method", "connection"),
    [
        (PATH, "POST", {"conn_type": "postgres", "port": 0}),
        (PATH, "POST", {"conn_type": "twitter", "port": 8090}),
        (PATH, "POST", ["twitter", 0]),
        ("/api/v2/connections", "POST", {"conn_type": "twitter", "port": 0}),
        (PATH, "GET", {"conn_type": "twitter", "port": 0}),
        (PATH, "POST", {"conn_type": "twitter", "port": 0, "extra": "x" * BODY_MAX}),
    ],
)
def test_everything_else_passes_untouched(path: str, method: str, connection: Any) -> None:
    """Other types, real ports, other addresses and oversized bodies arrive byte for byte."""
    sent = json.dumps(connection, indent=3).encode()
    assert pass_through(path, sent, 3, method)[0] == sent


def test_what_is_no_json_passes_untouched() -> None:
    """A body that is no JSON is Airflow's to refuse."""
    assert without_port_0(b"{port: 0") == b"{port: 0"
    assert without_port_0(b"\xff") == b"\xff"
