"""The endpoints that an account is needed for, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserEndpoint:
    """Describe an endpoint. How often it may be asked is told by the headers of its answers.

    In `path` a name in braces stands for an id. `accepted` are the statuses of success. `repeatable` tells
    whether a request whose answer was lost can be sent again without doing something twice.
    """

    name: str
    method: str
    path: str
    accepted: tuple[int, ...] = (200,)
    repeatable: bool = True


# A lost answer leaves an upload behind that nobody uses; it expires by itself and costs nothing.
INITIALIZE_MEDIA = UserEndpoint("initialize_media", "POST", "/2/media/upload/initialize", (200, 201, 202))
# A segment that comes again replaces the one before.
APPEND_MEDIA = UserEndpoint("append_media", "POST", "/2/media/upload/{id}/append", (200, 201, 202, 204))
FINALIZE_MEDIA = UserEndpoint("finalize_media", "POST", "/2/media/upload/{id}/finalize", (200, 201, 202))
MEDIA_STATUS = UserEndpoint("media_status", "GET", "/2/media/upload")
# Joining the same captions again changes nothing.
ADD_CAPTIONS = UserEndpoint("add_captions", "POST", "/2/media/subtitles", accepted=(200, 201))
CREATE_POST = UserEndpoint("create_post", "POST", "/2/tweets", (200, 201), repeatable=False)
DELETE_POST = UserEndpoint("delete_post", "DELETE", "/2/tweets/{id}")
TIMELINE = UserEndpoint("timeline", "GET", "/2/users/{id}/tweets")
ME = UserEndpoint("me", "GET", "/2/users/me")

OAUTH2_TOKEN = "oauth2_token"
OAUTH2_TOKEN_PATH = "/2/oauth2/token"
