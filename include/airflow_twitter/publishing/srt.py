"""What a subtitle file has to be: SubRip (.srt), in UTF-8, with times that can be.

X takes SubRip for the captions of a video (docs.x.com/x-api/media/quickstart/media-upload-chunked).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from airflow_twitter.publishing.errors import VideoRejectedError
from airflow_twitter.publishing.findings import Finding

_TIME = re.compile(r"(\d{2,3}):([0-5]\d):([0-5]\d),(\d{3})", re.ASCII)
_ARROW = "-->"
_LIKE = "00:00:01,000 --> 00:00:02,500"
_NO_TEXT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Subtitles:
    """Hold what a subtitle file says: how many captions it has, and when the last one ends, in seconds."""

    count: int
    until_s: float


class _Wrong(Exception):
    """What is wrong, and in which line, counted from 1; 0 stands for the whole file."""

    def __init__(self, line: int, value: str, mend: str = "Export the captions anew, as SRT.") -> None:
        super().__init__(line, value, mend)
        self.line, self.value, self.mend = line, value, mend


def read_srt(data: bytes) -> Subtitles:
    """Read a whole subtitle file; raise VideoRejectedError, which names the first line that is wrong."""
    try:
        return _read(_decode(data))
    except _Wrong as wrong:
        where = f"line {wrong.line}: " if wrong.line else ""
        finding = Finding("captions", "an SRT file in UTF-8", f"{where}{wrong.value}", wrong.mend)
        raise VideoRejectedError((finding,)) from None


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _Wrong(0, "the file is in UTF-16", "Save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Wrong(line, "it holds bytes that are no UTF-8", "Save the file as UTF-8.") from None
    if text.startswith("WEBVTT"):
        raise _Wrong(0, "the file is WebVTT")
    if found := _NO_TEXT.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise _Wrong(line, f"it holds the character U+{ord(found[0]):04X}, which is no text")
    return text


def _read(text: str) -> Subtitles:
    count, before_s, until_s = 0, 0.0, 0.0
    for first, block in _blocks(text):
        start_s, end_s = _caption(first, block)
        if start_s < before_s:
            raise _Wrong(
                first, "this caption begins before the one above it", "Put them in the order of their times."
            )
        count, before_s, until_s = count + 1, start_s, max(until_s, end_s)
    if not count:
        raise _Wrong(0, "the file holds no caption")
    return Subtitles(count, until_s)


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Return what stands between empty lines, each with the number of its first line."""
    block: list[str] = []
    number = 0
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []
    if block:
        yield number - len(block) + 1, block


def _caption(first: int, block: list[str]) -> tuple[float, float]:
    """Return from when until when a caption is shown, in seconds."""
    numbered = block[0].strip().isdecimal()
    at = first + numbered
    if len(block) <= numbered:
        raise _Wrong(first, "a number stands alone, without a time and a text")
    timing, words = block[numbered], block[numbered + 1 :]
    begin, arrow, end = timing.partition(_ARROW)
    start_s, end_s = _seconds(begin), _seconds(end)
    if not arrow or start_s is None or end_s is None:
        raise _Wrong(at, f"{timing.strip()[:_SHOWN]!r} is no time; one reads {_LIKE}")
    if end_s <= start_s:
        raise _Wrong(at, "this caption ends before it begins", "Mend its times.")
    if not words:
        raise _Wrong(at, "this caption has no text", "Write its text, or delete it.")
    if misplaced := next((number for number, line in enumerate(words, at + 1) if _is_timing(line)), None):
        raise _Wrong(misplaced, "a time in the midst of a caption", "Leave an empty line between captions.")
    return start_s, end_s


def _is_timing(line: str) -> bool:
    begin, arrow, end = line.partition(_ARROW)
    return bool(arrow) and _seconds(begin) is not None and _seconds(end) is not None


def _seconds(time: str) -> float | None:
    match = _TIME.fullmatch(time.strip())
    if match is None:
        return None
    hours, minutes, seconds, thousandths = map(int, match.groups())
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000
