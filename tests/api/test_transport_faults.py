"""What can happen to an HTTP request on its way, over real sockets."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.api.asking import ask

from airflow_twitter.api.errors import NetworkError, PermanentError
from airflow_twitter.api.transport import Timeouts


def test_reset_is_a_network_error(server: Any) -> None:
    """A connection that is reset before the answer; the request may have arrived."""
    server.reset()
    with pytest.raises(NetworkError, match=r"GET /2/tweets/search/recent failed: The connection") as caught:
        ask(server.url)
    assert caught.value.sent


def test_refused_connection_is_a_network_error() -> None:
    """Nobody listens, so that nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(NetworkError, match="ConnectionRefusedError") as caught:
        ask(url)
    assert not caught.value.sent


def test_close_without_an_answer_is_a_network_error(server: Any) -> None:
    """A connection that is closed cleanly before the answer."""
    server.then(lambda connection: connection.shutdown(socket.SHUT_RDWR))
    with pytest.raises(NetworkError, match="RemoteDisconnected"):
        ask(server.url)


@pytest.mark.parametrize("keep", [0, 1, 500])
def test_truncated_body_is_a_network_error(server: Any, keep: int) -> None:
    """An answer shorter than it says is not taken for a whole one."""
    server.cut(200, b'{"a":"' + b"x" * 1000 + b'"}', keep=keep)
    with pytest.raises(NetworkError, match="cut off"):
        ask(server.url)


def test_broken_gzip_is_a_network_error(server: Any) -> None:
    """A body that cannot be decompressed."""
    server.answer(200, b"no gzip", {"Content-Encoding": "gzip"})
    with pytest.raises(NetworkError, match="could not be decompressed"):
        ask(server.url)


def test_garbage_instead_of_http_is_a_network_error(server: Any) -> None:
    """A server that speaks something else."""
    server.then(lambda connection: connection.sendall(b"SSH-2.0-something\r\n\r\n"))
    with pytest.raises(NetworkError):
        ask(server.url)


def test_silence_is_a_timeout(server: Any) -> None:
    """A server that takes the request and says nothing."""
    done = threading.Event()
    server.then(lambda _: done.wait(5) and None)
    with pytest.raises(NetworkError, match="No answer in time"):
        ask(server.url, timeouts=Timeouts(1.0, 0.05))
    done.set()


def test_silence_in_mid_answer_is_a_timeout(server: Any) -> None:
    """A server that stops in the middle and keeps the connection."""
    done = threading.Event()

    def stop_short(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        done.wait(5)

    server.then(stop_short)
    with pytest.raises(NetworkError, match="No answer in time"):
        ask(server.url, timeouts=Timeouts(1.0, 0.05))
    done.set()


def test_answer_that_drips_is_bounded(server: Any) -> None:
    """Bytes that keep coming, each in time, do not keep a task for ever: the whole answer has a bound."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"4\r\nabcd\r\n"

    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(200):
            connection.sendall(chunk)
            time.sleep(0.01)

    server.then(drip)
    ticks = iter(range(0, 10000, 4))
    with pytest.raises(NetworkError, match="not answered in full within 20 s"):
        ask(server.url, timeouts=Timeouts(10.0, 10.0), monotonic=lambda: float(next(ticks)))


def test_untrusted_certificate_is_permanent(tls_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS is checked: a self-signed certificate is refused, and trying again would change nothing."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with pytest.raises(PermanentError, match="certificate of the server is not trusted"):
        ask(tls_server)


def test_tls_that_fails_otherwise_is_a_network_error() -> None:
    """A server that does not speak TLS is trouble on the way, not a certificate."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_in_plain_text() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                connection.recv(4096)

        thread = threading.Thread(target=answer_in_plain_text)
        thread.start()
        with pytest.raises(NetworkError, match="SSLError"):
            ask(f"https://127.0.0.1:{listener.getsockname()[1]}")
        thread.join(timeout=5)


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[str]:
    """A TLS server on loopback whose certificate nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_once, args=(listener, context))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(timeout=5)


def serve_once(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Take one connection and shake hands."""
    with suppress(OSError):
        connection, _ = listener.accept()
        with connection, context.wrap_socket(connection, server_side=True):
            pass


def self_signed(folder: Path) -> Path:
    """Write a new key with a certificate for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
