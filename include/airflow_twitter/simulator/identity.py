"""Who asks: the app, by its bearer token, or an account, by a signature or a token of its own."""

from __future__ import annotations

import base64
import hashlib
from threading import Lock
from urllib.parse import quote

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.accounts import Account, Accounts
from airflow_twitter.simulator.answers import Answer, json_answer
from airflow_twitter.simulator.oauth1 import Keys, Signatures, read_header
from airflow_twitter.simulator.request import Request, read_basic, read_form


class Identity:
    """The keys of the app, and its accounts."""

    def __init__(self, credentials: tuple[str, str], accounts: Accounts) -> None:
        self.credentials = credentials
        self.accounts = accounts
        self._signatures = Signatures()
        self._lock = Lock()
        self._revoked = 0

    @property
    def bearer_token(self) -> str:
        """The app's token: always the same one until it is revoked, URL-encoded as X gives it."""
        seal = hashlib.sha256(f"{self.credentials}{self._revoked}".encode()).digest()
        return "A" * 22 + quote(base64.b64encode(seal).decode(), safe="")

    def is_app(self, request: Request) -> bool:
        """Tell whether a request carries the app's token."""
        return request.headers.get("authorization") == f"Bearer {self.bearer_token}"

    def account(self, request: Request) -> Account | None:
        """Return the account that signed a request, or whose OAuth 2.0 token it carries."""
        header = request.headers.get("authorization", "")
        if header.lower().startswith("bearer "):
            return self.accounts.by_bearer(header[7:])
        account = self.accounts.by_oauth1(read_header(header).get("oauth_token", ""))
        if account is None:
            return None
        keys = Keys(*self.credentials, account.access_token, account.access_token_secret)
        return account if self._signatures.holds(request, keys) else None

    def revoke(self, account: Account | None) -> None:
        """Take back the OAuth 2.0 tokens of an account, or the token of the app."""
        if account is not None:
            self.accounts.revoke(account)
            return
        with self._lock:
            self._revoked += 1

    def answer_token(self, request: Request) -> Answer:
        """Answer https://docs.x.com/fundamentals/authentication/oauth-2-0/application-only."""
        if read_form(request).get("grant_type") != "client_credentials":
            missing = "Missing required parameter: grant_type"
            return json_answer(403, problems.legacy(170, missing, "forbidden_missing_parameter"))
        if read_basic(request.headers.get("authorization", "")) != self.credentials:
            return json_answer(403, problems.bad_credentials())
        return json_answer(200, {"token_type": "bearer", "access_token": self.bearer_token})
