"""The bearer token and its keys."""

from __future__ import annotations

import base64
import json

import pytest
import requests

from airflow_twitter.api.auth import BearerAuth
from airflow_twitter.api.errors import ConfigError, NetworkError, TokenKindError

SECRETS = ("key-of-a-test", "secret-of-a-test", "AAAA%2Ftoken-of-a-test")


def header(auth: requests.auth.AuthBase) -> str:
    """Return the Authorization header that `auth` sets."""
    request = requests.Request("GET", "http://127.0.0.1/", auth=auth).prepare()
    return str(request.headers["Authorization"])


def test_keys_are_encoded_before_they_are_joined() -> None:
    """Basic authentication takes the percent-encoded key and secret."""
    value = header(BearerAuth("k:e/y", "s e+c").keys())
    assert base64.b64decode(value.removeprefix("Basic ")) == b"k%3Ae%2Fy:s%20e%2Bc"


def test_token_is_taken_and_used_as_it_came() -> None:
    """The token's own percent signs stay."""
    auth = BearerAuth(*SECRETS[:2])
    assert (auth.has_token, auth.can_renew) == (False, True)
    auth.accept(json.dumps({"token_type": "bearer", "access_token": SECRETS[2]}).encode())
    assert header(auth.token()) == f"Bearer {SECRETS[2]}"
    auth.forget()
    assert not auth.has_token
    with pytest.raises(ConfigError):
        auth.token()


def test_given_token_is_used_first_and_cannot_be_renewed_without_keys() -> None:
    """A bearer token alone is enough, but only keys can make a new one."""
    auth = BearerAuth(bearer_token=f" {SECRETS[2]}\n")
    assert (auth.has_token, auth.can_renew) == (True, False)
    assert header(auth.token()) == f"Bearer {SECRETS[2]}"
    assert BearerAuth(*SECRETS[:2], bearer_token=SECRETS[2]).can_renew


@pytest.mark.parametrize("keys", [(None, None), ("", ""), ("key", None), (None, "secret"), ("key", "  ")])
def test_missing_credentials_are_refused(keys: tuple[str | None, str | None]) -> None:
    """Half a pair of keys is none."""
    with pytest.raises(ConfigError, match="neither API key and secret nor a bearer_token"):
        BearerAuth(*keys)


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ünicode", "tab\there", "nul\0"])
def test_token_that_cannot_be_a_header_is_refused_without_showing_it(token: str) -> None:
    """The error does not repeat the value."""
    with pytest.raises(ConfigError) as caught:
        BearerAuth(bearer_token=token)
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"token_type": "bearer"}', b'{"access_token": 5}', b"\xff"]
)
def test_answer_without_a_token_is_a_network_error(body: bytes) -> None:
    """Something else than X's token endpoint answered: worth another try."""
    with pytest.raises(NetworkError, match="holds no token"):
        BearerAuth(*SECRETS[:2]).accept(body)


@pytest.mark.parametrize("kind", ["mac", None, 5])
def test_other_kinds_of_token_are_refused(kind: object) -> None:
    """X documents to check that the type is bearer."""
    with pytest.raises(TokenKindError, match="not of type bearer"):
        BearerAuth(*SECRETS[:2]).accept(json.dumps({"token_type": kind, "access_token": "x"}).encode())


def test_secrets_are_in_no_repr() -> None:
    """Neither the holder nor what it hands to requests shows a secret."""
    auth = BearerAuth(*SECRETS[:2], bearer_token=SECRETS[2])
    text = f"{auth!r} {auth} {auth.keys()!r} {auth.token()!r}"
    assert not [secret for secret in SECRETS if secret in text]


def test_secrets_are_redacted() -> None:
    """A server that repeats what it was sent does not get secret or token into our errors."""
    auth = BearerAuth(*SECRETS[:2], bearer_token=SECRETS[2])
    assert auth.redact(b"a secret-of-a-test b AAAA%2Ftoken-of-a-test c AAAA%252Ftoken-of-a-test") == (
        b"a *** b *** c ***"
    )
