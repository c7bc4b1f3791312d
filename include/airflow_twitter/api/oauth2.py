"""Authentication as an account by OAuth 2.0: an access token of two hours, and a refresh token that is good once.

Source: docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from requests.auth import AuthBase

from airflow_twitter.api.errors import (
    AuthorizationLostError,
    ConfigError,
    TransientError,
)
from airflow_twitter.api.headers import Header, basic, checked_token
from airflow_twitter.api.redaction import redact
from airflow_twitter.api.token_pair import TOKEN_NAME, TokenPair, read_pair
from airflow_twitter.api.user_auth import AskToken
from airflow_twitter.times import rfc3339, utc_now

logger = logging.getLogger(__name__)

REFRESH_BEFORE_S = 300.0
"""A token that runs out sooner is refreshed first, so that none runs out on the way."""


class PairStore(Protocol):
    """Where the pair of an account is kept, encrypted, for all processes that act as it."""

    def load(self) -> TokenPair | None:
        """Return the pair that was stored last, None when there is none."""

    def save(self, pair: TokenPair) -> None:
        """Store a pair; it may be used only once this has returned. Raises TransientError."""

    def lock(self) -> AbstractContextManager[None]:
        """Hold back every other process that would refresh the pair."""


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """Hold what an app is known by; without a secret it is a public client, which says who it is in the form."""

    client_id: str
    client_secret: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client_id})"

    def form(self, **fields: str) -> str:
        """Return the form for the token endpoint."""
        return urlencode(fields if self.client_secret else {**fields, "client_id": self.client_id})

    def auth(self) -> AuthBase:
        """Return the authentication at the token endpoint."""
        if not self.client_secret:
            return Header(None)
        return Header(f"Basic {basic(self.client_id, self.client_secret)}")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what a server may not be quoted with."""
        if not self.client_secret:
            return ()
        return self.client_secret, basic(self.client_id, self.client_secret)


class OAuth2User:
    """Act as the account whose pair lies in `store`.

    A pair is refreshed by one process at a time, and stored before it is used. A process that finds another
    pair in the store than it holds takes that one.
    """

    def __init__(self, keys: ClientKeys, store: PairStore, *, now: Callable[[], datetime] = utc_now) -> None:
        self._keys = keys
        self._store = store
        self._now = now
        self._pair: TokenPair | None = None

    @property
    def user_id(self) -> str | None:
        """Return the account's id, as it was when the app was authorized."""
        return self._held().user_id

    @property
    def account(self) -> str:
        """Return the account in words, as it was when the app was authorized."""
        return f"@{self._held().username}"

    def authorize(self, ask: AskToken) -> AuthBase:
        """Return the authentication of the next request, with a new pair when the old one is about to end."""
        pair = self._held()
        if self._ends_soon(pair) and pair.refresh_token:
            pair = self._replace(pair, ask)
        return Header(f"Bearer {pair.access_token}")

    def renew(self, ask: AskToken) -> bool:
        """Take the pair that another process has stored, or ask for a new one; False when there can be none."""
        pair = self._held()
        if pair.refresh_token is None:
            return False
        self._replace(pair, ask)
        return True

    def redact(self, body: bytes) -> bytes:
        """Return `body` with all secrets replaced."""
        pair = self._pair
        tokens = (pair.access_token, pair.refresh_token or "") if pair else ()
        return redact(body, (*tokens, *self._keys.secrets))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._pair or 'no tokens yet'})"

    def _held(self) -> TokenPair:
        if self._pair is None:
            self._pair = self._checked(self._store.load())
        return self._pair

    def _checked(self, pair: TokenPair | None) -> TokenPair:
        if pair is None:
            raise ConfigError("Nobody has authorized the app to act as this account yet: make authorize")
        if pair.client_id != self._keys.client_id:
            raise ConfigError(
                f"The account was authorized for the app {pair.client_id}, and the connection names "
                f"{self._keys.client_id}: authorize again"
            )
        return pair

    def _ends_soon(self, pair: TokenPair) -> bool:
        return self._now() > pair.expires_at - timedelta(seconds=REFRESH_BEFORE_S)

    def _replace(self, old: TokenPair, ask: AskToken) -> TokenPair:
        """Return another pair than `old`: the stored one if it is another, else a new one from X."""
        with self._store.lock():
            stored = self._checked(self._store.load())
            self._pair = stored if stored.access_token != old.access_token else self._refresh(stored, ask)
        return self._pair

    def _refresh(self, old: TokenPair, ask: AskToken) -> TokenPair:
        logger.info("Refreshing the tokens of @%s", old.username)
        since = old.refreshing_since
        self._store.save(replace(old, refreshing_since=self._now()))
        form = self._keys.form(grant_type="refresh_token", refresh_token=old.refresh_token or "")
        try:
            body = ask(form, self._keys.auth())
        except AuthorizationLostError as error:
            return self._after_refusal(old, since, error)
        new = read_pair(body, self._keys.client_id, self._now())
        new = replace(
            new,
            refresh_token=new.refresh_token or old.refresh_token,
            user_id=old.user_id,
            username=old.username,
        )
        try:
            self._store.save(new)
        except TransientError as error:
            lost = f"X gave new tokens of @{old.username}, and they are lost"
            raise AuthorizationLostError(lost, detail=error.what) from error
        logger.info("The tokens of @%s are new", old.username)
        return new

    def _after_refusal(
        self, old: TokenPair, since: datetime | None, error: AuthorizationLostError
    ) -> TokenPair:
        """Return the pair that a process beyond our lock has stored meanwhile, or raise."""
        stored = self._store.load()
        if stored is not None and stored.access_token != old.access_token:
            return stored
        if since is not None:
            error.messages += (
                f"New tokens were asked for at {rfc3339(since)}, and what X answered was never stored.",
            )
        raise error


class FixedToken:
    """Act by an OAuth 2.0 access token that somebody else looks after; it ends after two hours."""

    def __init__(self, token: str) -> None:
        self._token = checked_token(token, TOKEN_NAME)

    @property
    def user_id(self) -> str | None:
        """Return None: this token does not tell."""
        return None

    @property
    def account(self) -> str:
        """Return the account in words."""
        return "the account of its token"

    def authorize(self, ask: AskToken) -> AuthBase:
        """Return the authentication of every request."""
        return Header(f"Bearer {self._token}")

    def renew(self, ask: AskToken) -> bool:
        """Return False."""
        return False

    def redact(self, body: bytes) -> bytes:
        """Return `body` with the token replaced."""
        return redact(body, (self._token,))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"
