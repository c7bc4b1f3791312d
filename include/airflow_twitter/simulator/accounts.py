"""The accounts that may post, and the tokens by which the simulator knows them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

ACCESS_S = 7200.0  # docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code
CODE_S = 30.0


@dataclass(frozen=True)
class Account:
    """An account with its OAuth 1.0a tokens; as with X, an access token begins with the account's id."""

    username: str = "sim_publisher"
    id: str = "8000000001"
    access_token: str = "8000000001-access-token"
    access_token_secret: str = "access-token-secret"

    @classmethod
    def named(cls, username: str, number: int) -> Account:
        """Return the account `number` (from 1), whose tokens follow from its name."""
        known = str(8_000_000_000 + number)
        return cls(username, known, f"{known}-{username}-token", f"{username}-token-secret")


@dataclass(frozen=True)
class Client:
    """An app as OAuth 2.0 knows it; without a secret it is a public one."""

    id: str = "client-id"
    secret: str = "client-secret"


@dataclass
class _Code:
    account: Account
    redirect_uri: str
    challenge: str
    scope: str
    ends_at: float


@dataclass
class _Grant:
    """What an account has allowed: the one pair of tokens that is good for it now."""

    account: Account
    scope: str
    access_token: str = ""
    refresh_token: str = ""
    ends_at: float = 0.0


class OAuthError(Exception):
    """A refusal of the token endpoint, with its status and its words."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.body = {"error": error, "error_description": description}


@dataclass
class Accounts:
    """All accounts, and OAuth 2.0 for them: codes, access tokens, refresh tokens that are good once."""

    accounts: tuple[Account, ...]
    client: Client
    now_s: Callable[[], float]
    access_s: float = ACCESS_S
    _codes: dict[str, _Code] = field(default_factory=dict)
    _grants: list[_Grant] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def by_oauth1(self, token: str) -> Account | None:
        """Return the account of an OAuth 1.0a access token."""
        return next((account for account in self.accounts if account.access_token == token), None)

    def by_bearer(self, token: str) -> Account | None:
        """Return the account of an OAuth 2.0 access token that has not run out."""
        with self._lock:
            for grant in self._grants:
                if grant.access_token == token and self.now_s() < grant.ends_at:
                    return grant.account
        return None

    def find(self, *, username: str = "", account_id: str = "") -> Account | None:
        """Return the account of this name (any case) or id."""
        wanted = username.casefold()
        for account in self.accounts:
            if account.id == account_id or account.username.casefold() == wanted:
                return account
        return None

    def authorize(self, account: Account, redirect_uri: str, challenge: str, scope: str) -> str:
        """Let a person agree; return the code for the app, good once and for 30 seconds."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = _Code(account, redirect_uri, challenge, scope, self.now_s() + CODE_S)
        return code

    def grant(
        self, account: Account, scope: str = "tweet.read tweet.write users.read media.write offline.access"
    ) -> dict[str, Any]:
        """Return a pair of tokens as if the person had just agreed."""
        made = _Grant(account, scope)
        with self._lock:
            self._grants.append(made)
            return self._new_pair(made)

    def token(self, form: dict[str, str], basic: tuple[str, str] | None) -> dict[str, Any]:
        """Answer the token endpoint; raise OAuthError.

        https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token
        """
        self._check_client(form, basic)
        match form.get("grant_type"):
            case "authorization_code":
                return self._exchange(form)
            case "refresh_token":
                return self._refresh(form.get("refresh_token", ""))
        raise OAuthError(400, "unsupported_grant_type", "The grant type is not supported.")

    def revoke(self, account: Account) -> None:
        """Take back all OAuth 2.0 tokens of an account."""
        with self._lock:
            self._grants = [grant for grant in self._grants if grant.account != account]

    def expire(self, account: Account) -> None:
        """Let the access tokens of an account run out; its refresh tokens stay good."""
        with self._lock:
            for grant in self._grants:
                if grant.account == account:
                    grant.ends_at = 0.0

    def _check_client(self, form: dict[str, str], basic: tuple[str, str] | None) -> None:
        if self.client.secret:
            known = basic is not None and hmac.compare_digest(
                f"{basic[0]}:{basic[1]}".encode(), f"{self.client.id}:{self.client.secret}".encode()
            )
            if not known:
                raise OAuthError(401, "unauthorized_client", "Missing valid authorization header")
        elif form.get("client_id") != self.client.id:
            raise OAuthError(400, "invalid_request", "Value passed for the client id was invalid.")

    def _exchange(self, form: dict[str, str]) -> dict[str, Any]:
        verifier = form.get("code_verifier", "")
        digest = hashlib.sha256(verifier.encode()).digest()
        with self._lock:
            code = self._codes.pop(form.get("code", ""), None)
            if code is None or self.now_s() > code.ends_at:
                raise OAuthError(
                    400, "invalid_request", "Value passed for the authorization code was invalid."
                )
            if code.redirect_uri != form.get("redirect_uri"):
                raise OAuthError(400, "invalid_request", "Value passed for the redirect uri did not match.")
            if code.challenge != base64.urlsafe_b64encode(digest).decode().rstrip("="):
                raise OAuthError(400, "invalid_request", "Value passed for the code verifier did not match.")
            grant = _Grant(code.account, code.scope)
            self._grants.append(grant)
            return self._new_pair(grant)

    def _refresh(self, refresh_token: str) -> dict[str, Any]:
        with self._lock:
            for grant in self._grants:
                if refresh_token and grant.refresh_token == refresh_token:
                    return self._new_pair(grant)
        raise OAuthError(400, "invalid_request", "Value passed for the token was invalid.")

    def _new_pair(self, grant: _Grant) -> dict[str, Any]:
        """Give a grant new tokens; the old ones are good no more."""
        grant.access_token = secrets.token_urlsafe(36)
        grant.ends_at = self.now_s() + self.access_s
        pair: dict[str, Any] = {
            "token_type": "bearer",
            "expires_in": int(self.access_s),
            "access_token": grant.access_token,
            "scope": grant.scope,
        }
        if "offline.access" in grant.scope.split():
            grant.refresh_token = pair["refresh_token"] = secrets.token_urlsafe(36)
        return pair


def accounts_named(usernames: Iterable[str]) -> tuple[Account, ...]:
    """Return accounts with these names; the first one of none is `sim_publisher`."""
    return tuple(Account.named(name, number) for number, name in enumerate(usernames, 1)) or (Account(),)
