"""How requests are made as an account: authorized, tried again where that does no harm, and read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Unpack

from requests.auth import AuthBase

from airflow_twitter.api.answers import Answer
from airflow_twitter.api.auth import FORM_TYPE
from airflow_twitter.api.base_client import BaseClient, Settings
from airflow_twitter.api.errors import AuthError, InvalidRequestError, NetworkError, TransientError
from airflow_twitter.api.limits import RateLimit
from airflow_twitter.api.user_auth import UserAuth
from airflow_twitter.api.user_endpoints import OAUTH2_TOKEN, OAUTH2_TOKEN_PATH, UserEndpoint

Result = TypeVar("Result")


class UserRequests(BaseClient):
    """Send requests as an account; `UserClient` says which.

    A TransientError whose `sent` is False says that X has not seen what was asked.
    """

    def __init__(self, base_url: str, auth: UserAuth, **settings: Unpack[Settings]) -> None:
        super().__init__(base_url, **settings)
        self._auth = auth

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, {self._auth!r})"

    @property
    def user_id(self) -> str | None:
        """Return the account's id as far as the tokens tell it, without a request."""
        return self._auth.user_id

    @property
    def account(self) -> str:
        """Return the account in words, as far as the tokens tell it, without a request."""
        return self._auth.account

    def limit_of(self, endpoint: str) -> RateLimit | None:
        """Return what the last answer of an endpoint ("create_post") said of its limit; None before one."""
        return self._limits.get(endpoint)

    def _call(
        self,
        endpoint: UserEndpoint,
        read: Callable[[Answer], Result],
        resource: str = "",
        **request: Any,
    ) -> Result:
        """Ask, and again as far as the endpoint allows, and read the answer."""

        def ask() -> Result:
            answer = self._once(endpoint, resource, **request)
            try:
                return read(answer)
            except NetworkError as error:
                error.request_id = answer.request_id
                raise

        if not endpoint.repeatable:
            return ask()
        return self._retry(ask, self._deadline())

    def _once(
        self,
        endpoint: UserEndpoint,
        resource: str = "",
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        content_type: str | None = None,
    ) -> Answer:
        """Send one request; a second one follows only a 401, with other tokens: X has then done nothing."""
        if body is not None:
            data, content_type = json.dumps(body).encode(), "application/json"
        needs_id = "{id}" in endpoint.path
        path = endpoint.path.replace("{id}", checked_id(resource)) if needs_id else endpoint.path

        def send(auth: AuthBase) -> Answer:
            return self._send(
                endpoint.method,
                path,
                auth,
                params=params,
                data=data,
                content_type=content_type,
                accepted=endpoint.accepted,
                endpoint=endpoint.name,
            )

        auth = self._auth.authorize(self._ask_token)
        try:
            return send(auth)
        except AuthError:
            if not self._auth.renew(self._ask_token):
                raise
        return send(self._auth.authorize(self._ask_token))

    def _ask_token(self, form: str, auth: AuthBase) -> bytes:
        """Send a form to the token endpoint and return the body of its answer."""

        def ask() -> bytes:
            answer = self._send(
                "POST", OAUTH2_TOKEN_PATH, auth, data=form, content_type=FORM_TYPE, endpoint=OAUTH2_TOKEN
            )
            return answer.body

        try:
            return self._retry(ask, self._deadline())
        except TransientError as error:
            error.sent = False  # what this token was wanted for
            raise

    def _redact(self, body: bytes) -> bytes:
        return self._auth.redact(body)


def checked_id(value: str) -> str:
    """Return an id, which becomes part of a path; raise InvalidRequestError when it is no number."""
    if not value.isascii() or not value.isdecimal():
        raise InvalidRequestError(f"{value!r} is no id of X: an id is a number")
    return value
