"""App-only authentication: a bearer token from API key and secret, held in memory only.

Source: docs.x.com/resources/fundamentals/authentication/oauth-2-0/application-only
"""

from __future__ import annotations

import json

from requests.auth import AuthBase

from airflow_twitter.api.errors import ConfigError, NetworkError, TokenKindError
from airflow_twitter.api.headers import Header, basic, checked_token
from airflow_twitter.api.redaction import redact

TOKEN_PATH = "/oauth2/token"
TOKEN_FORM = "grant_type=client_credentials"
FORM_TYPE = "application/x-www-form-urlencoded;charset=UTF-8"
_NAME = "The bearer token"


class BearerAuth:
    """Hold the keys of an app and the bearer token made from them.

    With `bearer_token` that token is used first, and a new one can be had only when key and secret are
    given as well. White space around any of them is dropped. Raises ConfigError when neither both keys nor
    a token are given, or when the token cannot stand in a header.
    """

    def __init__(
        self, key: str | None = None, secret: str | None = None, *, bearer_token: str | None = None
    ) -> None:
        self._key = (key or "").strip()
        self._secret = (secret or "").strip()
        self._token: str | None = None
        if not self.can_renew and not (bearer_token or "").strip():
            raise ConfigError("The connection has neither API key and secret nor a bearer_token.")
        if (bearer_token or "").strip():
            self._token = checked_token(bearer_token, _NAME)

    @property
    def has_token(self) -> bool:
        """Tell whether a token is held."""
        return self._token is not None

    @property
    def can_renew(self) -> bool:
        """Tell whether key and secret are there to ask for a token."""
        return bool(self._key and self._secret)

    def keys(self) -> AuthBase:
        """Return the authentication of the request for a token: HTTP Basic of the encoded key and secret."""
        return Header(f"Basic {basic(self._key, self._secret)}")

    def token(self) -> AuthBase:
        """Return the authentication of every other request."""
        if self._token is None:
            raise ConfigError("There is no bearer token yet.")
        return Header(f"Bearer {self._token}")

    def accept(self, body: bytes) -> None:
        """Take the token out of the token endpoint's answer.

        Raises NetworkError when it is no such answer, TokenKindError when it is another kind of token.
        """
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        if not isinstance(content, dict) or not isinstance(content.get("access_token"), str):
            raise NetworkError(f"The answer to POST {TOKEN_PATH} holds no token")
        kind = content.get("token_type")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise TokenKindError(f"POST {TOKEN_PATH} gave a token that is not of type bearer")
        self._token = checked_token(content["access_token"], _NAME)

    def forget(self) -> None:
        """Drop the token, so that the next request asks for a new one."""
        self._token = None

    def redact(self, body: bytes) -> bytes:
        """Return `body` with our secrets replaced, in case a server repeats what it was sent."""
        return redact(body, (basic(self._key, self._secret), self._key, self._secret, self._token or ""))

    def __repr__(self) -> str:
        keys = "set" if self.can_renew else "missing"
        return f"{type(self).__name__}(keys {keys}, token {'held' if self.has_token else 'missing'})"
