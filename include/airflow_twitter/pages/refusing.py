"""What a person sees in a browser in place of something that is not for him, or not there."""

from __future__ import annotations

from html import escape
from urllib.parse import quote, urlencode, urlsplit

from airflow.sdk.configuration import conf
from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept, Cookie",
    "X-Content-Type-Options": "nosniff",
}


async def on_refusal(request: Request, error: Exception) -> Response:
    """Lead a person who opened an address to the login and back, or tell him in a sentence; programs get JSON."""
    assert isinstance(error, HTTPException)
    if not _is_opened(request):
        return await http_exception_handler(request, error)
    if error.status_code == 401:
        return RedirectResponse(_login(request), status_code=303, headers=HEADERS)
    page = f'<!doctype html><html lang="en"><title>{error.status_code}</title><p>{escape(str(error.detail))}</p></html>'
    return HTMLResponse(page, status_code=error.status_code, headers=HEADERS)


def _is_opened(request: Request) -> bool:
    """Tell whether a browser shows the answer as a page: not in a frame, a picture or a player, and no program."""
    shown_as = request.headers.get("sec-fetch-dest", "document")
    return (
        request.method == "GET"
        and shown_as == "document"
        and "text/html" in request.headers.get("accept", "")
    )


def _login(request: Request) -> str:
    base = urlsplit(str(conf.get("api", "base_url", fallback=""))).path.rstrip("/")
    back = quote(request.url.path)
    return f"{base}/api/v2/auth/login?{urlencode({'next': back})}"
