"""Signatures of OAuth 1.0a, against another implementation of the same standard."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from oauthlib.oauth1 import Client

from airflow_twitter.simulator.oauth1 import Keys, Signatures, read_header
from airflow_twitter.simulator.request import Request

KEYS = Keys("consumer", "consumer secret/+", "8000000001-token", "token secret=&")
FORM = "application/x-www-form-urlencoded"
TEXT = some.text(max_size=12)


def signed(
    url: str,
    method: str = "POST",
    body: str = "",
    content_type: str | None = None,
    keys: Keys = KEYS,
    **settings: Any,
) -> Request:
    """Return a request as oauthlib signs it."""
    client = Client(keys.consumer_key, keys.consumer_secret, keys.token, keys.token_secret, **settings)
    headers = {"Content-Type": content_type} if content_type else {}
    form = body if content_type == FORM else None
    url, made, _ = client.sign(url, method, form, headers)
    parts = urlsplit(url)
    known = {name.lower(): value for name, value in made.items()} | {"host": parts.netloc}
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, parts.path, params, known, body.encode(), parts.query)


@settings(max_examples=60, deadline=None)
@given(
    some.lists(some.tuples(TEXT.filter(bool), TEXT), max_size=4),
    some.lists(some.tuples(TEXT.filter(bool), TEXT), min_size=1, max_size=3),
    some.sampled_from(["GET", "POST", "DELETE"]),
    some.booleans(),
)
def test_what_oauthlib_signs_holds(
    query: list[tuple[str, str]], form: list[tuple[str, str]], method: str, with_form: bool
) -> None:
    """Any query and form are signed alike by both; under other keys the same request does not hold."""
    from urllib.parse import urlencode

    url = "http://127.0.0.1:8080/2/media/upload" + (f"?{urlencode(query)}" if query else "")
    body, kind = (urlencode(form), FORM) if with_form and method == "POST" else ("", None)
    request = signed(url, method, body, kind)
    assert not Signatures().holds(request, Keys("consumer", "other", "8000000001-token", KEYS.token_secret))
    assert not Signatures().holds(
        request, Keys("consumer", KEYS.consumer_secret, "8000000001-token", "other")
    )
    assert Signatures().holds(request, KEYS)


@pytest.mark.parametrize("host", ["https://api.x.com", "https://api.twitter.com", "http://127.0.0.1:8080"])
def test_it_stands_in_for_x(host: str) -> None:
    """What was signed for X's own addresses holds wherever it was sent; for any other address it does not."""
    request = signed(f"{host}/2/tweets")
    moved = Request(
        request.method, request.path, request.params, {**request.headers, "host": "127.0.0.1:8080"}
    )
    assert Signatures().holds(moved, KEYS)
    elsewhere = signed("https://example.com/2/tweets")
    moved = Request(elsewhere.method, elsewhere.path, {}, {**elsewhere.headers, "host": "127.0.0.1:8080"})
    assert not Signatures().holds(moved, KEYS)


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "DELETE"},
        {"path": "/2/tweets/1"},
        {"query": "a=2"},
        {"query": ""},
    ],
)
def test_what_was_changed_on_the_way_does_not_hold(changed: dict[str, Any]) -> None:
    """Method, path and query are under the signature."""
    request = signed("http://127.0.0.1:1/2/tweets?a=1")
    assert not Signatures().holds(Request(**{**vars(request), **changed}), KEYS)
    assert Signatures().holds(request, KEYS)


def test_a_signature_is_good_once_and_for_a_while() -> None:
    """The same nonce again, and a stamp of long ago, are refused."""
    signatures = Signatures()
    request = signed("http://127.0.0.1:1/2/tweets")
    assert [signatures.holds(request, KEYS) for _ in range(2)] == [True, False]
    old = signed("http://127.0.0.1:1/2/tweets", timestamp=str(int(time.time()) - 400))
    assert not signatures.holds(old, KEYS)
    assert not signatures.holds(signed("http://127.0.0.1:1/2/tweets", signature_method="PLAINTEXT"), KEYS)


@given(some.text(max_size=60))
def test_any_header_can_be_read(header: str) -> None:
    """What is no OAuth header has no parameters; nothing makes the reading fail."""
    assert isinstance(read_header(header), dict)
    assert isinstance(read_header(f"OAuth {header}"), dict)
    request = Request("GET", "/", {}, {"authorization": f"OAuth {header}"})
    assert not Signatures().holds(request, KEYS)
