"""Make the Test button of the connection form work for connections that have no port.

The UI of Airflow 3.3.2 tests such a connection with port 0, and the API server takes that for another
destination than the stored one and answers 400 (apache/airflow#73298 corrects it). This can go when the pinned
Airflow holds that correction.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH = "/api/v2/connections/test"
BODY_MAX = 65_536


class PortlessConnectionTest:
    """ASGI middleware: drop port 0 from the test of a connection of type ``twitter``; all else passes untouched."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if not _is_connection_test(scope):
            return await self.app(scope, receive, send)
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None  # the client has gone
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        body = without_port_0(body)
        headers = [pair for pair in scope["headers"] if pair[0] != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        return await self.app({**scope, "headers": headers}, replay, send)


def without_port_0(body: bytes) -> bytes:
    """Return the JSON of a connection without its port when that is 0; anything else as it is."""
    try:
        connection = json.loads(body)
    except ValueError:
        return body
    if not isinstance(connection, dict) or connection.get("conn_type") != "twitter":
        return body
    if connection.get("port") != 0:
        return body
    return json.dumps({**connection, "port": None}).encode()


def _is_connection_test(scope: Message) -> bool:
    if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].endswith(PATH):
        return False
    length = dict(scope["headers"]).get(b"content-length", b"")
    return length.isdigit() and int(length) <= BODY_MAX
