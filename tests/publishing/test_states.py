"""Every state has a sentence and a machine form, and every error a kind that follows from its class."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime, timedelta

import pytest

from airflow_twitter.api import errors as x
from airflow_twitter.api.limits import RateLimit
from airflow_twitter.publishing import errors as ours
from airflow_twitter.publishing.findings import Finding
from airflow_twitter.publishing.reports import error_type, report, state_after
from airflow_twitter.publishing.states import SENTENCES, PostState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FINDING = Finding("duration", "at most 140 s", "the video lasts 200 s", "Cut it.")
KEYS = [
    "success",
    "state",
    "error_type",
    "error",
    "retry_after",
    "will_retry",
    "progress",
    "video_url",
    "post_url",
    "simulated",
]


@pytest.mark.parametrize("state", PostState)
def test_every_state_has_a_sentence_and_a_form(state: PostState) -> None:
    """No state is forgotten, and the form has the same keys in every one."""
    told = report(state, now=NOW)
    assert SENTENCES[state].endswith(".")
    assert told.sentence.startswith(SENTENCES[state])
    assert list(json.loads(json.dumps(told.form()))) == KEYS
    assert told.form()["success"] is (state is PostState.POSTED)


def every_error() -> list[type[Exception]]:
    """Return all classes of both trees of errors."""
    kinds = [*vars(x).values(), *vars(ours).values()]
    return [kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", [kind for kind in every_error() if not issubclass(kind, ours.LookAgain)])
def test_every_error_has_a_kind(kind: type[Exception]) -> None:
    """No class of either tree is told as internal, but for the roots that nobody raises."""
    error = kind.__new__(kind)
    roots = (ours.PublishingError, ours.RejectedError, ours.SourceError, ours.ClosedError)
    assert (error_type(error) == "internal") is (kind in roots)


@pytest.mark.parametrize(
    ("error", "kind", "state"),
    [
        (x.NetworkError("reset"), "connection", PostState.WAITING),
        (x.ServerError("503"), "server", PostState.WAITING),
        (x.TransientError("Airflow is away"), "connection", PostState.WAITING),
        (x.AuthorizationLostError("400"), "auth", PostState.HELD),
        (x.RateLimitedError("429"), "rate_limit", PostState.WAITING),
        (x.UsageCapError("cap"), "usage_cap", PostState.HELD),
        (x.CreditsError("402"), "credits", PostState.HELD),
        (x.AuthError("401"), "auth", PostState.HELD),
        (x.CredentialsError("403"), "auth", PostState.HELD),
        (x.PostRefusedError("403"), "refused", PostState.FAILED),
        (x.DeletionRefusedError("403"), "refused", PostState.FAILED),
        (x.ForbiddenError("403"), "auth", PostState.HELD),
        (x.AddressError("404"), "configuration", PostState.HELD),
        (x.InvalidRequestError("400"), "refused", PostState.FAILED),
        (ours.VideoRejectedError((FINDING,)), "video_rejected", PostState.REJECTED),
        (ours.TextRejectedError((FINDING,)), "text_rejected", PostState.REJECTED),
        (ours.DuplicateError("d"), "duplicate", PostState.DUPLICATE),
        (ours.UnknownOutcomeError("u"), "unknown", PostState.UNKNOWN),
        (ours.NotApprovedError("n"), "rejected_by_approver", PostState.REJECTED),
        (ours.ExpiredError("e"), "expired", PostState.EXPIRED),
        (ours.CancelledError("c"), "cancelled", PostState.CANCELLED),
        (ours.LookAgain(NOW, "wait"), None, PostState.WAITING),
        (ValueError("what"), "internal", PostState.FAILED),
    ],
)
def test_class_decides_kind_and_state(error: Exception, kind: str | None, state: PostState) -> None:
    """Trouble on the way waits, trouble of the account holds its queue, all else ends the one post."""
    assert error_type(error) == kind
    assert state_after(error) is state


def test_limit_says_when_it_goes_on() -> None:
    """A rate limit tells the seconds until its reset, by our clock, and that nobody need do anything."""
    error = x.RateLimitedError("429", reset_at=NOW + timedelta(seconds=811.2))
    told = report(PostState.WAITING, now=NOW, error=error)
    assert told.form() | {"error": None} == {
        "success": False,
        "state": "waiting",
        "error_type": "rate_limit",
        "error": None,
        "retry_after": 812,
        "will_retry": True,
        "progress": None,
        "video_url": None,
        "post_url": None,
        "simulated": False,
    }
    assert "goes on by itself in about 14 minutes" in told.sentence


def test_limit_is_told_by_our_clock() -> None:
    """A server's clock that is ahead of ours does not lengthen the wait."""
    error = x.RateLimitedError("429", reset_at=NOW + timedelta(seconds=1000))
    error.limit = RateLimit(limit=1, remaining=0, reset_at=error.reset_at, observed_at=NOW, skew_s=900.0)
    assert report(PostState.WAITING, now=NOW, error=error).retry_after_s == 100


def test_waiting_is_no_error() -> None:
    """A wait for X's processing has a progress and a next look, and no error."""
    wait = ours.LookAgain(NOW + timedelta(seconds=10), "X is preparing the video.", 0.4)
    told = report(PostState.PROCESSING, now=NOW, error=wait)
    assert (told.error_type, told.error, told.progress, told.retry_after_s) == (None, None, 0.4, 10)
    assert told.will_retry


def test_duplicate_names_the_post() -> None:
    """The link of the post that exists is in the form and in the sentence."""
    url = "https://x.com/somebody/status/1"
    told = report(
        PostState.DUPLICATE, now=NOW, error=ours.DuplicateError("There.", post_url=url), simulated=True
    )
    assert told.form()["post_url"] == url
    assert told.sentence.endswith(f"{url} (simulated)")
    assert not told.will_retry


def test_refusals_name_rule_value_and_mend() -> None:
    """A rejection reads as a sentence for each broken rule; warnings are left out."""
    advice = Finding("bit rate", "5,000 kbit/s", "9,000 kbit/s", "Lower it.", refuses=False)
    error = ours.VideoRejectedError((FINDING, advice))
    assert str(error) == "Duration: the video lasts 200 s; X wants at most 140 s. Cut it."
