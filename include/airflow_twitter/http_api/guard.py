"""Who may ask, from where, and how much: Airflow mounts a plugin's application without any check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, HTTPException, Path, Request, status
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_twitter.accounts.settings import Account, UnknownAccountError, find_account
from airflow_twitter.dag_ids import post_dag_id
from airflow_twitter.http_api.problems import ApiError
from airflow_twitter.settings_files import accounts_path

BODY_MAX = 64 * 1024
CROSS_SITE_HEADER = "X-Requested-With"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

AccountName = Annotated[str, Path(pattern="^[a-z0-9_]{1,40}$", description="An account of accounts.yaml.")]
PostId = Annotated[
    str, Path(pattern="^[A-Za-z0-9_.~:+-]{1,250}$", description="The id that queueing the post returned.")
]


@dataclass(frozen=True)
class Caller:
    """A user with the right on an account's DAG, and the account."""

    user: BaseUser
    account: Account

    @property
    def name(self) -> str:
        """Return the user's name, as Airflow writes it."""
        return str(self.user.get_name())


def caller(method: Literal["GET", "POST", "PUT"]) -> Callable[..., Caller]:
    """Return a dependency: the user who may read (GET), add (POST) or change (PUT) runs of the account's queue.

    Answers 401 without a login, 403 without the right, and 404 only to whoever would have it.
    """

    def check(request: Request, account: AccountName, user: GetUserDep) -> Caller:
        # The account names the DAG: a query parameter of the caller's must not.
        requires_access_dag(method, DagAccessEntity.RUN, post_dag_id(account))(request, user)
        try:
            return Caller(user, find_account(accounts_path(), account))
        except UnknownAccountError:
            raise ApiError(status.HTTP_404_NOT_FOUND, f"There is no account {account}.") from None

    return check


Reads = Annotated[Caller, Depends(caller("GET"))]
Adds = Annotated[Caller, Depends(caller("POST"))]
Changes = Annotated[Caller, Depends(caller("PUT"))]


def may(method: Literal["GET", "POST", "PUT"], account: Account, request: Request, user: BaseUser) -> bool:
    """Tell whether a user may read (GET), add (POST) or change (PUT) runs of an account's queue."""
    try:
        requires_access_dag(method, DagAccessEntity.RUN, account.dag_id)(request, user)
    except HTTPException:
        return False
    return True


def not_from_elsewhere(request: Request) -> None:
    """Refuse a change that a browser sends for the page of another site.

    What the browser says of the origin comes first: an Airflow that takes everybody for an administrator
    (simple_auth_manager_all_admins) puts a token into every request itself. Else no browser sends a token in the
    Authorization header on its own; with the session's cookie alone the header X-Requested-With is asked for, which
    other sites cannot set.
    """
    if request.method in _SAFE_METHODS:
        return
    token = request.headers.get("authorization", "").lower().startswith("bearer ")
    ours = token or not request.cookies or request.headers.get(CROSS_SITE_HEADER)
    if _of_another_site(request) or not ours:
        raise ApiError(
            status.HTTP_403_FORBIDDEN,
            "This request could come from another site. Send a token in the header Authorization (Bearer), or, from "
            f"a page of this server, the header {CROSS_SITE_HEADER}.",
        )


def _of_another_site(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")  # of browsers that say no more than this
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


class BodyLimit:
    """Answer 413 to a request whose body is larger than `BODY_MAX` bytes, without reading it to its end."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read at most so much of the body before the application sees the request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more and len(body) <= BODY_MAX:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if len(body) > BODY_MAX:
            answer = ApiError(
                status.HTTP_413_CONTENT_TOO_LARGE, f"At most {BODY_MAX} bytes are read."
            ).response()
            await answer(scope, receive, send)
            return
        await self.app(scope, _once(bytes(body), receive), send)


def _once(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
