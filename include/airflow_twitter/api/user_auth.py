"""Authentication as an account: OAuth 1.0a, which signs each request with four secrets.

Source: docs.x.com/fundamentals/authentication/oauth-1-0a/overview
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from requests import PreparedRequest
from requests.auth import AuthBase
from requests_oauthlib import OAuth1

from airflow_twitter.api.errors import ConfigError
from airflow_twitter.api.redaction import redact

AskToken = Callable[[str, AuthBase], bytes]
"""Send a form to the token endpoint with an authentication, and return the body of the answer."""

# Both log at DEBUG what they sign, and the signature.
for _name in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.INFO)


class UserAuth(Protocol):
    """What the client needs to act as an account."""

    @property
    def user_id(self) -> str | None:
        """Return the account's id, as far as the tokens tell it."""

    @property
    def account(self) -> str:
        """Return the account in words, as far as the tokens tell it."""

    def authorize(self, ask: AskToken) -> AuthBase:
        """Return the authentication of the next request, with a fresh token where that is due."""

    def renew(self, ask: AskToken) -> bool:
        """Get another token after X refused the one before; False when there is none to be had."""

    def redact(self, body: bytes) -> bytes:
        """Return `body` with all secrets replaced."""


class OAuth1User:
    """Hold the four secrets of OAuth 1.0a. White space around them is dropped.

    Raises ConfigError when one is missing.
    """

    def __init__(
        self,
        key: str | None,
        secret: str | None,
        access_token: str | None,
        access_token_secret: str | None,
    ) -> None:
        named = {
            "API key (login)": key,
            "API key secret (password)": secret,
            "access_token": access_token,
            "access_token_secret": access_token_secret,
        }
        values = [(value or "").strip() for value in named.values()]
        missing = [name for name, value in zip(named, values, strict=True) if not value]
        if missing:
            raise ConfigError(
                f"The connection cannot act as an account: {', '.join(missing)} missing. Fill in all four of "
                "OAuth 1.0a, or the client id of OAuth 2.0"
            )
        self._values = values

    @property
    def user_id(self) -> str | None:
        """Return the account's id, with which X's access tokens begin."""
        number, dash, _ = self._values[2].partition("-")
        return number if dash and number.isascii() and number.isdecimal() else None

    @property
    def account(self) -> str:
        """Return the account in words: only its id is known, and X leads from there to its page."""
        if self.user_id is None:
            return "the account of its access token"
        return f"the account {self.user_id} (https://x.com/i/user/{self.user_id})"

    def authorize(self, ask: AskToken) -> AuthBase:
        """Return the authentication that signs a request."""
        return _Signed(self._values)

    def renew(self, ask: AskToken) -> bool:
        """Return False: these tokens last until they are taken back."""
        return False

    def redact(self, body: bytes) -> bytes:
        """Return `body` with our secrets replaced."""
        return redact(body, self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(account {self.user_id or 'unknown'})"


class _Signed(AuthBase):
    """Sign a request, without saying the secrets when it is printed."""

    def __init__(self, values: list[str]) -> None:
        key, secret, token, token_secret = values
        self._sign = OAuth1(key, secret, token, token_secret)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        signed: PreparedRequest = self._sign(request)
        return signed

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"
