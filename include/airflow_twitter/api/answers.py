"""What X answered: the bytes as they came, and the little that steers us."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from airflow_twitter.api.errors import NetworkError
from airflow_twitter.api.fields import COUNT, TOTAL_COUNT, read_either
from airflow_twitter.api.limits import RateLimit


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold an answer of X: the decompressed body byte for byte, the limit, the server's clock (UTC)."""

    body: bytes = field(repr=False)
    limit: RateLimit
    server_time: datetime
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Page(Answer):
    """Hold one page of a search.

    Without `next_token` it is the last; an empty page with a token is not. `partial_errors` are X's notes
    on single posts beside the data (docs.x.com/x-api/fundamentals/response-codes-and-errors).
    """

    next_token: str | None
    result_count: int
    newest_id: str | None
    oldest_id: str | None
    partial_errors: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Hold the number of posts in one half-open stretch of time; `start` and `end` as X wrote them."""

    start: str
    end: str
    count: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Hold one page of post counts; `total` is this page's."""

    total: int
    buckets: tuple[Bucket, ...]
    next_token: str | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class Usage:
    """Hold how many posts the project has read this month, its cap, and the day the cap starts anew.

    `daily` is what it read on single days, by UTC date as ``2026-11-22``, where it was asked for.
    """

    project_usage: int | None
    project_cap: int | None
    cap_reset_day: int | None
    answer: Answer
    project_id: str | None = None
    daily: Mapping[str, int] = field(default_factory=dict)


class _Envelope(msgspec.Struct):
    """What surrounds the posts, which are skipped."""

    meta: Any = None
    errors: Any = None


_DECODER = msgspec.json.Decoder(_Envelope)


def read_page(answer: Answer) -> Page:
    """Read a search's answer; raise NetworkError when it is no whole page.

    Only JSON as such is checked here. A post with a lone surrogate or a NaN does not fail the page.
    """
    meta, errors = _read_envelope(answer.body)
    return Page(
        body=answer.body,
        limit=answer.limit,
        server_time=answer.server_time,
        request_id=answer.request_id,
        next_token=_read_token(meta),
        result_count=_read_int(meta.get("result_count")) or 0,
        newest_id=_read_id(meta.get("newest_id")),
        oldest_id=_read_id(meta.get("oldest_id")),
        partial_errors=tuple(error for error in _list(errors) if isinstance(error, dict)),
    )


def read_counts(answer: Answer) -> Counts:
    """Read a counts answer in either vocabulary; raise NetworkError when it is none."""
    content = read_object(answer.body)
    meta = _checked_meta(content.get("meta"))
    buckets = tuple(
        Bucket(str(entry.get("start")), str(entry.get("end")), _read_int(read_either(entry, COUNT)) or 0)
        for entry in _list(content.get("data"))
        if isinstance(entry, dict)
    )
    total = _read_int(read_either(meta, TOTAL_COUNT))
    return Counts(
        total=sum(bucket.count for bucket in buckets) if total is None else total,
        buckets=buckets,
        next_token=_read_token(meta),
        answer=answer,
    )


def read_usage(answer: Answer) -> Usage:
    """Read a usage answer, whose numbers come as texts (docs.x.com/x-api/usage/introduction)."""
    data = read_object(answer.body).get("data")
    if not isinstance(data, dict):
        raise NetworkError("The answer of X holds no usage data", status=200)
    return Usage(
        project_usage=_read_int(data.get("project_usage")),
        project_cap=_read_int(data.get("project_cap")),
        cap_reset_day=_read_int(data.get("cap_reset_day")),
        answer=answer,
        project_id=_read_id(data.get("project_id")),
        daily=_read_days(data.get("daily_project_usage")),
    )


def _read_days(usage: Any) -> dict[str, int]:
    days = usage.get("usage") if isinstance(usage, dict) else None
    read = {
        str(day.get("date"))[:10]: _read_int(day.get("usage")) for day in _list(days) if isinstance(day, dict)
    }
    return {date: count for date, count in read.items() if count is not None}


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; raise NetworkError when it is none."""
    try:
        # Bad UTF-8 inside one post must not hide the others: nothing but the frame is read from this copy.
        content = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise NetworkError("The answer of X is no JSON, or is cut off", status=200) from None
    if not isinstance(content, dict):
        raise NetworkError("The answer of X is no JSON object", status=200)
    return content


def _read_envelope(body: bytes) -> tuple[dict[str, Any], Any]:
    try:
        envelope = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = read_object(body)
        return _checked_meta(content.get("meta")), content.get("errors")
    return _checked_meta(envelope.meta), envelope.errors


def _checked_meta(meta: Any) -> dict[str, Any]:
    # The end of a search is a missing next_token, so a missing meta must not pass for the end.
    if not isinstance(meta, dict):
        raise NetworkError("The answer of X has no meta, so it is not whole", status=200)
    return meta


def _read_token(meta: Mapping[str, Any]) -> str | None:
    token = meta.get("next_token")
    if token is None or token == "":
        return None
    if not isinstance(token, str):
        raise NetworkError("The next_token in the answer of X is no text", status=200)
    return token


def _read_id(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def _read_int(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
