"""The HTTP server: threads, keep-alive, one write an answer, and faults at the level of the socket."""

from __future__ import annotations

import gzip
import logging
import select
import socket
import struct
import sys
import uuid
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Event, Lock
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from airflow_twitter.simulator import control
from airflow_twitter.simulator.answers import Answer, json_answer
from airflow_twitter.simulator.book import Entry
from airflow_twitter.simulator.request import Request
from airflow_twitter.simulator.rules import Rule
from airflow_twitter.simulator.service import Call, Service

log = logging.getLogger(__name__)

GZIP_FROM = 1400
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero: closing sends RST


class Server(ThreadingHTTPServer):
    """Serve one Service on a loopback port until closed."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: Service) -> None:
        self.service = service
        self.stopping = Event()
        self._open: set[socket.socket] = set()
        self._open_lock = Lock()
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the host's name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            with self._open_lock:
                self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong with a connection; clients that go away are no news."""
        gone = isinstance(sys.exc_info()[1], ConnectionError | TimeoutError)
        log.log(logging.DEBUG if gone else logging.ERROR, "A connection failed", exc_info=True)

    def close_all(self) -> None:
        """Stop slow answers and close every connection that clients keep alive."""
        self.stopping.set()
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


class Handler(BaseHTTPRequestHandler):
    """Handle one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 300

    def handle_one(self) -> None:
        """Read one request, answer it, and apply what rules say of the wire."""
        target = urlsplit(self.path)
        request = Request(
            self.command,
            target.path,
            dict(parse_qsl(target.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            query=target.query,
        )
        service = cast(Server, self.server).service
        if request.path.startswith(control.PREFIX):
            self._send(control.answer(service, self._with_body(request)), None)
            return
        try:
            call = service.begin(request)
            if self._is_cut_off(call):
                return
            answer = service.answer(call, self._with_body(request))
        except Exception:
            log.exception("The simulator itself failed at %s", request.path)
            self._send(json_answer(500, {"detail": "The simulator itself failed: see its log."}), None)
            return
        self._send(answer, call.entry)
        entry = call.entry
        log.debug("%s -> %s, %s posts%s", entry.endpoint, entry.status, len(entry.ids), entry.note())

    def _with_body(self, request: Request) -> Request:
        return replace(request, body=self.rfile.read(self._length))

    @property
    def _length(self) -> int:
        length = self.headers.get("content-length", "0")
        return int(length) if length.isdigit() else 0

    def _is_cut_off(self, call: Call) -> bool:
        """Reset the connection within the request's body when a rule says so."""
        for rule in call.rules:
            if rule.fault == "reset_in_body":
                call.entry.received = len(self.rfile.read(min(int(rule["after"]), self._length)))
                self._reset(call.entry)
                return True
        return False

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = handle_one

    def _send(self, answer: Answer, entry: Entry | None) -> None:
        wire = {rule.fault: rule for rule in answer.wire}
        if "slow" in wire and int(wire["slow"]["pieces"]) <= 1:
            self._pause_before(entry, float(wire["slow"]["delay_s"]))
        if "reset_before" in wire or "lost_answer" in wire:
            self._reset(entry)
            return
        body = self._packed(answer)
        head = self._head(answer, len(body), wire.get("clock_skew"))
        body = b"" if self.command == "HEAD" else body
        try:
            if "cut" in wire:
                self._cut(head, body, wire["cut"], entry)
            elif "slow" in wire and int(wire["slow"]["pieces"]) > 1:
                self._drip(head, body, wire["slow"])
            else:
                self.wfile.write(head + body)
                self.wfile.flush()
        except OSError:
            self.close_connection = True
            if entry is not None:
                entry.delivered = False

    def _packed(self, answer: Answer) -> bytes:
        if len(answer.body) < GZIP_FROM or "gzip" not in self.headers.get("accept-encoding", ""):
            return answer.body
        answer.headers["content-encoding"] = "gzip"
        return gzip.compress(answer.body, compresslevel=1)

    def _head(self, answer: Answer, length: int, skew: Rule | None) -> bytes:
        skew_s = float(skew["skew_s"]) if skew else 0.0
        date = formatdate(cast(Server, self.server).service.now_s() + skew_s, usegmt=True)
        for name in answer.headers:
            if name.endswith("-reset"):
                answer.headers[name] = str(int(answer.headers[name]) + int(skew_s))
        headers = {
            "date": date if answer.gmt else date.replace("GMT", "UTC"),
            "server": "tsa_simulator",
            "api-version": "2.167",
            "content-type": answer.content_type,
            "cache-control": "no-cache, no-store, max-age=0",
            "content-length": str(length),
            "x-transaction-id": uuid.uuid4().hex[:16],
            **answer.headers,
        }
        reason = HTTPStatus(answer.status).phrase
        lines = [
            f"HTTP/1.1 {answer.status} {reason}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _reset(self, entry: Entry | None) -> None:
        if entry is not None:
            entry.status, entry.delivered = 0, False
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.connection.close()
        self.close_connection = True

    def _cut(self, head: bytes, body: bytes, rule: Rule, entry: Entry | None) -> None:
        if entry is not None:
            entry.delivered = False
        self.wfile.write(head + body[: int(len(body) * float(rule["share"]))])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _drip(self, head: bytes, body: bytes, rule: Rule) -> None:
        pieces = int(rule["pieces"])
        size = max(1, -(-len(body) // pieces))
        self.wfile.write(head)
        for at in range(0, len(body), size):
            self.wfile.flush()
            self._pause(float(rule["delay_s"]) / pieces)
            self.wfile.write(body[at : at + size])
        self.wfile.flush()

    def _pause_before(self, entry: Entry | None, delay_s: float) -> None:
        """Let the client wait; as long as it does, nothing is delivered, and never if it goes away."""
        delivered = entry is not None and entry.delivered
        if entry is not None:
            entry.delivered = False
        self._pause(delay_s)
        if entry is not None:
            entry.delivered = delivered and not self._client_is_gone()

    def _client_is_gone(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def _pause(self, seconds: float) -> None:
        cast(Server, self.server).stopping.wait(seconds)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a request line may hold anything."""
