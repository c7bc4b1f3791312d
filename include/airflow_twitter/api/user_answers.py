"""What X answered to an account, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_twitter.api.answers import Answer, read_object
from airflow_twitter.api.errors import NetworkError, PermanentError
from airflow_twitter.api.refusals import read_problem

STATES = ("pending", "in_progress", "succeeded", "failed")


@dataclass(frozen=True, slots=True)
class User:
    """Hold an account: its id, and its name without the @."""

    id: str
    username: str


@dataclass(frozen=True, slots=True)
class Media:
    """Hold an upload that has begun: its id, the media key by which its post is recognised, when it expires."""

    id: str
    key: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class MediaState:
    """Hold how far the processing of media is: `state` is one of `STATES`.

    `check_after_s` is how long X asks to wait before asking again, `error` what X says of media that failed,
    `expires_at` (aware UTC, the server's clock) until when a post can use them. Unknown values are None.
    """

    state: str
    check_after_s: float | None = None
    progress_percent: int | None = None
    error: str | None = None
    expires_at: datetime | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class CreatedPost:
    """Hold a new post: its id, and its text as X keeps it (HTML-escaped, with t.co links)."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class TimelinePost:
    """Hold a post of a timeline, with its text as X keeps it (HTML-escaped, with t.co links).

    `links` are the t.co links of the text, each with the address that it leads to.
    """

    id: str
    text: str
    created_at: datetime
    media_keys: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Hold one page of a timeline; without `next_token` it is the last."""

    posts: tuple[TimelinePost, ...]
    next_token: str | None


def read_data(answer: Answer) -> dict[str, Any]:
    """Return `data` of an answer.

    Raises PermanentError when X gave errors in its place, NetworkError when the answer is not whole.
    """
    content = read_object(answer.body)
    data = content.get("data")
    if isinstance(data, dict):
        return data
    problem = read_problem(answer.body)
    if problem.detail or problem.messages:
        raise PermanentError(
            "X answered without what was asked for",
            status=200,
            problem=problem.type,
            title=problem.title,
            detail=problem.detail,
            messages=problem.messages,
            request_id=answer.request_id,
        )
    raise NetworkError("The answer of X holds no data, so it is not whole", status=200)


def read_user(answer: Answer) -> User:
    """Read the account that asks (docs.x.com/x-api/users/get-my-user)."""
    data = read_data(answer)
    return User(_id(data), _string(data, "username"))


def read_media(answer: Answer) -> Media:
    """Read the answer of initialize (docs.x.com/x-api/media/media-upload-initialize)."""
    data = read_data(answer)
    return Media(_id(data), _optional(data, "media_key"), _expiry(data, answer))


def read_appended(answer: Answer) -> None:
    """Check the answer to a segment: none at all, or JSON; a page of an edge's HTML says that nothing was kept.

    Source: docs.x.com/x-api/media/media-upload-append
    """
    if answer.body.strip():
        read_object(answer.body)


def read_media_state(answer: Answer) -> MediaState:
    """Read the answer of finalize and of status (docs.x.com/x-api/media/media-upload-status).

    Without `processing_info` the media are ready. A state that is none of `STATES` counts as "in_progress".
    """
    data = read_data(answer)
    info = data.get("processing_info")
    expires_at, key = _expiry(data, answer), _optional(data, "media_key")
    if not isinstance(info, dict):
        return MediaState("succeeded", expires_at=expires_at, key=key)
    state = info.get("state")
    error = info.get("error")
    return MediaState(
        state if state in STATES else "in_progress",
        check_after_s=_number(info.get("check_after_secs")),
        progress_percent=int(_number(info.get("progress_percent")) or 0) or None,
        error=_describe(error if isinstance(error, dict) else {}) if state == "failed" else None,
        expires_at=expires_at,
        key=key,
    )


def is_finalized(answer: Answer) -> bool:
    """Tell whether a status shows that all segments are together: X then knows size or processing."""
    data = read_data(answer)
    return "size" in data or "processing_info" in data


def read_created(answer: Answer) -> CreatedPost:
    """Read the answer of creating a post (docs.x.com/x-api/posts/create-post)."""
    data = read_data(answer)
    text = data.get("text")
    return CreatedPost(_id(data), text if isinstance(text, str) else "")


def read_deleted(answer: Answer) -> bool:
    """Read the answer of deleting a post (docs.x.com/x-api/posts/delete-post)."""
    return read_data(answer).get("deleted") is True


def read_timeline(answer: Answer) -> TimelinePage:
    """Read a page of a timeline (docs.x.com/x-api/users/get-posts); a post without id or time is an error."""
    content = read_object(answer.body)
    meta, data = content.get("meta"), content.get("data", [])
    if not isinstance(meta, dict) or not isinstance(data, list):
        read_data(answer)
        raise NetworkError("The answer of X holds no timeline, so it is not whole", status=200)
    token = meta.get("next_token")
    posts = tuple(_timeline_post(item) for item in data if isinstance(item, dict))
    return TimelinePage(posts, token if isinstance(token, str) and token else None)


def _timeline_post(item: Mapping[str, Any]) -> TimelinePost:
    attachments, entities = item.get("attachments"), item.get("entities")
    keys = attachments.get("media_keys") if isinstance(attachments, dict) else None
    urls = entities.get("urls") if isinstance(entities, dict) else None
    return TimelinePost(
        id=_id(item),
        text=_string(item, "text"),
        created_at=_time(_string(item, "created_at")),
        media_keys=tuple(key for key in keys or () if isinstance(key, str)),
        links=tuple(
            (url["url"], url["expanded_url"])
            for url in urls or ()
            if isinstance(url, dict) and {"url", "expanded_url"} <= url.keys()
        ),
    )


def _id(data: Mapping[str, Any]) -> str:
    value = data.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.isascii() or not value.isdecimal():
        raise NetworkError("The answer of X holds no id, so it is not whole", status=200)
    return value


def _string(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise NetworkError(f"The answer of X holds no {name}, so it is not whole", status=200)
    return value


def _optional(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e9 else None


def _expiry(data: Mapping[str, Any], answer: Answer) -> datetime | None:
    seconds = _number(data.get("expires_after_secs"))
    return None if seconds is None else answer.server_time + timedelta(seconds=seconds)


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NetworkError("The answer of X holds a time that is none", status=200) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _describe(error: Mapping[str, Any]) -> str:
    words = [str(error[name]) for name in ("name", "message") if isinstance(error.get(name), str)]
    return ": ".join(words) or "X gives no reason"
