"""The tree of errors and the table that chooses among them."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

from airflow_twitter.api import errors, refusals


@pytest.mark.parametrize(
    ("status", "keys", "kind"),
    [
        (400, ("invalid-request",), errors.InvalidRequestError),
        (401, (None,), errors.AuthError),
        (402, ("credits",), errors.CreditsError),
        (403, (None, None, 99), errors.CredentialsError),
        (403, ("client-not-enrolled", "client-forbidden"), errors.EnrollmentError),
        (403, (None, "unsupported-authentication"), errors.TokenKindError),
        (403, (None, "client-forbidden"), errors.ForbiddenError),
        (404, (None, "resource-not-found"), errors.AddressError),
        (405, (None,), errors.AddressError),
        (410, (None,), errors.AddressError),
        (422, (None,), errors.PermanentError),
        (413, (None,), errors.SegmentTooLargeError),
        (431, (None,), errors.SegmentTooLargeError),
        (429, (None, None, None), errors.RateLimitedError),
        (429, (None, None, 88), errors.RateLimitedError),
        (429, (None, "rate-limit-exceeded"), errors.RateLimitedError),
        (429, (None, "usage-capped"), errors.UsageCapError),
        (500, (None,), errors.ServerError),
        (502, (None,), errors.ServerError),
        (503, (None,), errors.ServerError),
        (504, (None,), errors.ServerError),
        (520, (None,), errors.ServerError),
    ],
)
def test_status_and_keys_choose_the_class(
    status: int, keys: tuple[refusals.Key, ...], kind: type[errors.XError]
) -> None:
    """The class follows from status, reason, problem type and code alone."""
    assert refusals.error_class(status, *keys) is kind


def test_only_transient_errors_are_worth_another_try_at_once() -> None:
    """Permanent errors, limits and transient errors are three branches without overlap."""
    branches = (errors.TransientError, errors.RateLimitedError, errors.PermanentError)
    for kind in refusals.ERRORS.values():
        assert sum(issubclass(kind, branch) for branch in branches) == 1


def test_text_says_what_why_and_what_next() -> None:
    """One clear line: what happened, X's reasons without repetition, advice, code and request id."""
    error = errors.CredentialsError(
        "X answered 403 to POST /oauth2/token",
        status=403,
        title="Forbidden",
        detail="Forbidden",
        code=99,
        messages=("Unable to verify your credentials",),
        request_id="abc123",
    )
    assert str(error) == (
        "X answered 403 to POST /oauth2/token: Forbidden. Unable to verify your credentials. "
        "Check the API key (login) and secret (password) of the connection. (code 99, request abc123)"
    )


def test_limit_names_its_reset() -> None:
    """A rate limit says when the window starts anew."""
    error = errors.RateLimitedError("X answered 429", reset_at=datetime(2026, 11, 22, 12, 15, tzinfo=UTC))
    assert "starts anew at 2026-11-22T12:15:00Z" in str(error)


def test_limit_without_headers_knows_no_times() -> None:
    """Without what X said there is neither server time nor local reset."""
    error = errors.RateLimitedError("X answered 429")
    assert (error.server_time, error.local_reset_at) == (None, None)


def test_errors_survive_pickling() -> None:
    """All that is known crosses process borders."""
    error = errors.UsageCapError("X answered 429", status=429, problem="usage-capped", messages=("a", "b"))
    error.period = "Monthly"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (errors.UsageCapError, str(error), vars(error))


def test_bare_error_has_a_text() -> None:
    """An error without anything known is still readable."""
    assert str(errors.XError()) == ""
    assert repr(errors.QueryError("The query is empty")) == "QueryError('The query is empty.')"


@pytest.mark.parametrize("kind", [errors.ConfigError, errors.QueryError])
def test_our_own_mistakes_are_value_errors(kind: type[errors.XError]) -> None:
    """Wrong settings and queries are ValueErrors, and permanent."""
    assert issubclass(kind, ValueError)
    assert issubclass(kind, errors.PermanentError)
