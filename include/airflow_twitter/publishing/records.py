"""All records of posts: open one, change it, hold it, and tell whether its content is another's.

Safe with many writers that share the data folder's file system: each change is made under a lock and written
atomically; the kernel frees the locks of a killed process.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.posts.store import LockTimeout, Store, StoreError
from airflow_twitter.publishing.errors import BusyError, DuplicateError, RecordError
from airflow_twitter.publishing.index import Index
from airflow_twitter.publishing.record import (
    FOLDER,
    Approval,
    Content,
    Intent,
    Record,
    decode,
    encode,
    record_key,
)
from airflow_twitter.publishing.states import PostState
from airflow_twitter.times import utc_now

log = logging.getLogger(__name__)

BUSY_S = 30.0
_SETTLED = frozenset({PostState.POSTED, PostState.UNKNOWN, PostState.CANCELLED, PostState.DELETED})


class Records:
    """Keep the records of all accounts in `store`. `now` can be replaced in tests."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self.store = store
        self.index = Index(store)
        self.now = now

    def open(
        self,
        account: str,
        key: str,
        content: Content,
        *,
        allow_duplicate: bool = False,
        simulated: bool = False,
        approval: Approval | None = None,
        details: dict[str, Any] | None = None,
    ) -> Record:
        """Return the record `key` of an account; make it, with the intent to post, if there is none.

        To be called before anything is sent, with the same values by each attempt. A text that was edited since
        replaces the old one, as long as nothing has been sent. Raises DuplicateError when another record of the
        account with this content is posted or on its way (not with `allow_duplicate`), RecordError when the
        content changed after the post was sent.
        """
        with self.index.content_lock(account, content):
            self._refuse_second(account, key, content, allow_duplicate)
            self.index.enter(account, content, key)
            with self._lock(account, key):
                record = self.find(account, key)
                now = self.now()
                if record is None:
                    record = Record(
                        account=account,
                        key=key,
                        content=content,
                        state=PostState.PREPARING,
                        created_at=now,
                        intent=Intent(at=now),
                        allow_duplicate=allow_duplicate,
                        simulated=simulated,
                        approval=approval,
                        details=details or {},
                    )
                    record.note(PostState.PREPARING, "Opened.", at=now)
                elif record.content != content:
                    self._edit(record, content)
                else:
                    return record
                self._put(record)
                return record

    def open_cancelled(self, account: str, key: str, content: Content, *, by: str) -> Record:
        """Return the record of a post that is cancelled before it was opened; one that is there stays as it is."""
        with self._lock(account, key):
            record = self.find(account, key)
            if record is None:
                now = self.now()
                record = Record(
                    account=account,
                    key=key,
                    content=content,
                    state=PostState.CANCELLED,
                    created_at=now,
                    intent=Intent(at=now),
                )
                record.cancelled_at = now
                record.note(PostState.CANCELLED, "Cancelled before it was checked.", at=now, by=by)
                self._put(record)
            return record

    def find(self, account: str, key: str) -> Record | None:
        """Return a record, None when there is none; raise RecordError when it cannot be read."""
        where = record_key(account, key)
        try:
            return decode(self.store.read(where))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise RecordError(
                f"The record {self.store.url(where)} is damaged ({error}). Nothing was sent. "
                "Look at the account on X, then mend or remove the file."
            ) from None

    def read(self, account: str, key: str) -> Record:
        """Return a record; raise RecordError when there is none."""
        record = self.find(account, key)
        if record is None:
            raise RecordError(f"There is no record of the post {key} of {account}: it was never prepared.")
        return record

    @contextlib.contextmanager
    def change(self, account: str, key: str) -> Iterator[Record]:
        """Give the record to be changed and write it when the block ends without an exception.

        Keep it short: other writers of this record wait meanwhile. Do not nest it.
        """
        with self._lock(account, key):
            record = self.read(account, key)
            yield record
            self._put(record)

    def note(self, account: str, key: str, state: PostState, note: str, by: str | None = None) -> Record:
        """Write down that a post went over to `state`, and return its record.

        A post that is published, unknown, cancelled or deleted keeps its state: decisions.py changes those.
        """
        with self.change(account, key) as record:
            if record.state not in _SETTLED:
                record.note(state, note, at=self.now(), by=by)
        return record

    @contextlib.contextmanager
    def hold(self, account: str, key: str, purpose: str = "sending") -> Iterator[None]:
        """Have a post in hand for a purpose, alone among workers, for as long as the block lasts.

        Raises BusyError at once when another has it. The kernel lets go of it when the worker dies.
        """
        try:
            with self.store.lock(f"{record_key(account, key)}.{purpose}", timeout_s=0.0):
                yield
        except LockTimeout:
            raise BusyError(
                self.now() + timedelta(seconds=BUSY_S), f"Another worker has the post {key} in hand."
            ) from None

    def all(self, account: str | None = None) -> list[Record]:
        """Return all records, of one account or of all, oldest first; one that cannot be read is told and left out."""
        prefix = FOLDER if account is None else f"{FOLDER}/{safe_segment(account)}"
        records = []
        for key in self.store.list(prefix):
            try:
                records.append(decode(self.store.read(key)))
            except FileNotFoundError:
                continue
            except (OSError, StoreError, ValueError, RecursionError) as error:
                log.warning("The record %s cannot be read and is left out: %s", key, error)
        return sorted(records, key=lambda record: (record.created_at, record.key))

    def same_content(self, account: str, content: Content) -> list[Record]:
        """Return the records of an account that have this content, in the order in which they were opened."""
        records = (self.find(account, key) for key in self.index.with_content(account, content))
        return [record for record in records if record and record.content.fingerprint == content.fingerprint]

    def refuse_second(self, record: Record) -> None:
        """Raise DuplicateError when another record with this content is posted or on its way."""
        with self.index.content_lock(record.account, record.content):
            self._refuse_second(record.account, record.key, record.content, record.allow_duplicate)

    def _refuse_second(self, account: str, key: str, content: Content, allow_duplicate: bool) -> None:
        if allow_duplicate:
            return
        ours = self.find(account, key)
        for other in self.same_content(account, content):
            meant = ours is not None and other.allow_duplicate and other.created_at >= ours.created_at
            if other.key != key and not other.state.frees_content and not meant:
                raise DuplicateError(
                    f"The run {other.key} has the same text and video (state: {other.state.value}), so this one "
                    f"stops. {_way_out(other)}Change the text, or allow duplicates if both are meant.",
                    post_url=other.post_url,
                    first=other.key,
                )

    def _edit(self, record: Record, content: Content) -> None:
        if record.post_id or record.intent.sends:
            raise RecordError(
                f"The post {record.key} of {record.account} was sent already; its text, video and captions cannot "
                "be changed any more. Start a new run for the new ones."
            )
        joined = record.captions_upload is not None and record.captions_upload.joined_to is not None
        # Captions are not taken off a video that X has: it is sent anew.
        if record.content.media_sha256 != content.media_sha256 or (
            joined and record.content.captions != content.captions
        ):
            record.upload = None
        record.content = content
        record.note(record.state, "Edited.", at=self.now())

    def _put(self, record: Record) -> None:
        self.store.put(record_key(record.account, record.key), encode(record))

    def _lock(self, account: str, key: str) -> contextlib.AbstractContextManager[None]:
        return self.store.lock(record_key(account, key))


def _way_out(first: Record) -> str:
    """Say what frees the content of a post that keeps another back."""
    if first.in_doubt:
        return "Nobody knows whether that one is on X: look at the account and say so in twitter_decide. "
    return "" if first.out else "If that one is not to go out, cancel it. "
