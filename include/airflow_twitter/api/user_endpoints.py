"""The endpoints that an account is needed for, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserEndpoint:
    """Describe an endpoint: `limit` requests per user in `window_s`, `daily_limit` per app in 24 hours.

    In `path` a name in braces stands for an id. `accepted` are the statuses of success. `repeatable` tells
    whether a request whose answer was lost can be sent again without doing something twice.

    Sources: docs.x.com/x-api/fundamentals/rate-limits; X's pages disagree about the limit of creating posts
    (100 or 200), and what the headers say decides.
    """

    name: str
    method: str
    path: str
    limit: int
    daily_limit: int | None = None
    accepted: tuple[int, ...] = (200,)
    repeatable: bool = True
    window_s: float = 900.0


# A lost answer leaves an upload behind that nobody uses; it expires by itself and costs nothing.
INITIALIZE_MEDIA = UserEndpoint(
    "initialize_media", "POST", "/2/media/upload/initialize", 1875, 180_000, (200, 201, 202)
)
# A segment that comes again replaces the one before.
APPEND_MEDIA = UserEndpoint(
    "append_media", "POST", "/2/media/upload/{id}/append", 1875, 180_000, (200, 201, 202, 204)
)
FINALIZE_MEDIA = UserEndpoint(
    "finalize_media", "POST", "/2/media/upload/{id}/finalize", 1875, 180_000, (200, 201, 202)
)
MEDIA_STATUS = UserEndpoint("media_status", "GET", "/2/media/upload", 1000)
# Joining the same captions again changes nothing.
ADD_CAPTIONS = UserEndpoint("add_captions", "POST", "/2/media/subtitles", 100, accepted=(200, 201))
CREATE_POST = UserEndpoint("create_post", "POST", "/2/tweets", 100, 10_000, (200, 201), repeatable=False)
DELETE_POST = UserEndpoint("delete_post", "DELETE", "/2/tweets/{id}", 50)
TIMELINE = UserEndpoint("timeline", "GET", "/2/users/{id}/tweets", 900)
ME = UserEndpoint("me", "GET", "/2/users/me", 75)

USER_ENDPOINTS = {
    endpoint.name: endpoint
    for endpoint in (
        INITIALIZE_MEDIA,
        APPEND_MEDIA,
        FINALIZE_MEDIA,
        MEDIA_STATUS,
        ADD_CAPTIONS,
        CREATE_POST,
        DELETE_POST,
        TIMELINE,
        ME,
    )
}

OAUTH2_TOKEN = "oauth2_token"
OAUTH2_TOKEN_PATH = "/2/oauth2/token"

SEGMENTS_MAX = 1000
"""Segments have the indexes 0 to 999 (docs.x.com/x-api/media/media-upload-append)."""
SEGMENT_BYTES = 1024 * 1024
"""1 MiB passes everywhere; at about 5 MB X's edge answers 413 or 431."""
