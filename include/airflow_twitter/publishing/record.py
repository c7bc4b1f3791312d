"""One post's record in the store: what is to be posted, how far it has come, and what became of it.

published/<account>/<key>.json holds it. The position of the upload and the intent to post stand there and
nowhere else: whoever goes on after a crash, a wait or a cleared task reads them there.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.publishing.comparison import plain
from airflow_twitter.publishing.states import PostState

FOLDER = "published"
_HISTORY_MAX = 200

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Captions(msgspec.Struct, frozen=True, kw_only=True):
    """A subtitle file for the video: the hash of the file, and its language as a BCP 47 code ("en")."""

    sha256: str
    language: str


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be posted. `media_sha256` is the video's hash, None without a video."""

    text: str
    media_sha256: str | None = None
    captions: Captions | None = None
    made_with_ai: bool = False
    paid_partnership: bool = False

    @property
    def fingerprint(self) -> str:
        """Return the same name for contents that readers take for the same post: text and video decide.

        Neither captions nor flags make another post of it.
        """
        parts = (plain(self.text), self.media_sha256 or "")
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


class Intent(msgspec.Struct, kw_only=True):
    """The will to post, written before any request.

    `at`: since then the timeline is searched. `sent_at`: a request to create the post went out whose answer is
    not known; None before, and after an answer. `first_sent_at`: the first request that was not answered with a
    plain no, also one of which a person said that it came to nothing. `refused_at`: X refused the post as such
    (403), for the reason `refusal`. `media_keys` are those that were sent, `sends` counts the requests. All times
    are aware UTC.
    """

    at: Moment
    media_keys: list[str] = []
    sent_at: Moment | None = None
    first_sent_at: Moment | None = None
    refused_at: Moment | None = None
    refusal: str | None = None
    sends: int = 0


class Upload(msgspec.Struct, kw_only=True):
    """How far the video has come to X: its first `confirmed` segments of `segment_bytes` each are there.

    `finalized_at`: since then X has them all. `ready`: X has processed them. `made` counts how often media were
    made for this post, `failed` how often X could not process them.
    """

    sha256: str
    size: int
    segment_bytes: int
    media_id: str | None = None
    media_key: str | None = None
    expires_at: Moment | None = None
    confirmed: int = 0
    finalized_at: Moment | None = None
    ready: bool = False
    made: int = 0
    failed: int = 0

    @property
    def segments(self) -> int:
        """Return how many segments make the file."""
        return -(-self.size // self.segment_bytes)

    def alive(self, now: datetime, margin_s: float = 0.0) -> bool:
        """Tell whether X still has the media, and will in `margin_s` seconds."""
        return _alive(self.media_id, self.expires_at, now, margin_s)


class CaptionsUpload(msgspec.Struct, kw_only=True):
    """How far the captions have come to X, which has them as media of their own.

    `finalized`: X has all of them. `joined_to` is the id of the video that they belong to on X by now.
    """

    captions: Captions
    media_id: str | None = None
    expires_at: Moment | None = None
    finalized: bool = False
    joined_to: str | None = None

    def alive(self, now: datetime, margin_s: float = 0.0) -> bool:
        """Tell whether X still has them, and will in `margin_s` seconds."""
        return _alive(self.media_id, self.expires_at, now, margin_s)


def _alive(media_id: str | None, expires_at: datetime | None, now: datetime, margin_s: float) -> bool:
    if media_id is None:
        return False
    return expires_at is None or (expires_at - now).total_seconds() > margin_s


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """The approval that a post needs: `asked` is what somebody is asked about, `content` what `by` approved `at`.

    All are None until then. It is waited for an answer `until` then; times are aware UTC.
    """

    asked: Content | None = None
    until: datetime | None = None
    content: Content | None = None
    by: str | None = None
    at: Moment | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a post's history; `by` names a person where one decided."""

    at: Moment
    state: PostState
    note: str
    by: str | None = None


class Record(msgspec.Struct, kw_only=True):
    """All that is known of one post. `details` belongs to the caller (JSON values; no secrets).

    `deletion_asked_at`: a request to delete it went out then whose answer is not known.
    `approval` is None when nobody has to approve it.
    """

    account: str
    key: str
    content: Content
    state: PostState
    created_at: Moment
    intent: Intent
    upload: Upload | None = None
    captions_upload: CaptionsUpload | None = None
    approval: Approval | None = None
    post_id: str | None = None
    post_url: str | None = None
    posted_at: Moment | None = None
    deleted_at: Moment | None = None
    cancelled_at: Moment | None = None
    deletion_asked_at: Moment | None = None
    found: bool = False
    allow_duplicate: bool = False
    simulated: bool = False
    details: dict[str, Any] = {}
    history: list[Event] = []

    @property
    def out(self) -> bool:
        """Tell whether the post is published, or was; its id is not known when a person just said so."""
        return self.post_id is not None or self.state is PostState.POSTED

    @property
    def in_doubt(self) -> bool:
        """Tell whether the post was sent and nobody knows what came of it: X's answer is lost, or is not explained."""
        return not self.out and (self.intent.sent_at is not None or self.intent.refused_at is not None)

    @property
    def approved(self) -> bool:
        """Tell whether what is to be posted is what somebody approved, or needs no approval."""
        return self.approval is None or self.approval.content == self.content

    @property
    def captioned(self) -> bool:
        """Tell whether the video that X has is joined with these captions, or needs none."""
        captions, joined = self.content.captions, self.captions_upload
        if captions is None or self.upload is None:
            return captions is None
        return joined is not None and (joined.captions, joined.joined_to) == (captions, self.upload.media_id)

    def note(self, state: PostState, note: str, *, at: datetime | None = None, by: str | None = None) -> None:
        """Go over to `state` and write a line of history; the same again changes nothing.

        A post in doubt never goes over to a state that frees its content: it becomes UNKNOWN.
        """
        if self.in_doubt and state.frees_content:
            state = PostState.UNKNOWN
        last = self.history[-1] if self.history else None
        self.state = state
        if last is None or (last.state, last.note, last.by) != (state, note, by):
            self.history.append(Event(at=at or datetime.now(UTC), state=state, note=note, by=by))
            del self.history[1 : max(1, len(self.history) - _HISTORY_MAX + 1)]


def record_key(account: str, key: str) -> str:
    """Return where a record lies in the store."""
    return f"{FOLDER}/{safe_segment(account)}/{safe_segment(key)}.json"


def post_url(post_id: str) -> str:
    """Return the address of a post for people; X turns it into the one with the account's name."""
    return f"https://x.com/i/status/{post_id}"


def encode(record: Record) -> bytes:
    """Return a record as JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def decode(data: bytes) -> Record:
    """Read a record; raise msgspec.DecodeError when it is none."""
    return msgspec.json.decode(data, type=Record)
