"""Split a page into the exact bytes of its posts, also when one of them breaks it for strict parsers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

Raw = msgspec.Raw


class PageError(ValueError):
    """Report an answer that is no page of posts at all."""


class Includes(msgspec.Struct):
    """What X sends beside the posts; "tweets" and "posts" are the same in its two vocabularies."""

    users: list[Raw] = []
    media: list[Raw] = []
    tweets: list[Raw] = []
    posts: list[Raw] = []


class SplitPage(msgspec.Struct):
    """A page with its parts still as X's bytes, empty where there are none."""

    data: list[Raw] | None = None
    includes: Raw = Raw()
    errors: Raw = Raw()


_page_decoder = msgspec.json.Decoder(SplitPage)
_includes_decoder = msgspec.json.Decoder(Includes)
_scanner = json.JSONDecoder()
_SPACE = " \t\r\n"


def split_page(body: bytes) -> SplitPage:
    """Split the body of a search answer.

    msgspec refuses a page with a lone surrogate or a NaN anywhere; then the ends of each value are found with
    the standard library, which lets both pass, so that only the post that holds them is lost. Raises
    PageError when even that cannot read it.
    """
    try:
        return _page_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise PageError(f"The answer is no page of posts: {error}") from None
    except (msgspec.DecodeError, RecursionError):
        pass
    page = SplitPage()
    text = body.decode("utf-8", "surrogateescape")
    try:
        for name, start, end in _members(text, 0):
            if name == "data":
                page.data = _elements(text, start)
            elif name in ("includes", "errors"):
                setattr(page, name, _raw(text, start, end))
    except (ValueError, IndexError, RecursionError) as error:
        raise PageError(f"The answer is no page of posts: {error or type(error).__name__}") from None
    return page


def split_includes(raw: bytes) -> Includes:
    """Split what X sent beside the posts, like split_page; raises PageError."""
    try:
        return _includes_decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise PageError(f"The includes cannot be read: {error}") from None
    except (msgspec.DecodeError, RecursionError):
        pass
    includes = Includes()
    text = raw.decode("utf-8", "surrogateescape")
    try:
        for kind, start, _ in _members(text, 0):
            if kind in Includes.__struct_fields__:
                setattr(includes, kind, _elements(text, start))
    except (ValueError, IndexError, RecursionError) as error:
        raise PageError(f"The includes cannot be read: {error or type(error).__name__}") from None
    return includes


def _members(text: str, position: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, start and end of each member of the object at `position`."""
    position = _expect(text, position, "{")
    while text[position] != "}":
        name, position = _value(text, position)
        start = _skip(text, _expect(text, position, ":"))
        _, end = _value(text, start)
        yield str(name), start, end
        position = _next(text, end, "}")


def _elements(text: str, position: int) -> list[Raw]:
    """Return the elements of the array at `position`; null is an empty one."""
    if text.startswith("null", position):
        return []
    elements = []
    position = _expect(text, position, "[")
    while text[position] != "]":
        _, end = _value(text, position)
        elements.append(_raw(text, position, end))
        position = _next(text, end, "]")
    return elements


def _raw(text: str, start: int, end: int) -> Raw:
    return Raw(text[start:end].encode("utf-8", "surrogateescape"))


def _value(text: str, position: int) -> tuple[Any, int]:
    return _scanner.raw_decode(text, position)


def _next(text: str, position: int, closing: str) -> int:
    """Return the position of the next member or element, or of the closing character."""
    position = _skip(text, position)
    return position if text[position] == closing else _expect(text, position, ",")


def _expect(text: str, position: int, character: str) -> int:
    position = _skip(text, position)
    if text[position] != character:
        raise ValueError(f"{character!r} expected at character {position}")
    return _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position
