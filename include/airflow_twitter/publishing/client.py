"""What publishing asks of X, as types: api/user_client.py gives it, and tests can give another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Me(Protocol):
    """The account that the tokens belong to."""

    @property
    def id(self) -> str: ...
    @property
    def username(self) -> str: ...


class Media(Protocol):
    """Media that X waits for: `key` is what a post shows, `expires_at` is aware UTC."""

    @property
    def id(self) -> str: ...
    @property
    def key(self) -> str | None: ...
    @property
    def expires_at(self) -> datetime | None: ...


class MediaState(Protocol):
    """How far X has come with media: "pending", "in_progress", "succeeded" or "failed"."""

    @property
    def state(self) -> str: ...
    @property
    def check_after_s(self) -> float | None: ...
    @property
    def progress_percent(self) -> int | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def expires_at(self) -> datetime | None: ...


class CreatedPost(Protocol):
    """A post that X has just made."""

    @property
    def id(self) -> str: ...


class TimelinePost(Protocol):
    """A post of the account; the text comes HTML-escaped and with t.co links."""

    @property
    def id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def media_keys(self) -> Sequence[str]: ...
    @property
    def links(self) -> Sequence[tuple[str, str]]: ...


class MediaClient(Protocol):
    """Uploads. Every call may raise the errors of api/errors.py."""

    def initialize_media(self, media_type: str, media_category: str, total_bytes: int) -> Media: ...
    def append_media(self, media_id: str, segment_index: int, data: bytes) -> None: ...
    def finalize_media(self, media_id: str) -> MediaState: ...
    def media_status(self, media_id: str) -> MediaState: ...
    def add_captions(self, media_id: str, captions_id: str, *, language: str, name: str) -> None: ...


class PostClient(Protocol):
    """Creates posts, and looks at the account's. `create_post` is sent once and never again by itself.

    `user_id` is the account's id where the tokens tell it.
    """

    @property
    def user_id(self) -> str | None: ...
    def me(self) -> Me: ...
    def create_post(
        self,
        text: str,
        *,
        media_ids: Sequence[str] = (),
        made_with_ai: bool = False,
        paid_partnership: bool = False,
    ) -> CreatedPost: ...
    def timeline(self, user_id: str, *, since: datetime) -> Sequence[TimelinePost]: ...
