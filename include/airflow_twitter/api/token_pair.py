"""The tokens of an account by OAuth 2.0: as X gives them, and as they are kept.

Source: docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow_twitter.api.errors import AuthError, ConfigError, NetworkError
from airflow_twitter.api.headers import checked_token
from airflow_twitter.times import rfc3339

TOKEN_NAME = "A token of the account"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Hold the tokens of an account: `expires_at` (aware UTC, our clock) is the end of the access token.

    Without `refresh_token` the app was not allowed to go on by itself (scope `offline.access`). `client_id` is
    the app that they were given to. `refreshing_since` is set while a new pair has been asked for and not yet
    been stored.
    """

    access_token: str
    refresh_token: str | None
    expires_at: datetime
    client_id: str
    user_id: str | None = None
    username: str | None = None
    refreshing_since: datetime | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(@{self.username}, until {rfc3339(self.expires_at)})"

    def to_json(self) -> str:
        """Return the pair as JSON text, which is secret."""
        return json.dumps(
            {
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "expires_at": self.expires_at.isoformat(),
                "client_id": self.client_id,
                "user_id": self.user_id,
                "username": self.username,
                "refreshing_since": self.refreshing_since and self.refreshing_since.isoformat(),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> TokenPair:
        """Read what `to_json` wrote; raise ConfigError, without the text, when it is something else."""
        try:
            known = json.loads(text)
            since = known.get("refreshing_since")
            return cls(
                access_token=checked_token(known["access_token"], TOKEN_NAME),
                refresh_token=known["refresh_token"] and checked_token(known["refresh_token"], TOKEN_NAME),
                expires_at=_aware(known["expires_at"]),
                client_id=str(known["client_id"]),
                user_id=known["user_id"],
                username=known["username"],
                refreshing_since=since and _aware(since),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ConfigError(
                "What is stored as the account's tokens is damaged: authorize the app again"
            ) from None


def read_pair(body: bytes, client_id: str, now: datetime) -> TokenPair:
    """Read the answer of the token endpoint; raise NetworkError when it holds no token, AuthError for another kind.

    Nothing of what the token is wanted for has been sent then.
    """
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, Mapping) or not isinstance(content.get("access_token"), str):
        error = NetworkError("The answer of the token endpoint holds no token")
        error.sent = False
        raise error
    if str(content.get("token_type", "")).lower() != "bearer":
        raise AuthError("X gave a token that is not of type bearer")
    refresh_token = content.get("refresh_token")
    return TokenPair(
        access_token=checked_token(content["access_token"], TOKEN_NAME),
        refresh_token=checked_token(refresh_token, TOKEN_NAME) if isinstance(refresh_token, str) else None,
        expires_at=now + timedelta(seconds=_seconds(content.get("expires_in"))),
        client_id=client_id,
    )


def _seconds(value: Any) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9
    return float(value) if known else 0.0


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment
