"""What a person decides about a post: posted, not posted, cancelled, deleted."""

from __future__ import annotations

import re

from airflow_twitter.publishing.errors import DuplicateError, PublishingError
from airflow_twitter.publishing.published import tell_published
from airflow_twitter.publishing.record import Record, post_url
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState

_POST = re.compile(
    r"(?:(?:https?://)?(?:www\.|mobile\.)?(?:x|twitter)\.com/\w{1,20}(?:/web)?/status(?:es)?/)?(\d{1,19})"
    r"(?:/(?:photo|video)/\d+)?",
    re.ASCII,
)


class TooLateError(PublishingError):
    """The post is out already, or may be; `record` says where."""

    def __init__(self, message: str, record: Record) -> None:
        super().__init__(message)
        self.record = record


def post_id_of(link: str) -> str:
    """Return the id of a post from its id or its address; raise ValueError for anything else."""
    match = _POST.fullmatch(re.split(r"[?#]", link.strip())[0].rstrip("/"))
    if match is None:
        raise ValueError(f"{link!r} is no post: give its address, such as https://x.com/name/status/123.")
    return match[1]


def mark_posted(records: Records, account: str, key: str, link: str | None = None, *, by: str) -> Record:
    """Write down that the post is out as `link` (an id or an address, None if not known): nothing more is sent.

    Raises BusyError while a worker is sending it, ValueError for a link that is none, DuplicateError when the
    link is the post of another record.
    """
    post_id = post_id_of(link) if link else records.read(account, key).post_id
    with records.hold(account, key):
        if records.read(account, key).post_id not in (None, post_id):
            raise DuplicateError("This post is published already, as another one than the link says.")
        if post_id is not None and not records.index.claim_post(account, post_id, key):
            owner = records.index.owner_of(account, post_id)
            raise DuplicateError(f"{link} is the post of the run {owner}, not of {key}.", first=owner)
        with records.change(account, key) as record:
            if record.post_id is None:
                record.post_id = post_id
                record.post_url = None if post_id is None else post_url(post_id)
                record.posted_at = record.posted_at or records.now()
                record.found = True
                record.intent.sent_at = record.intent.refused_at = None
                record.note(PostState.POSTED, "Marked as posted.", at=records.now(), by=by)
    tell_published(records.store, record)
    return record


def mark_not_posted(records: Records, account: str, key: str, *, by: str) -> Record:
    """Write down that the post is not on the account, so that it may be sent (again).

    Raises TooLateError when it is known to be out, BusyError while a worker is sending it.
    """
    with records.hold(account, key), records.change(account, key) as record:
        if record.out:
            raise TooLateError(f"The post is out: {record.post_url or 'its address is not known'}.", record)
        record.intent.sent_at = record.intent.refused_at = None
        record.note(PostState.QUEUED, "Marked as not posted; it will be sent again.", at=records.now(), by=by)
    return record


def cancel(records: Records, account: str, key: str, *, by: str) -> Record:
    """Cancel a post that has not been sent; return its record in state CANCELLED.

    Raises TooLateError when it is out (`record.post_url`) or may be (`record.state` is UNKNOWN or POSTING),
    BusyError while a worker is sending it.
    """
    with records.hold(account, key), records.change(account, key) as record:
        if record.out:
            where = record.post_url or "at an address that is not known"
            raise TooLateError(f"Too late: the post is out, {where}. Delete it instead.", record)
        if record.in_doubt:
            raise TooLateError(
                "It is not known yet whether the post is out. Look at the account, and cancel it again after "
                "having marked it as not posted.",
                record,
            )
        record.cancelled_at = records.now()
        record.note(PostState.CANCELLED, "Cancelled.", at=record.cancelled_at, by=by)
    return record


def mark_deleted(records: Records, account: str, key: str, *, by: str) -> Record:
    """Write down that a published post was deleted from X."""
    with records.change(account, key) as record:
        record.deleted_at = records.now()
        record.note(PostState.DELETED, "Deleted from X.", at=record.deleted_at, by=by)
    tell_published(records.store, record)
    return record
