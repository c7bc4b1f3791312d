"""From an answer that is not 200 to the error that says so.

Statuses and problem types: docs.x.com/x-api/fundamentals/response-codes-and-errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from airflow_twitter.api.errors import (
    AddressError,
    AuthError,
    AuthorizationLostError,
    CredentialsError,
    CreditsError,
    DeletionRefusedError,
    EnrollmentError,
    ForbiddenError,
    InvalidRequestError,
    MediaGoneError,
    PermanentError,
    PostRefusedError,
    RateLimitedError,
    SegmentTooLargeError,
    ServerError,
    TokenKindError,
    TokenRejectedError,
    UsageCapError,
    XError,
)
from airflow_twitter.api.limits import RateLimit, read_limit

Key = str | int | None

ERRORS: dict[tuple[int, Key], type[XError]] = {
    # status, and: reason | last segment of the problem type | v1 code | None for whatever else
    (400, None): InvalidRequestError,
    (401, None): AuthError,
    (402, None): CreditsError,
    (403, None): ForbiddenError,
    (403, 99): CredentialsError,
    (403, "client-not-enrolled"): EnrollmentError,
    (403, "unsupported-authentication"): TokenKindError,
    (404, None): AddressError,
    (405, None): AddressError,
    (410, None): AddressError,
    (413, None): SegmentTooLargeError,
    (429, None): RateLimitedError,
    (429, "usage-capped"): UsageCapError,
    (429, 88): RateLimitedError,
    (431, None): SegmentTooLargeError,
}


ENDPOINT_ERRORS: dict[tuple[str | None, type[XError], int], type[XError]] = {
    # where (a name of `user_endpoints.py`), the class by status, the status: what it means there
    ("create_post", ForbiddenError, 403): PostRefusedError,
    ("delete_post", ForbiddenError, 403): DeletionRefusedError,
    ("append_media", AddressError, 404): MediaGoneError,
    ("finalize_media", AddressError, 404): MediaGoneError,
    ("media_status", AddressError, 404): MediaGoneError,
    ("add_captions", AddressError, 404): MediaGoneError,
    ("oauth2_token", InvalidRequestError, 400): AuthorizationLostError,
    ("oauth2_token", ForbiddenError, 403): AuthorizationLostError,
}

OF_ONE_POST = frozenset({PostRefusedError, DeletionRefusedError})
"""What X says of one post by a 403 of no type; a type or reason tells of the app or the account as a whole."""

TOKEN_PARAMS = frozenset({"next_token", "pagination_token"})
MEDIA_PARAMS = frozenset({"id", "media_id", "media_ids", "media.media_ids", "subtitles.id"})
_NAMED: tuple[tuple[frozenset[str], type[XError]], ...] = (
    (TOKEN_PARAMS, TokenRejectedError),
    (MEDIA_PARAMS, MediaGoneError),
)

_TEXT_MAX = 500
_REQUEST_ID_HEADERS = ("x-transaction-id", "x-request-id")


@dataclass(frozen=True, slots=True)
class Problem:
    """Hold what the body of a refusal says, in any of X's forms.

    Forms: `{title, detail, type, status}`, the same with `errors[].{message, parameters}`, the old
    `{"errors": [{code, message}]}` (docs.x.com/x-api/fundamentals/response-codes-and-errors), and
    `{error, error_description}` of OAuth 2.0 (RFC 6749, section 5.2).
    """

    type: str | None = None
    title: str | None = None
    detail: str | None = None
    reason: str | None = None
    period: str | None = None
    code: int | None = None
    messages: tuple[str, ...] = ()
    params: frozenset[str] = frozenset()


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return X's own name of the request, which its support asks for."""
    return next((headers[name] for name in _REQUEST_ID_HEADERS if headers.get(name)), None)


def refusal(
    request: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    endpoint: str | None = None,
) -> XError:
    """Build the error for X's answer to `request` ("GET /2/...") received at `now` of our clock.

    `endpoint` is our name of what was asked, where the same status means different things.
    """
    problem = read_problem(body)
    kind = error_class(status, problem.reason, problem.type, problem.code)
    here = ENDPOINT_ERRORS.get((endpoint, kind, status), kind)
    kind = kind if here in OF_ONE_POST and (problem.type or problem.reason) else here
    if kind is InvalidRequestError:
        kind = next((named for params, named in _NAMED if problem.params & params), kind)
    known: dict[str, Any] = {
        "status": status,
        "problem": problem.type,
        "title": problem.title,
        "detail": problem.detail,
        "request_id": request_id(headers),
        "code": problem.code,
        "messages": problem.messages,
    }
    error = kind(f"X answered {status} to {request}", **known)
    if isinstance(error, RateLimitedError):
        error.limit = _exhausted_limit(read_limit(headers, now))
        error.reset_at = error.limit.reset_at
        error.endpoint = endpoint
    if isinstance(error, UsageCapError):
        error.period = problem.period
    return error


def error_class(status: int, *keys: Key) -> type[XError]:
    """Return the class of an answer with this status; the first of `keys` that the table knows decides."""
    known = [key for key in keys if key is not None]
    for key in (*known, None):
        if (status, key) in ERRORS:
            return ERRORS[status, key]
    return ServerError if status >= 500 else PermanentError


def redirect(request: str, status: int, headers: Mapping[str, str]) -> AddressError:
    """Build the error for a redirect: following it would carry the token to another place."""
    return AddressError(
        f"{request} was answered with a redirect ({status}), which is not followed",
        status=status,
        request_id=request_id(headers),
    )


def read_problem(body: bytes) -> Problem:
    """Read the body of a refusal; whatever is missing or unreadable stays None."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return Problem()
    if not isinstance(content, dict):
        return Problem()
    errors = _errors(content)
    first = errors[0] if errors else {}
    return Problem(
        type=_last_segment(_text(content, "type") or _text(first, "type")),
        title=_text(content, "title") or _text(first, "title") or _text(content, "error"),
        detail=_text(content, "detail") or _text(first, "detail") or _text(content, "error_description"),
        reason=_text(content, "reason") or _text(first, "reason"),
        period=_text(content, "period") or _text(first, "period"),
        code=next((error["code"] for error in errors if isinstance(error.get("code"), int)), None),
        messages=tuple(message for error in errors if (message := _text(error, "message"))),
        params=frozenset(name for entry in (content, *errors) for name in _params(entry)),
    )


def _exhausted_limit(limit: RateLimit) -> RateLimit:
    # A 429 while the headers still show requests comes from a shorter limit that X does not show, such as
    # one request a second: the window's reset says nothing about it.
    reset_at = None if limit.remaining else limit.reset_at
    return replace(limit, remaining=0, reset_at=reset_at)


def _errors(content: dict[str, Any]) -> list[dict[str, Any]]:
    errors = content.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _params(entry: dict[str, Any]) -> list[str]:
    params = entry.get("parameters")
    names = list(params) if isinstance(params, dict) else []
    single = entry.get("parameter")
    return [*names, single] if isinstance(single, str) else names


def _text(content: dict[str, Any], key: str) -> str | None:
    """Return a text fit for one log line, or None."""
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        return None
    line = "".join(char if char.isprintable() else " " for char in value).strip()
    return line if len(line) <= _TEXT_MAX else f"{line[:_TEXT_MAX]}..."


def _last_segment(problem_type: str | None) -> str | None:
    if problem_type is None or problem_type == "about:blank":
        return None
    return problem_type.rstrip("/").rsplit("/", 1)[-1] or None
