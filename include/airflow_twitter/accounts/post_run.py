"""What every task of a publishing run shares: its account, the record of its post, and how it tells of its state."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow.sdk import BaseHook, Context
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowRescheduleException,
    AirflowSkipException,
)

from airflow_twitter.accounts.holding import Hold, held, hold
from airflow_twitter.accounts.queue import change_text
from airflow_twitter.accounts.settings import Account, UnknownAccountError, find_account
from airflow_twitter.api.errors import ConfigError, RateLimitedError, XError
from airflow_twitter.api.transport import is_loopback
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.collecting.run import data_store
from airflow_twitter.hooks.twitter import TwitterHook, base_url
from airflow_twitter.posts.windows import rfc3339
from airflow_twitter.publishing.errors import (
    CancelledError,
    ExpiredError,
    LookAgain,
    PublishingError,
    RecordError,
)
from airflow_twitter.publishing.record import Content, Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState, report, state_after

log = logging.getLogger(__name__)

CREATE_LIMIT = "create_post"
"""The limit that every post meets, asked about before a byte of its video is sent."""

WAIT_MIN_S = 10.0
"""A shorter reschedule may be lost by Airflow."""


WAIT_MAX_S = 366 * 86400.0
"""How long a sensor may wait in all, where Airflow wants a number."""


class HeldError(Exception):
    """The account is held for an error that another run met."""

    def __init__(self, why: Hold) -> None:
        super().__init__(why.error)
        self.why = why


class PostRun:
    """One post on its way, as the tasks of its runs see it. Its key is the id of the run that prepared it."""

    def __init__(self, context: Context, account: Account, key: str) -> None:
        self.context = context
        self.account = account
        self.key = key
        self.ti = context["ti"]
        self.store = data_store()
        self.records = Records(self.store)

    @classmethod
    def of_params(cls, context: Context, accounts_file: str) -> PostRun:
        """Return the post that a run names by account and post; fails a run whose account or post there is not."""
        params = context["params"]
        try:
            run = cls(context, find_account(Path(accounts_file), params["account"]), post_of(params))
            run.records.read(run.account.account, run.key)
        except (UnknownAccountError, RecordError) as error:
            raise AirflowFailException(str(error)) from None
        return run

    @property
    def record(self) -> Record:
        """Return the record as it is now."""
        return self.records.read(self.account.account, self.key)

    def open(self, content: Content, details: dict[str, Any], *, allow_duplicate: bool) -> Record:
        """Return the record of the post, made or brought up to date; one that ended without a post begins anew.

        Raises DuplicateError when another run has the same content.
        """
        account = self.account.account
        self.records.open(
            account,
            self.key,
            content,
            allow_duplicate=allow_duplicate,
            simulated=is_simulated(self.account.connection),
            details=details,
        )
        with self.records.change(account, self.key) as record:
            record.details = {**record.details, **details}
            if record.state.frees_content and record.state is not PostState.DELETED:
                record.note(PostState.PREPARING, "Checked again.")
        return record

    def change_text(self, text: str, *, by: str) -> Record:
        """Check another text for the post and take it over, with its price. Raises what the check and `open` raise."""
        return change_text(self.records, self.record, text, by=by)

    def note(self, state: PostState, note: str, by: str | None = None) -> None:
        """Write in the record that the post went over to a state; a post that never got one has none."""
        if self.records.find(self.account.account, self.key) is not None:
            self.records.note(self.account.account, self.key, state, note, by)

    def client(self) -> Any:
        """Return a client that acts for the account; use it as a context manager."""
        try:
            return TwitterHook(self.account.connection).get_user_conn()
        except AirflowNotFoundException:
            raise _no_connection(self.account.connection) from None

    def show(
        self,
        state: PostState,
        *,
        error: BaseException | None = None,
        retry_at: datetime | None = None,
        will_retry: bool | None = None,
        progress: float | None = None,
    ) -> str:
        """Push the machine form of the state to XCom, and return the sentence for people."""
        record = self.records.find(self.account.account, self.key)
        why = error.why if isinstance(error, HeldError) else None
        shown = report(
            state,
            now=datetime.now(UTC),
            error=error,
            retry_at=retry_at,
            will_retry=will_retry,
            progress=progress,
            post_url=None if record is None else record.post_url,
            simulated=record is not None and record.simulated,
        )
        if why is not None:
            shown = replace(shown, error_type=why.error_type, error=why.error)
        self.ti.xcom_push("state", shown.form())
        return shown.sentence

    def check_open(self) -> None:
        """Raise the error of a post that is not to be sent any more: cancelled, or too late."""
        record = self.record
        if record.state is PostState.CANCELLED:
            raise CancelledError("Somebody cancelled this post.")
        expires_at = record.details.get("expires_at")
        if expires_at and not record.intent.sends and datetime.now(UTC) >= datetime.fromisoformat(expires_at):
            raise ExpiredError(f"It was to be posted before {expires_at}, and that has passed.")

    def pause(
        self,
        until: datetime,
        state: PostState = PostState.WAITING,
        *,
        error: BaseException | None = None,
        progress: float | None = None,
    ) -> None:
        """Show what is waited for and give the slot back until a moment, 10 seconds from now at least."""
        now = datetime.now(UTC)
        until = max(until, now + timedelta(seconds=WAIT_MIN_S))
        sentence = self.show(state, error=error, retry_at=until, will_retry=True, progress=progress)
        log.info(
            "Waiting %.0f s, without a slot, until %s. %s",
            (until - now).total_seconds(),
            rfc3339(until),
            sentence,
        )
        raise AirflowRescheduleException(until)  # type: ignore[no-untyped-call]

    def pause_while_held(self) -> None:
        """Give the slot back for a while if the account is held."""
        why = held(self.store, self.account.account)
        if why is not None:
            self._pause_held(why)

    @contextlib.contextmanager
    def preparing(self) -> Iterator[None]:
        """Run a step before the queue: what it raises ends the run, or is tried again by Airflow."""
        try:
            yield
        except (PublishingError, XError) as error:
            self._end(error, may_hold=False)

    @contextlib.contextmanager
    def step(self, limited: str) -> Iterator[SharedLimit]:
        """Run one step towards the post, and turn whatever it raises into a wait, a retry, a hold or an end.

        `limited` names the limit that the step may meet. Errors become, in this order: a wait without a slot until
        the moment that they name; a hold of the account, which waits for a person; a retry by Airflow; or the end.
        """
        limit = SharedLimit(self.context, self.account.connection, limited)
        try:
            self.check_open()
            self.pause_while_held()
            room_at = limit.room_at(datetime.now(UTC))
            if room_at > datetime.now(UTC):
                self.pause(
                    room_at, error=RateLimitedError(f"X lets this account go on at {rfc3339(room_at)}")
                )
            yield limit
        except LookAgain as again:
            log.info("%s", again)
            self.pause(again.at, self.record.state, error=again)
        except RateLimitedError as error:
            self._wait_for_limit(limit, error)
        except CancelledError as error:
            self.show(PostState.CANCELLED, error=error)
            raise AirflowSkipException(str(error)) from None
        except (PublishingError, XError) as error:
            self._end(error)

    def _wait_for_limit(self, limit: SharedLimit, error: RateLimitedError) -> None:
        log.warning("%s", error)
        resumes_at = limit.refused(error, datetime.now(UTC))
        self.note(PostState.WAITING, str(error))
        self.pause(resumes_at, error=error)

    def _end(self, error: PublishingError | XError, *, may_hold: bool = True) -> None:
        state = state_after(error)
        if state is PostState.HELD and may_hold:
            self._hold(error)
        if state is PostState.WAITING and self.ti.try_number <= self.ti.max_tries:
            self.note(PostState.WAITING, str(error))
            self.show(PostState.WAITING, error=error, will_retry=True)
            raise error
        if state in (PostState.WAITING, PostState.HELD):
            state = PostState.FAILED
        self.note(state, str(error))
        sentence = self.show(state, error=error, will_retry=False)
        log.error("%s", sentence)
        raise AirflowFailException(sentence) from None

    def _hold(self, error: PublishingError | XError) -> None:
        shown = report(PostState.HELD, now=datetime.now(UTC), error=error).form()
        why = Hold(datetime.now(UTC), shown["error_type"], shown["error"], self.key)
        log.error("The account %s is held: %s", self.account.account, error)
        self._pause_held(hold(self.store, self.account.account, why), error)

    def _pause_held(self, why: Hold, error: BaseException | None = None) -> None:
        self.note(PostState.HELD, why.error)
        again_at = datetime.now(UTC) + timedelta(seconds=self.account.look_again_s)
        self.pause(again_at, PostState.HELD, error=error or HeldError(why))


def is_simulated(conn_id: str) -> bool:
    """Tell whether a connection leads to a simulator on this machine, and not to X."""
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise _no_connection(conn_id) from None
    host = urlsplit(base_url(connection)).hostname
    return is_loopback(host or "")


def _no_connection(conn_id: str) -> ConfigError:
    return ConfigError(
        f"There is no connection {conn_id}", detail="Make it in Airflow, or name another one in accounts.yaml"
    )


def post_of(params: Any) -> str:
    """Return the key of the post that a run of an account's queue is for; fails a run that names none."""
    key = params.get("post")
    if not key:
        raise AirflowFailException(
            "This run names no post. Runs of this DAG are made by twitter_publish: trigger that one."
        )
    return str(key)
