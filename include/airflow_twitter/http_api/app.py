"""The API's own web application, mounted beside the pages: ``/twitter/api/v1``."""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Body, Depends, FastAPI, Header, Query, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from airflow_twitter.accounts.holding import held, release
from airflow_twitter.data_folder import data_store
from airflow_twitter.http_api import forms
from airflow_twitter.http_api.changing import edit, move
from airflow_twitter.http_api.deciding import say_not_posted, say_posted, take_out
from airflow_twitter.http_api.guard import (
    Adds,
    BodyLimit,
    Caller,
    Changes,
    PostId,
    Reads,
    may,
    not_from_elsewhere,
)
from airflow_twitter.http_api.overview import Accounts, held_for, limits_now, overview
from airflow_twitter.http_api.problems import (
    ApiError,
    Problem,
    documented,
    on_api_error,
    on_invalid,
    on_publishing_error,
    on_store_error,
)
from airflow_twitter.http_api.queueing import queue
from airflow_twitter.http_api.shown import shown_post, shown_posts
from airflow_twitter.http_api.turns import wake
from airflow_twitter.http_api.waiting import is_paused, waiting
from airflow_twitter.posts.store import StoreError
from airflow_twitter.publishing.decisions import TooLateError, post_id_of
from airflow_twitter.publishing.errors import BusyError, PublishingError
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState

VERSION = "1"
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern="^[!-~]{1,255}$",
        description="Any text of your own: asked again with it, a post is queued once.",
    ),
]

api = FastAPI(
    title="X posts: publishing",
    version=VERSION,
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    dependencies=[Depends(not_from_elsewhere)],
    exception_handlers={
        ApiError: on_api_error,
        PublishingError: on_publishing_error,
        BusyError: on_publishing_error,
        RequestValidationError: on_invalid,
        StoreError: on_store_error,
    },
)
api.add_middleware(BodyLimit)
ACCOUNT = "/accounts/{account}"
POST = f"{ACCOUNT}/posts/{{post}}"


@api.middleware("http")
async def uncached(request: Request, call_next: Any) -> Response:
    """Have nothing kept, and nothing taken for something else."""
    answer: Response = await call_next(request)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@api.get("/openapi.json", include_in_schema=False)
def document(request: Request, user: GetUserDep) -> JSONResponse:
    """Return the OpenAPI document to whoever is logged in."""
    return JSONResponse({**api.openapi(), "servers": [{"url": request.scope.get("root_path", "")}]})


@api.post(f"{ACCOUNT}/posts", status_code=status.HTTP_202_ACCEPTED, responses=documented(409, 429))
def queue_post(
    caller: Adds,
    session: SessionDep,
    response: Response,
    request: Request,
    body: Annotated[forms.NewPost, Body()],
    idempotency_key: IdempotencyKey = None,
) -> forms.PostState:
    """Queue a post: it is checked, approved if that is asked for, and goes out when its turn comes."""
    records = _records()
    key = queue(session, records, caller, body, idempotency_key)
    response.headers["Location"] = f"{request.url.path}/{key}"
    return shown_post(session, records, caller.account, key)


@api.get(f"{ACCOUNT}/queue", responses=documented())
def read_queue(
    caller: Reads,
    session: SessionDep,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000)] = 0,
) -> forms.Queue:
    """Return what waits, in order."""
    records, account = _records(), caller.account
    found = waiting(session, records, account)
    return forms.Queue(
        account=account.account,
        dag_id=account.dag_id,
        paused=is_paused(session, account.dag_id),
        held=held_for(held(records.store, account.account)),
        total=len(found),
        posts=shown_posts(session, records, account, found, offset=offset, limit=limit),
    )


@api.get(POST, responses=documented())
def read_post(caller: Reads, session: SessionDep, post: PostId) -> forms.PostState:
    """Return how a post stands."""
    return shown_post(session, _records(), caller.account, post)


@api.patch(POST, responses=documented(409))
def edit_post(
    caller: Changes, session: SessionDep, post: PostId, body: Annotated[forms.Changes, Body()]
) -> forms.PostState:
    """Change a post that waits; it goes through the checks again."""
    records = _known(session, caller, post)
    edit(session, records, caller, post, body)
    return shown_post(session, records, caller.account, post)


@api.post(f"{POST}/move", responses=documented(409))
def move_post(caller: Changes, session: SessionDep, post: PostId, body: forms.Move) -> forms.PostState:
    """Give a post that waits another place."""
    records = _known(session, caller, post)
    move(session, records, caller, post, body.place)
    return shown_post(session, records, caller.account, post)


@api.post(f"{POST}/cancel", responses={**documented(), 409: {"model": forms.Cancelled | Problem}})
def cancel_post(caller: Changes, session: SessionDep, post: PostId, response: Response) -> forms.Cancelled:
    """Cancel a post. With 409 it is out already, or nobody knows: `outcome` says which."""
    records = _known(session, caller, post)
    try:
        record = take_out(session, records, caller, post)
        outcome = "cancelled" if record.state is PostState.CANCELLED else "over"
    except TooLateError as error:
        outcome = "too_late" if error.record.out else "unknown"
        response.status_code = status.HTTP_409_CONFLICT
    shown = shown_post(session, records, caller.account, post)
    return forms.Cancelled(**shown.model_dump(), outcome=outcome)


@api.post(f"{POST}/posted", responses=documented(409))
def post_is_out(caller: Changes, session: SessionDep, post: PostId, body: forms.Posted) -> forms.PostState:
    """Say that a post is on the account: nothing more is sent."""
    records = _known(session, caller, post)
    try:
        link = post_id_of(body.link) if body.link else None
    except ValueError:
        raise ApiError(
            status.HTTP_422_UNPROCESSABLE_CONTENT,
            "link: it is the address of no post, such as https://x.com/name/status/123.",
            error_type="invalid",
            field="link",
        ) from None
    say_posted(session, records, caller, post, link)
    return shown_post(session, records, caller.account, post)


@api.post(f"{POST}/not-posted", responses=documented(409))
def post_is_not_out(caller: Changes, session: SessionDep, post: PostId) -> forms.PostState:
    """Say that a post of which nobody knew is not on the account: it is sent again."""
    records = _known(session, caller, post)
    say_not_posted(session, records, caller, post)
    return shown_post(session, records, caller.account, post)


@api.post(f"{ACCOUNT}/release", responses=documented())
def release_account(caller: Changes, session: SessionDep) -> forms.Released:
    """Let the queue of a held account go on; its posts do so within seconds."""
    why = release(data_store(), caller.account.account)
    if why is not None:
        wake(session, caller.account.dag_id)
    return forms.Released(released=why is not None, held_for=held_for(why))


@api.get(f"{ACCOUNT}/limits", responses=documented())
def read_limits(caller: Reads, session: SessionDep) -> forms.Limits:
    """Return what X said last of the account's limits. Asks X nothing."""
    records, account = _records(), caller.account
    return limits_now(session, records, account, len(waiting(session, records, account)))


@api.get("/accounts", responses=documented())
def read_accounts(
    request: Request,
    user: GetUserDep,
    session: SessionDep,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Accounts:
    """Return how every account stands that you may see: what waits, what is in doubt, what ended. Asks X nothing."""
    return overview(
        session,
        _records(),
        lambda method, account: may(method, account, request, user),
        waiting_max=limit,
    )


def _records() -> Records:
    return Records(data_store())


def _known(session: SessionDep, caller: Caller, post: str) -> Records:
    records = _records()
    shown_post(session, records, caller.account, post)
    return records
