"""Let a person authorize the app for an account: `python -m airflow_twitter.authorize`, or `make authorize`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

from airflow_twitter.api.authorizing import TokenClient, Walk, is_reachable
from airflow_twitter.api.errors import ConfigError, XError
from airflow_twitter.api.oauth2 import FixedToken
from airflow_twitter.api.token_pair import TokenPair
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.hooks.oauth2_store import VariableStore, is_encrypted
from airflow_twitter.hooks.twitter import base_url
from airflow_twitter.hooks.user_auth import mask_connection, oauth2_parts
from airflow_twitter.posts.store import StoreError
from airflow_twitter.times import utc_now

REDIRECT_URI = "http://127.0.0.1:8912/callback"
_DONE = b"<!DOCTYPE html><title>airflow-twitter</title><p>Received. Look at the terminal; this page can be closed.\n"


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m airflow_twitter.authorize",
        description="Let a person authorize the app to act as an account of X (OAuth 2.0 with PKCE), and store "
        "the tokens in an encrypted Airflow Variable.",
    )
    made.add_argument(
        "--conn-id", default="twitter_default", help="the Airflow Connection (default: %(default)s)"
    )
    made.add_argument(
        "--redirect-uri",
        default=REDIRECT_URI,
        help="where X sends the browser back to; one of those that the app names in X's developer console "
        "(default: %(default)s)",
    )
    made.add_argument(
        "--paste",
        action="store_true",
        help="paste the address from the browser instead of listening for it: when the browser runs on another "
        "machine",
    )
    made.add_argument(
        "--timeout-s",
        type=float,
        default=300.0,
        help="how long to listen for the person (default: %(default)s)",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Walk a person through it; return 1, after a sentence on what is wrong, when it did not work."""
    options = parser().parse_args(arguments)
    try:
        connection = _connection(options.conn_id)
        username = authorize(
            connection, options.redirect_uri, paste=options.paste, timeout_s=options.timeout_s
        )
    except (XError, StoreError) as error:
        print(f"Not authorized. {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("Interrupted: nothing was stored.", file=sys.stderr)
        return 130
    print(f"The app may act as @{username} now. The tokens are stored, and renew themselves.")
    return 0


def authorize(connection: Any, redirect_uri: str, *, paste: bool, timeout_s: float) -> str:
    """Get the first tokens for a Connection's account, store them, and return the account's name."""
    mask_connection(connection)
    keys, store = oauth2_parts(connection)
    if not is_encrypted():
        raise ConfigError(
            "This Airflow has no Fernet key, so it would keep the tokens readable for all: set one"
        )
    walk = Walk(base_url(connection), keys, redirect_uri)
    read = _paste if paste or not is_reachable(redirect_uri) else _listener(redirect_uri, timeout_s)
    print(f"Log in to X as @{store.username}, open this address and agree:\n\n  {walk.url}\n", flush=True)
    code = walk.read_code(read())
    with TokenClient(walk.base_url) as client:
        pair = client.exchange(walk, code, utc_now)
    return _store(_named(walk.base_url, pair), store)


def _named(url: str, pair: TokenPair) -> TokenPair:
    """Ask X whose tokens these are."""
    with UserClient(url, FixedToken(pair.access_token)) as client:
        user = client.me()
    return replace(pair, user_id=user.id, username=user.username)


def _store(pair: TokenPair, store: VariableStore) -> str:
    if str(pair.username).lower() != store.username.lower():
        raise ConfigError(
            f"It was @{pair.username} who agreed, and the connection names @{store.username}: nothing was stored. "
            "Log in to X as the right account and try again"
        )
    if pair.refresh_token is None:
        raise ConfigError("X gave no refresh token: allow the app the scope offline.access")
    with store.lock():
        store.save(pair)
    return str(pair.username)


def _connection(conn_id: str) -> Any:
    from airflow.models import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        raise ConfigError(f"Airflow has no connection {conn_id!r}: make it first") from None


def _paste() -> str:
    return input("Paste the address that the browser shows in the end: ")


def _listener(redirect_uri: str, timeout_s: float) -> Callable[[], str]:
    """Begin to listen where X sends the browser back to; return what waits for it."""
    parts = urlsplit(redirect_uri)
    try:
        server = HTTPServer((parts.hostname or "", parts.port or 0), _Callback)
    except OSError as error:
        raise ConfigError(
            f"Cannot listen at {redirect_uri}: {error.strerror}. Name another one with --redirect-uri, or --paste"
        ) from None

    def wait() -> str:
        deadline = time.monotonic() + timeout_s
        with server:
            while (left_s := deadline - time.monotonic()) > 0:
                server.timeout = left_s
                server.handle_request()
                target = getattr(server, "received", "")
                if urlsplit(target).path == parts.path:
                    return target
        raise ConfigError(f"Nobody came back from X within {timeout_s:g} s: nothing was stored")

    return wait


class _Callback(BaseHTTPRequestHandler):
    """Take one visit of the browser."""

    timeout = 10

    def do_GET(self) -> None:
        self.server.received = self.path  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(_DONE)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the address holds a code."""


if __name__ == "__main__":
    sys.exit(main())
