"""From X's refusals, in all the forms that its bodies take, to errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_twitter.api.errors import (
    AddressError,
    AuthError,
    CredentialsError,
    CreditsError,
    EnrollmentError,
    ForbiddenError,
    InvalidRequestError,
    RateLimitedError,
    ServerError,
    TokenKindError,
    TokenRejectedError,
    UsageCapError,
    XError,
)
from airflow_twitter.api.refusals import redirect, refusal

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
REQUEST = "GET /2/tweets/search/recent"


def refuse(status: int, body: Any, headers: dict[str, str] | None = None) -> XError:
    """Return the error for an answer with this body (bytes, or what is sent as JSON)."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = {"date": "Sun, 22 Nov 2026 12:00:00 UTC", "x-transaction-id": "abc123"}
    return refusal(REQUEST, status, {**known, **(headers or {})}, content, NOON)


def problem(name: str, *, host: str = "api.twitter.com", **more: Any) -> dict[str, Any]:
    """Return a body in the form of X's problems."""
    return {"title": "A title", "detail": "A detail.", "type": f"https://{host}/2/problems/{name}", **more}


OLD_CODE_99 = {
    "errors": [
        {"code": 99, "label": "authenticity_token_error", "message": "Unable to verify your credentials"}
    ]
}
BLANK = {"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, problem("invalid-request", errors=[{"message": "bad", "parameters": {}}]), InvalidRequestError),
        (401, {"title": "Unauthorized", "type": "about:blank", "status": 401}, AuthError),
        (402, problem("credits", title="CreditsDepleted"), CreditsError),
        (403, OLD_CODE_99, CredentialsError),
        (403, problem("client-forbidden", reason="client-not-enrolled"), EnrollmentError),
        (403, problem("unsupported-authentication"), TokenKindError),
        (403, problem("client-forbidden"), ForbiddenError),
        (404, problem("resource-not-found"), AddressError),
        (429, BLANK, RateLimitedError),
        (429, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, RateLimitedError),
        (429, problem("usage-capped", period="Monthly"), UsageCapError),
        (500, problem("internal-error"), ServerError),
        (502, b"<html>Bad Gateway</html>", ServerError),
        (503, {"title": "Service Unavailable", "type": "about:blank", "status": 503}, ServerError),
        (504, b"", ServerError),
    ],
)
def test_every_row_of_the_table(status: int, body: Any, kind: type[XError]) -> None:
    """Each refusal becomes its class, carrying status and request id."""
    error = refuse(status, body)
    assert type(error) is kind
    assert (error.status, error.request_id) == (status, "abc123")
    assert f"X answered {status} to {REQUEST}" in str(error)


@pytest.mark.parametrize("host", ["api.twitter.com", "api.x.com"])
def test_problem_type_is_its_last_segment(host: str) -> None:
    """Old and new host name the same problem."""
    assert type(refuse(429, problem("usage-capped", host=host))) is UsageCapError
    assert refuse(402, problem("credits", host=host)).problem == "credits"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"\xff\xfe",
        b"[" * 100000,
        {"errors": "no"},
        {"errors": [5]},
        {"title": 5},
        {"type": ""},
    ],
)
def test_unreadable_body_still_gives_the_class_of_its_status(status: int, body: Any) -> None:
    """A refusal without a readable reason is judged by its status alone."""
    classes = {
        400: InvalidRequestError,
        401: AuthError,
        402: CreditsError,
        403: ForbiddenError,
        429: RateLimitedError,
        500: ServerError,
    }
    assert type(refuse(status, body)) is classes[status]


def test_cap_names_its_period() -> None:
    """The caller can tell a monthly cap from a daily one, though requests are left in the window."""
    headers = {"x-rate-limit-limit": "450", "x-rate-limit-remaining": "400", "x-rate-limit-reset": "0"}
    error = refuse(429, problem("usage-capped", period="Daily"), headers)
    assert isinstance(error, UsageCapError)
    assert (error.period, error.reset_at) == ("Daily", None)


def test_messages_of_single_parameters_are_shown() -> None:
    """A 400 carries and shows every message of X."""
    errors = [
        {"message": "m1", "parameters": {"query": ["x"]}},
        {"message": "m2", "parameters": {"end_time": []}},
    ]
    error = refuse(400, problem("invalid-request", errors=errors))
    assert error.messages == ("m1", "m2")
    assert "m1. m2." in str(error)


@pytest.mark.parametrize("name", ["next_token", "pagination_token"])
@pytest.mark.parametrize("form", ["parameters", "parameter"])
def test_rejected_page_token_is_told_by_the_parameter(name: str, form: str) -> None:
    """A 400 that names the page token has a class of its own: the walk can go on below the oldest id."""
    entry = {"parameters": {name: ["gone"]}, "message": "m"} if form == "parameters" else {"parameter": name}
    assert type(refuse(400, problem("invalid-request", errors=[entry]))) is TokenRejectedError
    assert type(refuse(400, problem("invalid-request", **entry))) is TokenRejectedError


def test_page_token_in_a_message_alone_decides_nothing() -> None:
    """Classes never follow from wording."""
    errors = [{"message": "next_token is not valid", "parameters": {"query": ["next_token"]}}]
    assert type(refuse(400, problem("invalid-request", errors=errors))) is InvalidRequestError


def limit_headers(remaining: str | None, reset: int | str | None) -> dict[str, str]:
    """Return the headers of a 429; `reset` in seconds after noon, or as text."""
    headers = {"x-rate-limit-limit": "450"}
    if remaining is not None:
        headers["x-rate-limit-remaining"] = remaining
    if reset is not None:
        headers["x-rate-limit-reset"] = (
            str(int(NOON.timestamp()) + reset) if isinstance(reset, int) else reset
        )
    return headers


@pytest.mark.parametrize("remaining", ["0", None])
def test_limit_carries_reset_server_time_and_state(remaining: str | None) -> None:
    """A used-up window says when it starts anew, and what to remember."""
    error = refuse(429, BLANK, limit_headers(remaining, 300))
    assert isinstance(error, RateLimitedError)
    assert (error.reset_at, error.server_time) == (NOON + timedelta(seconds=300), NOON)
    assert error.limit is not None
    assert (error.limit.exhausted, error.limit.wait_s(NOON)) == (True, 300.0)
    assert error.local_reset_at == error.reset_at


@pytest.mark.parametrize(
    ("remaining", "reset"),
    [("0", None), ("0", -60), ("0", 0), ("0", 90000), ("0", "soon"), ("7", 300), (None, None)],
)
def test_limit_without_usable_reset_leaves_the_wait_to_the_caller(
    remaining: str | None, reset: int | str | None
) -> None:
    """Missing, past and absurd resets, and those of a window with room, are None."""
    error = refuse(429, BLANK, limit_headers(remaining, reset))
    assert isinstance(error, RateLimitedError)
    assert error.reset_at is None
    assert error.limit is not None
    assert error.limit.exhausted


def test_texts_of_x_become_one_short_printable_line() -> None:
    """Line breaks and control characters of a server cannot forge log lines, nor its length fill them."""
    error = refuse(403, {"title": "a\n2026 ERROR b\x1b[31m", "detail": "x" * 5000})
    assert error.title == "a 2026 ERROR b [31m"
    assert len(str(error)) < 1000


def test_redirect_names_the_likely_mistake() -> None:
    """A redirect is permanent, and its target is not shown."""
    error = redirect(REQUEST, 302, {"location": "https://elsewhere.example/?token=abc"})
    assert type(error) is AddressError
    assert (error.status, "elsewhere" in str(error), "api.x.com" in str(error)) == (302, False, True)
