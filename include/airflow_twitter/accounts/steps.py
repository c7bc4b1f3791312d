"""Run a step towards a post, and turn whatever it raises into a wait, a retry, a hold or an end."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException

from airflow_twitter.accounts.holding import Hold, held, hold, refused_now
from airflow_twitter.accounts.post_run import HeldError, PostRun
from airflow_twitter.api.errors import PostRefusedError, RateLimitedError, XError
from airflow_twitter.api.user_endpoints import (
    ADD_CAPTIONS,
    APPEND_MEDIA,
    FINALIZE_MEDIA,
    INITIALIZE_MEDIA,
    MEDIA_STATUS,
)
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.publishing.errors import (
    CancelledError,
    LookAgain,
    NotApprovedError,
    PublishingError,
    UnknownOutcomeError,
    unknown,
)
from airflow_twitter.publishing.reports import report, state_after
from airflow_twitter.publishing.states import PostState
from airflow_twitter.spending.budgets import BudgetReached
from airflow_twitter.times import rfc3339

log = logging.getLogger(__name__)

CREATE_LIMIT = "create_post"
"""The limit that every post meets, asked about before a byte of its video is sent."""

MEDIA_LIMIT = "upload_media"
"""What X says of any request about media."""

_MEDIA = frozenset(
    each.name for each in (INITIALIZE_MEDIA, APPEND_MEDIA, FINALIZE_MEDIA, MEDIA_STATUS, ADD_CAPTIONS)
)
DELETE_LIMIT = "delete_post"

WAIT_MIN_S = 10.0
"""A shorter reschedule may be lost by Airflow."""

REFUSED_MAX = 3
"""After so many posts in a row that X refused for no reason that shows, the account is held for the others."""

WAIT_MAX_S = 366 * 86400.0
"""How long a sensor may wait in all, where Airflow wants a number."""


@contextlib.contextmanager
def preparing(run: PostRun) -> Iterator[None]:
    """Run a step before the queue: what it raises ends the run, or is tried again by Airflow."""
    try:
        yield
    except CancelledError as error:
        run.show(PostState.CANCELLED, error=error)
        raise AirflowSkipException(str(error)) from None
    except (PublishingError, XError) as error:
        _end(run, error)


def refuse(context: Context, error: PublishingError) -> NoReturn:
    """End a run that names no account that there is, so that it has neither a record nor a queue."""
    shown = report(state_after(error), now=datetime.now(UTC), error=error, will_retry=False)
    context["ti"].xcom_push("state", shown.form())
    raise AirflowFailException(str(error)) from None


@contextlib.contextmanager
def step(run: PostRun, limited: str, *, of_video: bool = False) -> Iterator[SharedLimit]:
    """Run a step in the queue. `limited` names the limit that it may meet; one `of_video` only a post with a video.

    Errors become, in this order: a wait without a slot until the moment that they name; a hold of the account, which
    waits for a person; a retry by Airflow; or the end.
    """
    limit = SharedLimit(run.context, run.account.connection, limited)
    try:
        # Of a post that is out nothing is sent: there is nothing to wait for.
        if not run.record.out:
            run.check_open()
            _wait_while_held(run)
            if not of_video or run.record.content.media_sha256 is not None:
                _wait_for_room(run, limit)
        yield limit
    except LookAgain as again:
        log.info("%s", again)
        pause(run, again.at, run.record.state, error=again)
    except RateLimitedError as error:
        log.warning("%s", error)
        resumes_at = _limit_met(run, limit, error).refused(error, datetime.now(UTC))
        run.note(PostState.WAITING, str(error))
        pause(run, resumes_at, error=error)
    except (CancelledError, NotApprovedError) as error:
        _skip(run, error)
    except (PublishingError, XError, BudgetReached) as error:
        if state_after(error) is PostState.HELD:
            why = _hold(run, error)
            _pause_held(run, why, error)
        if isinstance(error, PostRefusedError) and _refused_like_others(run):
            _hold(run, error)
        _end(run, error)


def pause(
    run: PostRun,
    until: datetime,
    state: PostState = PostState.WAITING,
    *,
    error: BaseException | None = None,
) -> NoReturn:
    """Show what is waited for and give the slot back until a moment, 10 seconds from now at least.

    A post that was cancelled since the step began has nothing to wait for: its run ends.
    """
    if run.record.state is PostState.CANCELLED:
        _skip(run, CancelledError("Somebody cancelled this post."))
    now = datetime.now(UTC)
    until = max(until, now + timedelta(seconds=WAIT_MIN_S))
    sentence = run.show(state, error=error, retry_at=until, will_retry=True)
    wait_s = (until - now).total_seconds()
    log.info("Waiting %.0f s, without a slot, until %s. %s", wait_s, rfc3339(until), sentence)
    raise AirflowRescheduleException(until)  # type: ignore[no-untyped-call]


def _skip(run: PostRun, error: CancelledError | NotApprovedError) -> NoReturn:
    run.show(run.record.state, error=error)
    raise AirflowSkipException(str(error)) from None


def _wait_while_held(run: PostRun) -> None:
    why = held(run.store, run.account.account)
    if why is not None:
        _pause_held(run, why)
    if run.record.state is PostState.HELD:
        run.note(PostState.QUEUED, "The account was released.")


def _limit_met(run: PostRun, limit: SharedLimit, error: RateLimitedError) -> SharedLimit:
    """Return the limit that X refused by: a look at the timeline says nothing of the limit of creating posts."""
    if error.endpoint is None:
        return limit
    name = MEDIA_LIMIT if error.endpoint in _MEDIA else error.endpoint
    return limit if name == limit.endpoint else SharedLimit(run.context, run.account.connection, name)


def _wait_for_room(run: PostRun, limit: SharedLimit) -> None:
    now = datetime.now(UTC)
    room_at = limit.room_at(now)
    if room_at > now:
        pause(run, room_at, error=RateLimitedError(f"X lets this account go on at {rfc3339(room_at)}"))


def _end(run: PostRun, error: PublishingError | XError | BudgetReached) -> NoReturn:
    state = state_after(error)
    if state is PostState.WAITING and run.ti.try_number <= run.ti.max_tries:
        run.note(PostState.WAITING, str(error))
        run.show(PostState.WAITING, error=error, will_retry=True)
        raise error
    if state in (PostState.WAITING, PostState.HELD):
        state = PostState.FAILED
    record = run.note(state, str(error))
    shown: BaseException = error
    if record is not None and record.out:  # it is another step that failed, such as deleting it
        state = record.state
    elif record is not None and record.in_doubt:
        state = PostState.UNKNOWN
        if not isinstance(error, UnknownOutcomeError):
            shown = unknown(run.key, f"this kept us from looking for it: {error}")
    sentence = run.show(state, error=shown, will_retry=False)
    log.error("%s", sentence)
    raise AirflowFailException(sentence) from None


def _refused_like_others(run: PostRun) -> bool:
    """Tell whether X has refused so many posts in a row that it hardly is for what they say."""
    return refused_now(run.store, run.account.account, run.key) >= REFUSED_MAX


def _hold(run: PostRun, error: PublishingError | XError | BudgetReached) -> Hold:
    shown = report(PostState.HELD, now=datetime.now(UTC), error=error).form()
    why = Hold(datetime.now(UTC), shown["error_type"], shown["error"], run.key)
    log.error("The account %s is held: %s", run.account.account, error)
    return hold(run.store, run.account.account, why)


def _pause_held(run: PostRun, why: Hold, error: BaseException | None = None) -> NoReturn:
    run.note(PostState.HELD, why.error)
    again_at = datetime.now(UTC) + timedelta(seconds=run.account.look_again_s)
    pause(run, again_at, PostState.HELD, error=error or HeldError(why))
