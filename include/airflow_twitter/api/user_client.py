"""The client that acts as an account: media, posts, the account's timeline.

It never sleeps out a limit. What can be repeated is tried again inside when the network or X's servers fail;
creating a post never is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from urllib3.filepost import encode_multipart_formdata

from airflow_twitter.api.errors import (
    InvalidRequestError,
    MediaGoneError,
    NetworkError,
    PermanentError,
    TransientError,
)
from airflow_twitter.api.user_answers import (
    CreatedPost,
    Media,
    MediaState,
    TimelinePost,
    User,
    is_finalized,
    read_appended,
    read_created,
    read_data,
    read_deleted,
    read_media,
    read_media_state,
    read_timeline,
    read_user,
)
from airflow_twitter.api.user_endpoints import (
    ADD_CAPTIONS,
    APPEND_MEDIA,
    CREATE_POST,
    DELETE_POST,
    FINALIZE_MEDIA,
    INITIALIZE_MEDIA,
    ME,
    MEDIA_STATUS,
    TIMELINE,
)
from airflow_twitter.api.user_requests import UserRequests, checked_id
from airflow_twitter.times import rfc3339

__all__ = ["CreatedPost", "Media", "MediaState", "TimelinePost", "User", "UserClient"]

TIMELINE_PAGE = "100"
TIMELINE_REACH_PAGES = 33
"""A timeline reaches back 3,200 posts (docs.x.com/x-api/posts/timelines/introduction)."""


class UserClient(UserRequests):
    """Act as an account, over one connection; see BaseClient for its settings.

    Every call raises the errors of `errors.py`: TransientError once the tries are used up,
    RateLimitedError and PermanentError at once. On a 401 another token is asked for once, where there can
    be one.
    """

    def me(self) -> User:
        """Fetch the account that the tokens belong to, which X bills as a read."""
        return self._call(ME, read_user)

    def initialize_media(self, media_type: str, media_category: str, total_bytes: int) -> Media:
        """Begin an upload of so many bytes ("video/mp4", "tweet_video")."""
        body = {"media_type": media_type, "media_category": media_category, "total_bytes": total_bytes}
        return self._call(INITIALIZE_MEDIA, read_media, body=body)

    def append_media(self, media_id: str, segment_index: int, data: bytes) -> None:
        """Send a segment (0 to 999); one that X already has is replaced.

        Raises SegmentTooLargeError when it must be cut smaller, MediaGoneError when the upload is over.
        """
        parts: dict[str, str | tuple[str, bytes, str]] = {
            "segment_index": str(segment_index),
            "media": ("media", data, "application/octet-stream"),
        }
        content, content_type = encode_multipart_formdata(parts)
        self._call(APPEND_MEDIA, read_appended, media_id, data=content, content_type=content_type)

    def finalize_media(self, media_id: str) -> MediaState:
        """Tell X that all segments are there.

        X's pages do not say what a second request gets. So after a lost answer, or when X refuses, the status
        decides whether the upload has been finalized already. Raises MediaGoneError when it is over.
        """
        deadline = self._deadline()
        begun = False

        def ask() -> MediaState:
            nonlocal begun
            if begun and (known := self._finalized_state(media_id)) is not None:
                return known
            begun = True
            return read_media_state(self._once(FINALIZE_MEDIA, media_id, body={}))

        try:
            return self._retry(ask, deadline)
        except InvalidRequestError:
            known = self._finalized_state(media_id)
            if known is None:
                raise
            return known

    def media_status(self, media_id: str) -> MediaState:
        """Fetch how far the processing is, of media that were finalized; MediaGoneError when they are over."""
        return self._call(MEDIA_STATUS, read_media_state, params=_status_params(media_id))

    def add_captions(self, media_id: str, captions_id: str, *, language: str, name: str) -> None:
        """Join captions to a video: media of type "text/srt" and category "subtitles" that were finalized.

        `language` is a BCP 47 code ("en"), `name` how people call it ("English").
        Source: docs.x.com/x-api/media/create-media-subtitles
        """
        track = {"id": checked_id(captions_id), "language_code": language, "display_name": name}
        body = {"id": checked_id(media_id), "media_category": "TweetVideo", "subtitles": track}
        self._call(ADD_CAPTIONS, read_data, body=body)

    def create_post(
        self,
        text: str,
        *,
        media_ids: Sequence[str] = (),
        made_with_ai: bool = False,
        paid_partnership: bool = False,
    ) -> CreatedPost:
        """Create a post, with one request: after a TransientError it may exist or not.

        Only `sent` False of that error says that X has not seen it. Raises PostRefusedError when X does not want
        it, MediaGoneError when its media have expired.
        """
        body: dict[str, Any] = {"text": text}
        if media_ids:
            body["media"] = {"media_ids": list(media_ids)}
        if made_with_ai:
            body["made_with_ai"] = True
        if paid_partnership:
            body["paid_partnership"] = True
        return self._call(CREATE_POST, read_created, body=body)

    def delete_post(self, post_id: str) -> bool:
        """Delete a post of the account; False when there was none (any more).

        A post that is gone after a request whose answer was lost was deleted by that request.
        """
        asked = 0

        def ask() -> bool:
            nonlocal asked
            asked += 1
            try:
                return read_deleted(self._once(DELETE_POST, post_id))
            except TransientError as error:
                asked -= not error.sent
                raise
            except PermanentError as error:
                if error.status == 404:
                    return asked > 1
                raise

        return self._retry(ask, self._deadline())

    def timeline(self, user_id: str, *, since: datetime) -> list[TimelinePost]:
        """Fetch an account's posts since an aware time, newest first, all pages; X bills each post."""
        params = {
            "max_results": TIMELINE_PAGE,
            "start_time": rfc3339(since),
            "tweet.fields": "attachments,created_at,entities",
        }
        posts: list[TimelinePost] = []
        seen: set[str] = set()
        for _ in range(TIMELINE_REACH_PAGES):
            page = self._call(TIMELINE, read_timeline, user_id, params=params)
            posts += page.posts
            token = page.next_token
            if token is None:
                return posts
            if token in seen:
                break
            seen.add(token)
            params["pagination_token"] = token
        raise NetworkError("X gave pages of the timeline without end")

    def check_tokens(self) -> None:
        """Find out whether X takes the tokens, at no cost; raise AuthError when it does not.

        What is asked is the status of media that do not exist, and the answer is that they do not.
        """
        try:
            self._call(MEDIA_STATUS, read_media_state, params=_status_params("1"))
        except (MediaGoneError, InvalidRequestError):
            return

    def _finalized_state(self, media_id: str) -> MediaState | None:
        """Return the state of media that are known to be finalized, None when they are not."""
        try:
            answer = self._once(MEDIA_STATUS, params=_status_params(media_id))
        except InvalidRequestError:
            return None
        return read_media_state(answer) if is_finalized(answer) else None


def _status_params(media_id: str) -> dict[str, str]:
    return {"command": "STATUS", "media_id": checked_id(media_id)}
