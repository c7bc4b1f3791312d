"""What every task of a publishing run shares: its account, the record of its post, and how it tells of its state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow.sdk import BaseHook, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from airflow_twitter.accounts.addresses import video_url
from airflow_twitter.accounts.admission import require_open
from airflow_twitter.accounts.holding import Hold
from airflow_twitter.accounts.orphans import close_orphans
from airflow_twitter.accounts.queue import change_text
from airflow_twitter.accounts.settings import Account, UnknownAccountError, find_account
from airflow_twitter.api.errors import ConfigError
from airflow_twitter.collecting.spending import spending_settings
from airflow_twitter.data_folder import data_store
from airflow_twitter.hooks.twitter import TwitterHook, base_url
from airflow_twitter.publishing.errors import CancelledError, RecordError
from airflow_twitter.publishing.processing import ensure_media
from airflow_twitter.publishing.record import Approval, Content, Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.reports import report
from airflow_twitter.publishing.states import PostState

X_HOSTS = ("api.x.com", "api.twitter.com")


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

    def edited(self) -> dict[str, Any]:
        """Return the fields that somebody changed after the post was asked for; raise CancelledError when it is off."""
        record = self.records.find(self.account.account, self.key)
        if record is None:
            return {}
        self._refuse_cancelled(record)
        return dict(record.details.get("edited", {}))

    def open(
        self, content: Content, details: dict[str, Any], *, allow_duplicate: bool, approval: bool
    ) -> Record:
        """Return the record of the post, made or brought up to date; one that ended without a post begins anew.

        `approval`: somebody has to approve the post. What was approved stays approved while it reads the same.
        Raises DuplicateError when another run has the same content, CancelledError.
        """
        account = self.account.account
        close_orphans(self.records, self.ti, self.account, content, but=self.key)
        self.records.open(
            account,
            self.key,
            content,
            allow_duplicate=allow_duplicate,
            simulated=is_simulated(self.account.connection),
            approval=Approval() if approval else None,
            details=details,
        )
        with self.records.change(account, self.key) as record:
            self._refuse_cancelled(record)
            record.approval = (record.approval or Approval()) if approval else None
            record.details = {**record.details, **details}
            if record.state.frees_content and record.state is not PostState.DELETED:
                record.note(PostState.PREPARING, "Checked again.")
        return record

    def _refuse_cancelled(self, record: Record) -> None:
        """Refuse a post that was cancelled since its run began: a run that is cleared takes the post up again."""
        began = self.context["dag_run"].start_date
        at = record.cancelled_at
        meanwhile = not record.details or began is None or at is None or at >= began
        if record.state is PostState.CANCELLED and meanwhile:
            raise CancelledError("Somebody cancelled this post before it was checked.")

    def ask(self, until: datetime) -> Record:
        """Write down that somebody is asked to approve the post as it is; what was approved before counts no more."""
        with self.records.change(self.account.account, self.key) as record:
            record.approval = Approval(asked=record.content, until=until)
            if record.state is not PostState.CANCELLED:
                record.note(PostState.AWAITING_APPROVAL, "Somebody is asked to approve it.")
        return record

    def approve(self, content: Content, by: str) -> None:
        """Write down what somebody approved; the post may have been changed or cancelled meanwhile."""
        with self.records.change(self.account.account, self.key) as record:
            record.approval = Approval(asked=content, content=content, by=by, at=datetime.now(UTC))
            if record.state is not PostState.CANCELLED:
                record.note(PostState.PREPARING, "Approved.", by=by)

    def change_text(self, text: str, *, by: str) -> Record:
        """Check another text for the post and take it over, with its price. Raises what the check and `open` raise."""
        prices = spending_settings(self.context).prices
        return change_text(self.records, self.record, text, by=by, prices=prices)

    def note(self, state: PostState, note: str, by: str | None = None) -> Record | None:
        """Write in the record that the post went over to a state, and return it; a post without one stays so."""
        if self._found() is None:
            return None
        return self.records.note(self.account.account, self.key, state, note, by)

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
        record = self._found()
        why = error.why if isinstance(error, HeldError) else None
        shown = report(
            state,
            now=datetime.now(UTC),
            error=error,
            retry_at=retry_at,
            will_retry=will_retry,
            progress=progress,
            video_url=None if record is None else self._video_url(record),
            post_url=None if record is None else record.post_url,
            simulated=self._simulated() if record is None else record.simulated,
        )
        if why is not None:
            shown = replace(shown, error_type=why.error_type, error=why.error)
        self.ti.xcom_push("state", shown.form())
        return shown.sentence

    def _found(self) -> Record | None:
        """Return the record, None where there is none or it cannot be read: what reads it first says so."""
        try:
            return self.records.find(self.account.account, self.key)
        except RecordError:
            return None

    def _simulated(self) -> bool:
        try:
            return is_simulated(self.account.connection)
        except ConfigError:
            return False

    def _video_url(self, record: Record) -> str | None:
        has_video = record.content.media_sha256 is not None
        return video_url(record.account, record.key) if has_video else None

    def check_open(self) -> None:
        """Raise the ClosedError of a post that is not to be sent, or not yet."""
        require_open(self.record, datetime.now(UTC))

    def ready_media(self, client: Any) -> None:
        """Have X hold the video with its captions, ready to be posted; raises LookAgain while X is at it."""
        account, segment_bytes = self.account.account, self.account.segment_bytes
        ensure_media(self.records, account, self.key, client, segment_bytes=segment_bytes)


def is_simulated(conn_id: str) -> bool:
    """Tell whether a connection leads elsewhere than to X, on this machine or another: that is to a simulator."""
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise _no_connection(conn_id) from None
    return urlsplit(base_url(connection)).hostname not in X_HOSTS


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
