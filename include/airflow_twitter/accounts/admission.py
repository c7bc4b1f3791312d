"""Whether a post may go out: asked before it goes into the queue, and by every task of its run there."""

from __future__ import annotations

from datetime import datetime

from airflow_twitter.publishing.errors import CancelledError, ClosedError, ExpiredError, NotApprovedError
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.states import PostState

_CLOSED: dict[PostState, tuple[type[ClosedError], str]] = {
    PostState.CANCELLED: (CancelledError, "Somebody cancelled this post."),
    PostState.REJECTED: (NotApprovedError, "This post was turned down."),
    PostState.EXPIRED: (ExpiredError, "The time for this post was over already."),
}


def require_open(record: Record, now: datetime) -> None:
    """Raise the ClosedError of a post that is not to be sent, or not yet.

    That is one that was cancelled, turned down, late, a dry run, or has to be approved and is not, as it reads now.
    A post that is out, or may be, passes: it is looked for, and sent again only after somebody said that it may.
    """
    if record.out or record.in_doubt:
        return
    if record.state in _CLOSED:
        kind, reason = _CLOSED[record.state]
        raise kind(reason)
    if record.details.get("asked", {}).get("dry_run"):
        raise CancelledError("This was a dry run. Start a run of twitter_publish without it to post this.")
    if not record.approved:
        raise NotApprovedError(
            "Nobody has approved what this post says now. Answer the question under Required Actions; if there is "
            "none, clear its run of twitter_publish, and it is asked anew."
        )
    expires_at = record.details.get("expires_at")
    if expires_at and now >= datetime.fromisoformat(expires_at):
        raise ExpiredError(f"It was to be posted before {expires_at}, and that has passed.")
