"""The client that acts as an account: media, posts, the account's timeline.

It never sleeps out a limit. What can be repeated is tried again inside when the network or X's servers fail;
creating a post never is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, Unpack

from requests.auth import AuthBase
from urllib3.filepost import encode_multipart_formdata

from airflow_twitter.api.answers import Answer
from airflow_twitter.api.auth import FORM_TYPE
from airflow_twitter.api.base_client import BaseClient, Settings
from airflow_twitter.api.errors import (
    AuthError,
    InvalidRequestError,
    MediaGoneError,
    NetworkError,
    PermanentError,
    TransientError,
)
from airflow_twitter.api.limits import RateLimit
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
from airflow_twitter.api.user_auth import UserAuth
from airflow_twitter.api.user_endpoints import (
    ADD_CAPTIONS,
    APPEND_MEDIA,
    CREATE_POST,
    DELETE_POST,
    FINALIZE_MEDIA,
    INITIALIZE_MEDIA,
    ME,
    MEDIA_STATUS,
    OAUTH2_TOKEN,
    OAUTH2_TOKEN_PATH,
    TIMELINE,
    UserEndpoint,
)

__all__ = ["CreatedPost", "Media", "MediaState", "TimelinePost", "User", "UserClient"]

Result = TypeVar("Result")

TIMELINE_PAGE = "100"
TIMELINE_REACH_PAGES = 33
"""A timeline reaches back 3,200 posts (docs.x.com/x-api/posts/timelines/introduction)."""


class UserClient(BaseClient):
    """Act as an account, over one connection; see BaseClient for its settings.

    Every call raises the errors of `errors.py`: TransientError once the tries are used up,
    RateLimitedError and PermanentError at once. On a 401 another token is asked for once, where there can
    be one.
    """

    def __init__(self, base_url: str, auth: UserAuth, **settings: Unpack[Settings]) -> None:
        super().__init__(base_url, **settings)
        self._auth = auth

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, {self._auth!r})"

    @property
    def user_id(self) -> str | None:
        """Return the account's id as far as the tokens tell it, without a request."""
        return self._auth.user_id

    @property
    def account(self) -> str:
        """Return the account in words, as far as the tokens tell it, without a request."""
        return self._auth.account

    def limit_of(self, endpoint: str) -> RateLimit | None:
        """Return what the last answer of an endpoint ("create_post") said of its limit; None before one."""
        return self._limits.get(endpoint)

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
        track = {"id": _checked_id(captions_id), "language_code": language, "display_name": name}
        body = {"id": _checked_id(media_id), "media_category": "TweetVideo", "subtitles": track}
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
        """Delete a post of the account; False when there is none (any more)."""
        try:
            return self._call(DELETE_POST, read_deleted, post_id)
        except PermanentError as error:
            if error.status == 404:
                return False
            raise

    def timeline(self, user_id: str, *, since: datetime) -> list[TimelinePost]:
        """Fetch an account's posts since an aware time, newest first, all pages; X bills each post."""
        start = since.astimezone(UTC).replace(microsecond=0)
        params = {
            "max_results": TIMELINE_PAGE,
            "start_time": start.isoformat().replace("+00:00", "Z"),
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

    def _call(
        self,
        endpoint: UserEndpoint,
        read: Callable[[Answer], Result],
        resource: str = "",
        **request: Any,
    ) -> Result:
        """Ask, and again as far as the endpoint allows, and read the answer."""

        def ask() -> Result:
            answer = self._once(endpoint, resource, **request)
            try:
                return read(answer)
            except NetworkError as error:
                error.request_id = answer.request_id
                raise

        if not endpoint.repeatable:
            return ask()
        return self._retry(ask, self._deadline())

    def _once(
        self,
        endpoint: UserEndpoint,
        resource: str = "",
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        content_type: str | None = None,
    ) -> Answer:
        """Send one request; a second one follows only a 401, with other tokens: X has then done nothing."""
        if body is not None:
            data, content_type = json.dumps(body).encode(), "application/json"
        needs_id = "{id}" in endpoint.path
        path = endpoint.path.replace("{id}", _checked_id(resource)) if needs_id else endpoint.path

        def send(auth: AuthBase) -> Answer:
            return self._send(
                endpoint.method,
                path,
                auth,
                params=params,
                data=data,
                content_type=content_type,
                accepted=endpoint.accepted,
                endpoint=endpoint.name,
            )

        auth = self._auth.authorize(self._ask_token)
        try:
            return send(auth)
        except AuthError:
            if not self._auth.renew(self._ask_token):
                raise
        return send(self._auth.authorize(self._ask_token))

    def _ask_token(self, form: str, auth: AuthBase) -> bytes:
        """Send a form to the token endpoint and return the body of its answer."""

        def ask() -> bytes:
            answer = self._send(
                "POST", OAUTH2_TOKEN_PATH, auth, data=form, content_type=FORM_TYPE, endpoint=OAUTH2_TOKEN
            )
            return answer.body

        try:
            return self._retry(ask, self._deadline())
        except TransientError as error:
            error.sent = False  # what this token was wanted for
            raise

    def _redact(self, body: bytes) -> bytes:
        return self._auth.redact(body)


def _status_params(media_id: str) -> dict[str, str]:
    return {"command": "STATUS", "media_id": _checked_id(media_id)}


def _checked_id(value: str) -> str:
    # It becomes part of a path.
    if not value.isascii() or not value.isdecimal():
        raise InvalidRequestError(f"{value!r} is no id of X: an id is a number")
    return value
