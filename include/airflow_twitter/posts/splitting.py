"""Split a page into the exact bytes of its posts, also when one of them breaks it for strict parsers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

Raw = msgspec.Raw


class PageError(ValueError):
    """Report an answer that is no page of posts at all."""


class Includes(msgspec.Struct):
    """What X sends beside the posts; "tweets" and "posts" are the same in its two vocabularies."""

    users: list[Raw] | None = None
    media: list[Raw] | None = None
    tweets: list[Raw] | None = None
    posts: list[Raw] | None = None


class SplitPage(msgspec.Struct):
    """A page with its parts still as X's bytes, empty where there are none."""

    data: list[Raw] | None = None
    includes: Raw = Raw()
    errors: Raw = Raw()


_page_decoder = msgspec.json.Decoder(SplitPage)
_includes_decoder = msgspec.json.Decoder(Includes)
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]', re.DOTALL)
_MEMBER = re.compile(rb'\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*:\s*(.*?)\s*', re.DOTALL)


def split_page(body: bytes) -> SplitPage:
    """Split the body of a search answer.

    msgspec refuses a page with a lone surrogate, a NaN or 1,000 nested lists anywhere; then the page is cut
    between its brackets, so that only the post that holds them is lost. Raises PageError when even that finds
    no page.
    """
    try:
        return _page_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise PageError(f"The answer is no page of posts: {error}") from None
    except (msgspec.DecodeError, RecursionError):
        members = _members(body)
    data = members.get(b"data", b"null")
    return SplitPage(_elements(data), Raw(members.get(b"includes", b"")), Raw(members.get(b"errors", b"")))


def split_includes(raw: bytes) -> Includes:
    """Split what X sent beside the posts, like split_page; raises PageError."""
    try:
        return _includes_decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise PageError(f"The includes cannot be read: {error}") from None
    except (msgspec.DecodeError, RecursionError):
        members = _members(raw)
    kinds = Includes.__struct_fields__
    return Includes(**{kind: _elements(members.get(kind.encode(), b"null")) for kind in kinds})


def _members(raw: bytes) -> dict[bytes, bytes]:
    """Return the values of an object by name."""
    members = {}
    for span in _spans(raw, b"{"):
        member = _MEMBER.fullmatch(span)
        if member is None:
            raise PageError("The answer is no page of posts: it holds a value without a name")
        members[member[1]] = member[2]
    return members


def _elements(raw: bytes) -> list[Raw]:
    """Return the elements of an array; null is an empty one."""
    return [] if raw == b"null" else [Raw(span.strip()) for span in _spans(raw, b"[")]


def _spans(raw: bytes, opening: bytes) -> Iterator[bytes]:
    """Yield what stands between the commas of an object or array, whatever it is."""
    if not raw.lstrip().startswith(opening):
        raise PageError(f"The answer is no page of posts: {opening.decode()!r} expected")
    depth = 0
    begin = raw.index(opening) + 1
    for token in _TOKEN.finditer(raw):
        character = token[0]
        if character in (b"{", b"["):
            depth += 1
        elif character in (b"}", b"]"):
            depth -= 1
        if depth == 0 or (depth == 1 and character == b","):
            if depth or raw[begin : token.start()].strip():
                yield raw[begin : token.start()]
            begin = token.end()
        if depth == 0:
            return
    raise PageError("The answer is no page of posts: it ends too early")
