"""Every state that a post can be in, with its sentence for people."""

from __future__ import annotations

from enum import StrEnum


class PostState(StrEnum):
    """What becomes of a post. The first group goes on by itself, the second waits for a person."""

    PREPARING = "preparing"
    QUEUED = "queued"
    WAITING = "waiting"
    UPLOADING = "uploading"
    PROCESSING = "processing"
    POSTING = "posting"
    # a person decides
    AWAITING_APPROVAL = "awaiting_approval"
    HELD = "held"
    UNKNOWN = "unknown"
    # over
    POSTED = "posted"
    DRY_RUN = "dry_run"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DELETED = "deleted"

    @property
    def over(self) -> bool:
        """Tell whether nothing more will happen to the post by itself or by anybody's decision."""
        return self in _OVER

    @property
    def goes_on(self) -> bool:
        """Tell whether the post goes on by itself, now or when its account is released."""
        return self in _ON_ITS_WAY

    @property
    def frees_content(self) -> bool:
        """Tell whether another run may post the same content: this one did not, and will not."""
        return self in _NEVER_POSTED


_NEVER_POSTED = frozenset(
    {
        PostState.DRY_RUN,
        PostState.DUPLICATE,
        PostState.REJECTED,
        PostState.EXPIRED,
        PostState.CANCELLED,
        PostState.FAILED,
        PostState.DELETED,
    }
)
_OVER = _NEVER_POSTED | {PostState.POSTED}
_ON_ITS_WAY = frozenset(PostState) - _OVER - {PostState.AWAITING_APPROVAL, PostState.UNKNOWN}

SENTENCES: dict[PostState, str] = {
    PostState.PREPARING: "The text and the video are being checked.",
    PostState.AWAITING_APPROVAL: "The post waits for somebody to approve it.",
    PostState.QUEUED: "The post is in the queue of its account.",
    PostState.HELD: "The queue of this account is held; nothing is posted until somebody releases it.",
    PostState.WAITING: "Nothing is wrong: the post waits, and goes on by itself.",
    PostState.UPLOADING: "The video is being sent to X.",
    PostState.PROCESSING: "X has the video and is preparing it.",
    PostState.POSTING: "The post is being sent to X.",
    PostState.POSTED: "The post is published.",
    PostState.DRY_RUN: "This was a dry run: nothing was sent to X.",
    PostState.DUPLICATE: "The same post exists already, so it was not sent again.",
    PostState.UNKNOWN: "X did not answer when the post was sent. Look at the account, then say whether it is there.",
    PostState.REJECTED: "The post was not accepted, and will not be sent.",
    PostState.EXPIRED: "The time for this post is over, so it was not sent.",
    PostState.CANCELLED: "Somebody cancelled the post before it was sent.",
    PostState.FAILED: "The post was not sent.",
    PostState.DELETED: "The post was published, and has been deleted since.",
}

UNREADABLE = "Nobody can tell how the post stands: what is known of it cannot be read."
"""Of a post that is unknown since its record is damaged."""
