"""The Authorization header, and what may stand in it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import quote

from requests import PreparedRequest
from requests.auth import AuthBase

from airflow_twitter.api.errors import ConfigError


class Header(AuthBase):
    """Set the Authorization header of a request, or none, without saying it when it is printed."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


def basic(key: str, secret: str) -> str:
    """Return the credentials of HTTP Basic that X wants: both encoded for URLs, then in base64."""
    return b64encode(f"{quote(key, safe='')}:{quote(secret, safe='')}".encode()).decode()


def checked_token(token: Any, name: str) -> str:
    """Return a token that can stand in a header; raise ConfigError, without the token, for any other.

    `name` says in the error what it is: "The bearer token".
    """
    # requests would name the whole header in the error that it raises for a bad one.
    text = token.strip() if isinstance(token, str) else ""
    if not text or not all("!" <= char <= "~" for char in text):
        raise ConfigError(f"{name} is not a line of printable ASCII characters without spaces.")
    return text
