"""One HTTP request: where it may go and what it carries."""

from __future__ import annotations

import gzip
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.api.asking import AUTH, ask

from airflow_twitter.api.errors import ConfigError, NetworkError
from airflow_twitter.api.transport import Timeouts, check_base_url, is_loopback, open_session, send

AUTH_HEADER = "Basic b3VyczpvdXJzLXRvbw=="


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://api.x.com", "https://api.x.com"),
        ("https://api.x.com/", "https://api.x.com"),
        (" api.x.com ", "https://api.x.com"),
        ("api.x.com:8443/gateway/", "https://api.x.com:8443/gateway"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("HTTPS://API.X.COM", "HTTPS://API.X.COM"),
    ],
)
def test_https_anywhere_and_http_on_loopback(given: str, url: str) -> None:
    """A bare host means https; http is for this machine only."""
    assert check_base_url(given) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.x.com",
        "http://192.168.1.5:8080",
        "http://0.0.0.0:8080",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "ftp://api.x.com",
        "https://user:password@api.x.com",
        "https://api.x.com/?a=b",
        "https://api.x.com/#a",
        "https://api.x.com:99999",
        "https://api.x.com:0",
        "https://",
        "https:///path",
        "https://[::1",
        "https://api .x.com",
        "https://api.x.com\n.example.com",
        "",
    ],
)
def test_other_hosts_are_refused_without_repeating_credentials(url: str) -> None:
    """Whatever could show the token to the network is no base URL."""
    with pytest.raises(ConfigError) as caught:
        check_base_url(url)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"), [("LOCALHOST", True), ("::1", True), ("127.1", False), ("x", False)]
)
def test_loopback_is_told_by_the_address_itself(host: str, loopback: bool) -> None:
    """Only localhost and loopback addresses count; nothing is looked up."""
    assert is_loopback(host) is loopback


def test_request_carries_what_x_wants(server: Any) -> None:
    """Query, our authentication, gzip and the name of the client; the answer comes whole."""
    server.answer(200, b'{"a":1}', {"x-transaction-id": "abc"})
    response = ask(server.url, params={"query": 'a "b c" #d', "max_results": "10"})
    assert (response.status, response.body, response.headers["X-Transaction-Id"]) == (200, b'{"a":1}', "abc")
    assert server.lines == ["GET /2/tweets/search/recent?query=a+%22b+c%22+%23d&max_results=10"]
    headers = server.headers(0)
    assert headers["authorization"] == AUTH_HEADER
    assert headers["accept-encoding"] == "gzip, deflate"
    assert headers["user-agent"].startswith("airflow-twitter/")


def test_gzip_is_undone(server: Any) -> None:
    """The body is what X wrote before compressing."""
    server.answer(200, gzip.compress(b'{"a":1}'), {"Content-Encoding": "gzip"})
    assert ask(server.url).body == b'{"a":1}'


def test_connection_is_kept_and_no_cookie_is_sent_back(server: Any) -> None:
    """Two requests share one connection, and a cookie set by the first is not carried on."""
    server.answer(200, b"{}", {"Set-Cookie": "guest_id=1; Path=/"})
    server.answer(200, b"{}")
    with open_session(server.url) as session:
        for _ in range(2):
            send(session, "GET", server.url, auth=AUTH, timeouts=Timeouts(5, 5), monotonic=time.monotonic)
    assert server.connections == 1
    assert "cookie" not in server.headers(1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(server: Any, status: int) -> None:
    """A redirect is handed back as it is; its target is never asked."""
    server.answer(status, b"", {"Location": f"{server.url}/elsewhere"})
    assert ask(server.url).status == status
    assert len(server.requests) == 1


def test_netrc_is_not_used(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A netrc file with credentials for the very host changes nothing, though requests would read it."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login theirs password theirs-too\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server.answer(200, b"{}")
    requests.get(server.url, timeout=5)
    assert server.headers(0)["authorization"] != AUTH_HEADER, (
        "the trap must work for the test to mean anything"
    )
    for trusting in (False, True):
        server.answer(200, b"{}")
        session = open_session(server.url)
        session.trust_env = trusting
        ask(server.url, session=session)
        assert server.headers(-1)["authorization"] == AUTH_HEADER


def test_proxy_of_the_environment_never_sees_loopback(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a proxy named for everything, a request to loopback still goes straight there."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://user:password@127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        server.answer(200, b"{}")
        assert ask(server.url).status == 200
        proxy.settimeout(0.05)
        with pytest.raises(TimeoutError):
            proxy.accept()


def test_proxy_for_https_is_used_and_its_password_not_shown(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company's proxy gets a CONNECT without our authentication; its own password stays out of errors."""
    server.answer(403, b"no")
    monkeypatch.setenv("https_proxy", server.url.replace("//", "//user:proxy-password@"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(NetworkError) as caught:
        ask("https://api.example.invalid")
    assert server.lines == ["CONNECT api.example.invalid:443"]
    assert server.headers(0).get("authorization") is None
    assert "proxy-password" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__suppress_context__
