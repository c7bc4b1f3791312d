"""One post, one line: what is stored of a post, and the day it belongs to."""

from __future__ import annotations

import functools
import itertools
import os
import re
from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import BinaryIO

import msgspec

from airflow_twitter.posts.bounds import FILE_MAX

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNDATED = "undated"

# Ids above LAST_SERIAL_ID (November 2010) hold their time; docs.x.com/fundamentals/x-ids
LAST_SERIAL_ID = 29_700_859_247
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
DAY_MS = 86_400_000

Line = bytes | memoryview
"""JSON and a newline, perhaps still a part of the page that it came with."""

Portion = tuple[str, dict[int, Line]]
"""A day and lines of it by number."""

PORTION_POSTS = 100
TAIL_BYTES = 400


class Post(msgspec.Struct, frozen=True, gc=False):
    """A post ready to be stored: `day` is its UTC day (YYYY-MM-DD) or "undated".

    Included authors and media take the same form, with their month (YYYY-MM) as `day`, and media with the number of
    their key as `id`.
    """

    id: int
    day: str
    line: Line


class StoredLine(msgspec.Struct, gc=False):
    """The little of a stored line that merging may read."""

    id: int = 0
    media_key: str = ""
    fetched_at: str = msgspec.field(name="_fetched_at", default="")

    @property
    def number(self) -> int:
        """The number that lines are sorted and united by; raises ValueError when there is none."""
        return self.id if self.id > 0 else media_number(self.media_key)


line_decoder = msgspec.json.Decoder(StoredLine, strict=False)  # reads "123" as 123 without a detour in Python


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


def media_number(media_key: str) -> int:
    """Return the number of a media key such as "3_1580661436132757506", which is an id of its own.

    Raises ValueError for anything but a kind of up to three digits, an underscore, and an id of up to 19.
    """
    kind, _, number = media_key.partition("_")
    digits = kind + number
    if 0 < len(kind) <= 3 and 0 < len(number) <= 19 and digits.isascii() and digits.isdecimal():
        return int(number)
    raise ValueError(f"{media_key[:40]!r} is not a media key")


def staged_lines(posts: list[Post]) -> bytes:
    """Return posts in the form of staging, which is read again without looking into the JSON.

    For each day: a line with the day and the number of posts, their ids and the lengths of their lines as 64-bit
    integers of this machine, and the lines.
    """
    parts: list[Line] = []
    for day, group in itertools.groupby(posts, key=attrgetter("day")):
        of_day = list(group)
        head = array("Q", [post.id for post in of_day] + [len(post.line) for post in of_day])
        parts += [b"%s %d\n" % (day.encode(), len(of_day)), head.tobytes(), *[post.line for post in of_day]]
    return b"".join(parts)


class StagedError(ValueError):
    """Report a file that is not one of staged lines, or was cut."""


_HEAD = re.compile(rb"(\d{4}-\d\d(?:-\d\d)?|undated) (\d{1,9})\n")
_HEAD_MAX = 64
GROUP_MAX = 2 * FILE_MAX
"""Bytes of a group of staged lines: they come from one page, and each has a little more than X sent."""


class StagedPosts:
    """The posts (or included objects) of an open file of staged lines; may be read once.

    Raises StagedError when the file is cut, or not one of these.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        at = file.tell()
        self._left = file.seek(0, os.SEEK_END) - at
        file.seek(at)

    def __iter__(self) -> Iterator[Post]:
        for day, numbers, lines in self._groups():
            yield from map(Post, numbers, itertools.repeat(day), lines)

    def portions(self) -> Iterator[Portion]:
        """Yield the posts in portions, at a tenth of the cost of one by one."""
        for day, numbers, lines in self._groups():
            portion = dict(zip(numbers, lines, strict=True))
            if len(portion) < len(numbers):
                portion = united({}, zip(numbers, lines, strict=True))
            yield day, portion

    def _groups(self) -> Iterator[tuple[str, list[int], list[Line]]]:
        while head := self._file.readline(_HEAD_MAX):
            self._left -= len(head)
            match = _HEAD.fullmatch(head)
            if match is None:
                raise StagedError("a group of staged posts begins with neither a day nor their number")
            day, count = match[1].decode(), int(match[2])
            values = array("Q", self._read(2 * 8 * count)).tolist()
            ends = list(itertools.accumulate(values[count:], initial=0))
            chunk = memoryview(self._read(ends[-1]))
            lines: list[Line] = [chunk[start:end] for start, end in itertools.pairwise(ends)]
            yield day, values[:count], lines

    def _read(self, size: int) -> bytes:
        # Asked before it is read: a size out of a damaged file may be more than there is memory.
        data = self._file.read(size) if size <= min(self._left, GROUP_MAX) else b""
        if len(data) < size:
            raise StagedError("the staged posts end too early")
        self._left -= size
        return data


def read_posts(file: BinaryIO) -> StagedPosts:
    """Return the posts of an open file of staged lines, to iterate over or to merge."""
    return StagedPosts(file)


def portions(posts: Iterable[Post]) -> Iterator[Portion]:
    """Yield posts in portions of one day, in their order."""
    if isinstance(posts, StagedPosts):
        yield from posts.portions()
        return
    for day, of_day in itertools.groupby(posts, key=attrgetter("day")):
        while some := list(itertools.islice(of_day, PORTION_POSTS)):
            yield day, united({}, ((post.id, post.line) for post in some))


def united(lines: dict[int, Line], others: Iterable[tuple[int, Line]]) -> dict[int, Line]:
    """Add lines to others by number, in place; the newest observation stays."""
    for number, line in others:
        held = lines.get(number)
        lines[number] = line if held is None else newer(held, line)
    return lines


def observed_at(line: Line) -> str:
    """Return `_fetched_at` of a stored line, empty when it has none."""
    # Ours is the last member of this name in a line, and no text holds one: its quotes would be escaped.
    tail = bytes(line[-TAIL_BYTES:])
    start = tail.rfind(b',"_fetched_at":"') + 16
    if start > 16 and tail[start + 27 : start + 28] == b'"':
        return tail[start : start + 27].decode()
    return line_decoder.decode(line).fetched_at


def newer(one: Line, other: Line) -> Line:
    """Return the newer observation of two; of equally old ones always the same, whichever comes first."""
    seen, other_seen = observed_at(one), observed_at(other)
    if seen == other_seen:
        return one if bytes(one) >= bytes(other) else other
    return one if seen > other_seen else other


@functools.lru_cache(maxsize=4096)
def _day_name(days: int) -> str:
    return (EPOCH + timedelta(days=days)).strftime("%Y-%m-%d")
