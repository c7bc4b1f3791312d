"""One post, one line: what is stored of a post, and the day it belongs to."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNDATED = "undated"

# Ids above LAST_SERIAL_ID (November 2010) hold their time; docs.x.com/fundamentals/x-ids
LAST_SERIAL_ID = 29_700_859_247
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
DAY_MS = 86_400_000


class Post(msgspec.Struct, frozen=True, gc=False):
    """A post ready to be stored: `day` is its UTC day (YYYY-MM-DD) or "undated", `line` ends in a newline.

    Included authors and media take the same form, with their month (YYYY-MM) as `day`.
    """

    id: int
    day: str
    line: bytes


class StoredLine(msgspec.Struct, gc=False):
    """The little of a stored line that merging reads."""

    id: int = 0
    media_key: str = ""
    fetched_at: str = msgspec.field(name="_fetched_at", default="")

    @property
    def key(self) -> int:
        """The number that lines are sorted and united by; raises ValueError when there is none."""
        if self.id > 0:
            return self.id
        return media_number(self.media_key)[0]


class _DatedLine(msgspec.Struct, gc=False):
    created_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


line_decoder = msgspec.json.Decoder(StoredLine, strict=False)  # reads "123" as 123 without a detour in Python
_dated_decoder = msgspec.json.Decoder(_DatedLine)


def id_time(number: int) -> datetime | None:
    """Return when the object with this id was made, None for ids of before November 2010."""
    if number <= LAST_SERIAL_ID:
        return None
    return EPOCH + timedelta(milliseconds=(number >> 22) + SNOWFLAKE_EPOCH_MS)


def post_day(number: int, created_at: datetime | None = None) -> str:
    """Return the UTC day of a post: that of its id, else of `created_at`, else "undated".

    The id comes first, so that one post always belongs to one day, whatever fields were asked for.
    """
    if number > LAST_SERIAL_ID:
        return _day_name(((number >> 22) + SNOWFLAKE_EPOCH_MS) // DAY_MS)
    return created_at.astimezone(UTC).strftime("%Y-%m-%d") if created_at else UNDATED


def id_month(number: int) -> str:
    """Return the UTC month of an id, "undated" for ids of before November 2010."""
    made = id_time(number)
    return made.strftime("%Y-%m") if made else UNDATED


def media_number(media_key: str) -> tuple[int, int]:
    """Return the sort number of a media key such as "3_1580661436132757506", and the id within it.

    Raises ValueError for anything but a kind of up to three digits, an underscore, and an id of up to 19.
    """
    kind, _, number = media_key.partition("_")
    if not (
        0 < len(kind) <= 3
        and 0 < len(number) <= 19
        and (kind + number).isascii()
        and (kind + number).isdecimal()
    ):
        raise ValueError(f"{media_key[:40]!r} is not a media key")
    return int(number) * 1000 + int(kind), int(number)


def read_posts(lines: Iterable[bytes]) -> Iterator[Post]:
    """Yield the posts of stored lines (an open file of them)."""
    for line in lines:
        number = line_decoder.decode(line).id
        created_at = None if number > LAST_SERIAL_ID else _dated_decoder.decode(line).created_at
        yield Post(number, post_day(number, created_at), line)


def read_includes(lines: Iterable[bytes]) -> Iterator[Post]:
    """Yield included users, media or posts of stored lines, with their months."""
    for line in lines:
        stored = line_decoder.decode(line)
        number = stored.id or media_number(stored.media_key)[1]
        yield Post(stored.key, id_month(number), line)


def observed_at(line: bytes) -> str:
    """Return `_fetched_at` of a stored line, empty when it has none."""
    return line_decoder.decode(line).fetched_at


def newer(one: bytes, other: bytes) -> bytes:
    """Return the newer observation of two; of equally old ones always the same, whichever comes first."""
    if one == other:
        return one
    return max((observed_at(one), one), (observed_at(other), other))[1]


def utc_text(moment: datetime) -> str:
    """Return `moment` in one fixed form, which sorts as text: 2026-11-22T08:30:00.000000Z.

    Raises ValueError for a naive time.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@functools.lru_cache(maxsize=4096)
def _day_name(days: int) -> str:
    return (EPOCH + timedelta(days=days)).strftime("%Y-%m-%d")
