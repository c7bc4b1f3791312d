"""What is said of a post: a sentence for people, and a form for machines.

The kind of an error follows from its class, never from its message.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_twitter.api import errors as x
from airflow_twitter.publishing import errors as ours
from airflow_twitter.publishing.states import SENTENCES, UNREADABLE, PostState
from airflow_twitter.spending.budgets import BudgetReached

# The first class that an error belongs to decides.
ERROR_TYPES: tuple[tuple[type[BaseException], str], ...] = (
    (x.RateLimitedError, "rate_limit"),
    (x.UsageCapError, "usage_cap"),
    (BudgetReached, "budget"),
    (x.CreditsError, "credits"),
    (x.PostRefusedError, "refused"),
    (x.DeletionRefusedError, "refused"),
    (x.AddressError, "configuration"),
    (x.AuthError, "auth"),
    (x.ForbiddenError, "auth"),
    (x.NetworkError, "connection"),
    (x.ServerError, "server"),
    (x.TransientError, "connection"),
    (x.ConfigError, "configuration"),
    (x.XError, "refused"),
    (ours.VideoRejectedError, "video_rejected"),
    (ours.MediaFailedError, "video_rejected"),
    (ours.TextRejectedError, "text_rejected"),
    (ours.InvalidPostError, "invalid"),
    (ours.SourceRefusedError, "video_refused"),
    (ours.SourceUnreachableError, "video_unreachable"),
    (ours.DuplicateError, "duplicate"),
    (ours.UnknownOutcomeError, "unknown"),
    (ours.NotApprovedError, "rejected_by_approver"),
    (ours.ExpiredError, "expired"),
    (ours.CancelledError, "cancelled"),
    (ours.RecordError, "record"),
)

_ENDS: tuple[tuple[type[BaseException], PostState], ...] = (
    (x.CreditsError, PostState.HELD),
    (x.UsageCapError, PostState.HELD),
    (BudgetReached, PostState.HELD),
    (x.PostRefusedError, PostState.FAILED),
    (x.DeletionRefusedError, PostState.FAILED),
    (x.AddressError, PostState.HELD),
    (x.AuthError, PostState.HELD),
    (x.ForbiddenError, PostState.HELD),
    (x.ConfigError, PostState.HELD),
    (x.RateLimitedError, PostState.WAITING),
    (x.TransientError, PostState.WAITING),
    (ours.SourceUnreachableError, PostState.WAITING),
    (ours.LookAgain, PostState.WAITING),
    (ours.RejectedError, PostState.REJECTED),
    (ours.InvalidPostError, PostState.REJECTED),
    (ours.NotApprovedError, PostState.REJECTED),
    (ours.DuplicateError, PostState.DUPLICATE),
    (ours.UnknownOutcomeError, PostState.UNKNOWN),
    (ours.ExpiredError, PostState.EXPIRED),
    (ours.CancelledError, PostState.CANCELLED),
)

_GOES_ON = frozenset({PostState.WAITING, PostState.HELD})


def error_type(error: BaseException | None) -> str | None:
    """Return the machine's word for an error: None for none and for LookAgain, "internal" for one unknown here."""
    if error is None or isinstance(error, ours.LookAgain):
        return None
    return next((name for kind, name in ERROR_TYPES if isinstance(error, kind)), "internal")


def state_after(error: BaseException) -> PostState:
    """Return the state that an error leaves a post in.

    HELD: every other post of the account would fail in the same way. WAITING: trying again makes sense.
    """
    return next((state for kind, state in _ENDS if isinstance(error, kind)), PostState.FAILED)


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what is to be said of a post now; `form()` is for machines, `sentence` for people."""

    state: PostState
    error_type: str | None = None
    error: str | None = None
    retry_after_s: int | None = None
    will_retry: bool = False
    progress: float | None = None
    video_url: str | None = None
    post_url: str | None = None
    simulated: bool = False

    def form(self) -> dict[str, Any]:
        """Return the JSON object that other programs read; every key is always there."""
        return {
            "success": self.state is PostState.POSTED,
            "state": self.state.value,
            "error_type": self.error_type,
            "error": self.error,
            "retry_after": self.retry_after_s,
            "will_retry": self.will_retry,
            "progress": self.progress,
            "video_url": self.video_url,
            "post_url": self.post_url,
            "simulated": self.simulated,
        }

    @property
    def sentence(self) -> str:
        """Return what a person who knows nothing of APIs is told."""
        unreadable = self.state is PostState.UNKNOWN and self.error_type == "record"
        opening = UNREADABLE if unreadable else SENTENCES[self.state]
        parts = [opening, self.error or "", self._next(), self.post_url or ""]
        return " ".join(part for part in parts if part) + (" (simulated)" if self.simulated else "")

    def _next(self) -> str:
        if not self.will_retry or self.state is PostState.HELD:
            return ""
        if self.retry_after_s is None:
            return "It goes on by itself."
        return f"It goes on by itself in {_words(self.retry_after_s)}."


def report(
    state: PostState,
    *,
    now: datetime,
    error: BaseException | None = None,
    will_retry: bool | None = None,
    retry_at: datetime | None = None,
    progress: float | None = None,
    video_url: str | None = None,
    post_url: str | None = None,
    simulated: bool = False,
) -> Report:
    """Return what is to be said of a post in `state`, after `error` if there was one.

    `retry_at` (aware UTC) defaults to the moment that the error names; `will_retry` to whether the state goes on
    by itself.
    """
    retry_at = retry_at or _retry_at(error)
    again = isinstance(error, ours.LookAgain)
    return Report(
        state=state,
        error_type=error_type(error),
        error=None if error is None or again else str(error),
        retry_after_s=None if retry_at is None else max(0, math.ceil((retry_at - now).total_seconds())),
        will_retry=(state in _GOES_ON or again) if will_retry is None else will_retry,
        progress=getattr(error, "progress", None) if progress is None else progress,
        video_url=video_url,
        post_url=post_url or getattr(error, "post_url", None),
        simulated=simulated,
    )


def _retry_at(error: BaseException | None) -> datetime | None:
    if isinstance(error, ours.LookAgain):
        return error.at
    if isinstance(error, x.RateLimitedError):
        return error.local_reset_at or error.reset_at
    return None


def _words(seconds: int) -> str:
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"about {round(seconds / length)} {unit}s"
    return f"{seconds} seconds"
