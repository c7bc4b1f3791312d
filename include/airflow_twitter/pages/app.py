"""The page's own small web application, mounted into Airflow's API server by the plugin."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import Annotated, Literal

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from airflow_twitter.data_folder import data_store
from airflow_twitter.http_api.app import api
from airflow_twitter.http_api.guard import may
from airflow_twitter.http_api.overview import overview
from airflow_twitter.pages.access import ReaderDep, reader
from airflow_twitter.pages.formats import FILTERS, FUNCTIONS
from airflow_twitter.pages.refusing import on_refusal
from airflow_twitter.pages.status import read_status
from airflow_twitter.pages.videos import router as videos
from airflow_twitter.publishing.records import Records

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

# The queue page also renews itself and sends what its buttons say, to this server alone.
QUEUE_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; connect-src 'self'",
}

_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript"}

templates = Environment(
    loader=PackageLoader("airflow_twitter.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.filters.update(FILTERS)
templates.globals.update(FUNCTIONS)

# The check stands here, for every address of the application, and not at each of them.
app = FastAPI(
    title="X posts",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    dependencies=[Depends(reader)],
    exception_handlers={HTTPException: on_refusal},
)


app.include_router(videos)
# It checks each user's right on an account's DAG by itself.
app.mount("/api/v1", api)


@app.get("/status", response_class=HTMLResponse)
def status(
    session: SessionDep, reader: ReaderDep, page: Annotated[int, Query(ge=1, le=1_000_000)] = 1
) -> HTMLResponse:
    """Show what is collected, what waits, and what is left to do."""
    shown = read_status(session, data_store(), reader, now=datetime.now(UTC), page=page)
    return HTMLResponse(templates.get_template("status.html").render(status=shown), headers=HEADERS)


@app.get("/queue", response_class=HTMLResponse)
def queue(request: Request, user: GetUserDep, session: SessionDep) -> HTMLResponse:
    """Show what waits to be posted, what is in doubt and what was posted: what the API's list of accounts tells."""
    seen = overview(
        session, Records(data_store()), lambda method, account: may(method, account, request, user)
    )
    return HTMLResponse(templates.get_template("queue.html").render(seen=seen), headers=QUEUE_HEADERS)


@app.get("/{name}.{kind}")
def asset(name: Literal["status", "queue", "frame"], kind: Literal["css", "js"]) -> Response:
    """Return a style sheet, or a script."""
    try:
        content = files("airflow_twitter.pages").joinpath("templates", f"{name}.{kind}").read_bytes()
    except FileNotFoundError:
        raise HTTPException(404) from None
    return Response(content, media_type=_MEDIA_TYPES[kind], headers=HEADERS)
