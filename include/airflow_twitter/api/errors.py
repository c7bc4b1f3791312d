"""What can go wrong between us and X, as one tree:

    XError
    ├── TransientError            worth trying again soon
    │   ├── NetworkError          no usable answer: reset, timeout, truncated, not JSON
    │   └── ServerError           5xx
    ├── RateLimitedError          429: the window is used up; try again when it starts anew
    └── PermanentError            trying again changes nothing
        ├── ConfigError           our own settings (also a ValueError)
        ├── QueryError            a query X would refuse; never sent (also a ValueError)
        ├── AddressError          404, 405, 410, a redirect, a certificate: this is not X's API
        ├── UsageCapError         429: the plan's monthly or daily cap
        ├── CreditsError          402: no credits left
        ├── AuthError             401: token or keys
        │   └── AuthorizationLostError  the account's refresh token is no longer good
        ├── ForbiddenError        403
        │   ├── CredentialsError      code 99: key and secret do not belong together
        │   ├── EnrollmentError       the app is not enrolled for this endpoint
        │   ├── TokenKindError        the endpoint wants another kind of token
        │   ├── PostRefusedError      X does not create this post
        │   └── DeletionRefusedError  X does not delete this post
        ├── SegmentTooLargeError  413, 431: send the file in smaller segments
        └── InvalidRequestError   400: the request
            ├── TokenRejectedError    400 that names the page token
            └── MediaGoneError        the media are unknown to X, or have expired

Which class an answer becomes stands in a table (`refusals.ERRORS`), never in the wording of a message.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from airflow_twitter.api.limits import RateLimit
from airflow_twitter.times import rfc3339


class XError(Exception):
    """Carry what is known of a failure; `str()` says what happened, why, and what to do next.

    `status` is the HTTP status, `problem` the last segment of X's problem type, `code` the code of an old
    (v1) error, `messages` what X says of single parameters, `request_id` X's name of the request,
    `reset_at` (aware UTC, the server's clock) when trying again makes sense. Unknown values are None.
    """

    advice: ClassVar[str] = ""

    def __init__(
        self,
        what: str = "",
        *,
        status: int | None = None,
        problem: str | None = None,
        title: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
        reset_at: datetime | None = None,
        code: int | None = None,
        messages: tuple[str, ...] = (),
    ) -> None:
        super().__init__(what)
        self.status = status
        self.problem = problem
        self.title = title
        self.detail = detail
        self.request_id = request_id
        self.reset_at = reset_at
        self.code = code
        self.messages = messages

    @property
    def what(self) -> str:
        """Return what happened, without reason and advice."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        reasons: list[str] = []
        for reason in (self.title, self.detail, *self.messages):
            if reason and reason not in reasons:
                reasons.append(reason)
        text = ": ".join(part for part in (self.what, " ".join(map(_sentence, reasons))) if part)
        return " ".join(part for part in (_sentence(text), self.advice, self._notes()) if part)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def _notes(self) -> str:
        notes = {
            "code": self.code,
            "request": self.request_id,
            "starts anew at": self.reset_at and rfc3339(self.reset_at),
        }
        text = ", ".join(f"{name} {value}" for name, value in notes.items() if value is not None)
        return f"({text})" if text else ""


class TransientError(XError):
    """A failure that usually passes within seconds or minutes.

    `sent` is False when X cannot have seen the request.
    """

    advice = "This usually passes: try again."
    sent: bool = True


class NetworkError(TransientError):
    """No usable answer arrived: connection reset or refused, timeout, truncated or unreadable body."""

    advice = "This is trouble on the way to X, not a rate limit: try again."


class ServerError(TransientError):
    """X answered 5xx."""

    advice = "The trouble is on X's side: try again, with smaller pages if it goes on."


class RateLimitedError(XError):
    """X's window is used up (429).

    `reset_at` is when it starts anew by the server's clock, or None when X gave no usable moment (missing,
    past, over 24 hours away, or requests still left in the window): then wait 30 seconds, doubling up to
    15 minutes (`limits.blind_wait_s`). `limit` is the state to remember, always exhausted; `endpoint` is our name
    of what was asked.
    """

    advice = "Nothing is wrong: ask again once the window starts anew."
    limit: RateLimit | None = None
    endpoint: str | None = None

    @property
    def server_time(self) -> datetime | None:
        """Return the server's clock when it refused."""
        return None if self.limit is None else self.limit.observed_at

    @property
    def local_reset_at(self) -> datetime | None:
        """Return `reset_at` as our own clock will show it."""
        return None if self.limit is None else self.limit.local_reset_at


class PermanentError(XError):
    """A failure that trying again does not change."""


class ConfigError(PermanentError, ValueError):
    """A setting of ours is wrong."""


class QueryError(PermanentError, ValueError):
    """X would refuse this query."""


class AddressError(PermanentError):
    """What answers at this address, if anything does, is not the part of X's API that was asked for."""

    advice = "Check the host of the connection; X's API is at https://api.x.com."


class UsageCapError(PermanentError):
    """The plan's cap is reached; `period` is X's word for it ("Monthly", "Daily") or None."""

    advice = "Waiting for the window does nothing: raise the cap or wait for the new period."
    period: str | None = None


class CreditsError(PermanentError):
    """The account has no credits left."""

    advice = "Buy credits in X's developer console."


class AuthError(PermanentError):
    """X takes neither the token nor, if there were keys, a new one."""

    advice = "Check the API key and secret, and the tokens, of the connection."


class AuthorizationLostError(AuthError):
    """X takes the account's refresh token no more: it was used, taken back, or never stored."""

    advice = "Let somebody who may use the account authorize the app again: make authorize."


class ForbiddenError(PermanentError):
    """X knows us and says no."""

    advice = "Check in X's developer console what the app may do."


class CredentialsError(ForbiddenError):
    """API key and secret do not belong together."""

    advice = "Check the API key (login) and secret (password) of the connection."


class EnrollmentError(ForbiddenError):
    """The app is not enrolled for this endpoint."""

    advice = "Attach the app to a project with access to this endpoint in X's developer console."


class TokenKindError(ForbiddenError):
    """The endpoint wants another kind of token."""

    advice = (
        "Searching wants an app-only bearer token: give the API key and secret of the connection. Publishing wants "
        "the tokens of an account: fill in its fields of the connection."
    )


class PostRefusedError(ForbiddenError):
    """X does not create this post; often because the account posted the same text lately."""

    advice = "Look at the account: a post with this text may be there already."


class DeletionRefusedError(ForbiddenError):
    """X does not delete this post for this account."""

    advice = "Look at the address of the post: it may be another account's."


class SegmentTooLargeError(PermanentError):
    """X, or a machine before it, does not take so much in one request."""

    advice = "Upload again in smaller segments."


class InvalidRequestError(PermanentError):
    """X does not accept the request; `messages` say which parameter and why."""

    advice = "Correct the parameters that X names."


class TokenRejectedError(InvalidRequestError):
    """X does not accept the page token."""

    advice = "Go on without it, with until_id set to the oldest id already stored."


class MediaGoneError(InvalidRequestError):
    """The media are unknown to X, or have expired."""

    advice = "Upload the file again."


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
