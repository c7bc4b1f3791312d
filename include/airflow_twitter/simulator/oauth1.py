"""Check the signature of an OAuth 1.0a request, as RFC 5849 describes it.

https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from urllib.parse import parse_qsl, quote, unquote

from airflow_twitter.simulator.request import Request

FORM = "application/x-www-form-urlencoded"
OUT_OF_BOUNDS_S = 300.0
NONCES = 10_000
# The simulator stands in for these: a client whose requests are sent here by an adapter signed for one of them.
STANDS_FOR = ("https://api.x.com", "https://api.twitter.com")


@dataclass(frozen=True)
class Keys:
    """What a request is signed with."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


class Signatures:
    """Say whether requests are signed by who they say, each signature once.

    `now` returns Unix seconds: clients stamp their requests by the machine's clock, whatever the
    simulator's own says.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = Lock()
        self._nonces: deque[tuple[str, str, str]] = deque(maxlen=NONCES)

    def holds(self, request: Request, keys: Keys) -> bool:
        """Tell whether a request is signed with these keys, lately, and for the first time."""
        signed = read_header(request.headers.get("authorization", ""))
        if signed.get("oauth_consumer_key") != keys.consumer_key or signed.get("oauth_token") != keys.token:
            return False
        if signed.get("oauth_signature_method") != "HMAC-SHA1":
            return False
        if not self._is_new(signed):
            return False
        given = signed.pop("oauth_signature", "")
        hosts = (f"http://{request.headers.get('host', '')}", *STANDS_FOR)
        return any(
            hmac.compare_digest(_sign(request, host + request.path, signed, keys), given.encode())
            for host in hosts
        )

    def _is_new(self, signed: dict[str, str]) -> bool:
        stamp = signed.get("oauth_timestamp", "")
        if not stamp.isdecimal() or abs(self._now() - int(stamp)) > OUT_OF_BOUNDS_S:
            return False
        seen = (stamp, signed.get("oauth_nonce", ""), signed.get("oauth_signature", ""))
        with self._lock:
            if not seen[1] or seen in self._nonces:
                return False
            self._nonces.append(seen)
        return True


def read_header(header: str) -> dict[str, str]:
    """Return the parameters of an OAuth header; none when it is another kind of header."""
    kind, _, rest = header.partition(" ")
    if kind.lower() != "oauth":
        return {}
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {unquote(name): unquote(value.strip('"')) for name, _, value in pairs if name}


def _sign(request: Request, url: str, signed: dict[str, str], keys: Keys) -> bytes:
    params = [(name, value) for name, value in signed.items() if name != "realm"]
    params += parse_qsl(request.query, keep_blank_values=True)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        params += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    base = "&".join(map(_encode, (request.method.upper(), url, _join(params))))
    key = f"{_encode(keys.consumer_secret)}&{_encode(keys.token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest())


def _join(params: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted((_encode(n), _encode(v)) for n, v in params))


def _encode(text: str) -> str:
    return quote(text, safe="~")
