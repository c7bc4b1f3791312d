"""Which parts of a text X takes for links: each counts 23 characters, and one makes a post dearer.

X's rules are those of its twitter-text library, version 3 (docs.x.com/fundamentals/counting-characters): with or
without a scheme, by the name of a top-level domain. Domains are checked against the list that linkify-it-py
carries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from linkify_it.tlds import TLDS  # type: ignore[import-untyped]

_LATIN = "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_CYRILLIC = "\u0400-\u04ff"
_PATH = rf"A-Za-z0-9{_LATIN}{_CYRILLIC}!*';:=+,.$/%#\[\]\-\u2013_~@|&"
_PATH_END = re.compile(rf"[^A-Za-z0-9{_LATIN}{_CYRILLIC}=_#/+\-)]+\Z")
_QUERY_END = re.compile(r"[^A-Za-z0-9_&=#/\-]+\Z")
_NO_LINK_AFTER = "A-Za-z0-9@\uff20$#\uff03\u202a-\u202e"

_BARE_HOST = rf"[A-Za-z0-9{_LATIN}-]+(?:\.[A-Za-z0-9{_LATIN}-]+)+"
_START = re.compile(
    rf"(?<![{_NO_LINK_AFTER}])(?i:https?)://(?P<host>\w[\w-]*(?:\.\w[\w-]*)+)"
    rf"|(?<![{_NO_LINK_AFTER}\-_./{_LATIN}])(?P<bare>{_BARE_HOST})"
)
_BARE = re.compile(_BARE_HOST)
_PORT = re.compile(r":[0-9]+")
_PARENTHESES = rf"\([{_PATH}]*\([{_PATH}]+\)[{_PATH}]*\)|\([{_PATH}]+\)"
_REST = re.compile(rf"/(?:[{_PATH}]|{_PARENTHESES})*")
_SHORT_REST = re.compile(r"/[A-Za-z0-9]+")
_QUERY = re.compile(r"\?[A-Za-z0-9!?*'();:&=+$/%#\[\]\-_.,~|@]*")
_AFTER_DOMAIN = re.compile(r"[^0-9A-Za-z@+-]|\Z")
_ASCII_START = re.compile(r"[A-Za-z0-9-]+")
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Link:
    """Hold what X takes for a link, and where in the text it lies (code points, half-open)."""

    url: str
    start: int
    end: int


def find_links(text: str) -> tuple[Link, ...]:
    """Return the links in a text in NFC, from left to right, none overlapping another."""
    if "." not in text:
        return ()
    links: list[Link] = []
    position = 0
    while (found := _next(text, position)) is not None:
        start, host_start, host = found
        length = _domain_length(host, bare=start == host_start)
        if not length:
            position = host_start + len(host)
            continue
        end = _end(text, host_start, host_start + length, bare=start == host_start)
        if end - start <= _MAX_BYTES:
            links.append(Link(text[start:end], start, end))
        position = end
    return tuple(links)


def _next(text: str, position: int) -> tuple[int, int, str] | None:
    """Return where the next possible link begins, where its host does, and the host with what hangs on it."""
    match = _START.search(text, position)
    if match is None:
        return None
    group = "bare" if match["bare"] else "host"
    return match.start(), match.start(group), match[group]


def _domain_length(host: str, *, bare: bool) -> int:
    """Return how much of `host` is a domain that ends in a top-level domain; 0 for none."""
    for label in reversed(list(re.finditer(r"[^.]+", host))):
        if label.start() == 0:
            return 0
        for end in _ends(host, label):
            domain = host[:end]
            if (
                domain[label.start() :].lower() in _top_level_domains()
                and _AFTER_DOMAIN.match(host, end)
                and _is_name(domain)
                and (not bare or _BARE.fullmatch(domain))
            ):
                return end
    return 0


def _ends(host: str, label: re.Match[str]) -> list[int]:
    start = _ASCII_START.match(host, label.start(), label.end())
    return [label.end(), *([start.end()] if start else [])]


def _is_name(domain: str) -> bool:
    """Tell whether DNS could know the name."""
    labels = domain.split(".")
    if any(label.startswith("-") or label.endswith("-") for label in labels) or "_" in labels[-2]:
        return False
    try:
        domain.replace("_", "x").encode("idna")
    except UnicodeError:
        return False
    return True


def _end(text: str, start: int, end: int, *, bare: bool) -> int:
    """Return where the link ends whose domain lies from `start` to `end`: after port, path and query."""
    port = _PORT.match(text, end)
    if port and not (bare and text[port.end() : port.end() + 1] != "/"):
        end = port.end()
    short = text[start:end].lower() == "t.co"
    rest = (_SHORT_REST if short else _REST).match(text, end)
    if rest:
        path = _PATH_END.sub("", rest[0])
        end += len(path)
        if len(path) < len(rest[0]):
            return end
    if query := _QUERY.match(text, end):
        asked = _QUERY_END.sub("", query[0])
        end += len(asked) if len(asked) > 1 else 0
    return end


@cache
def _top_level_domains() -> frozenset[str]:
    names = {name.lower() for name in TLDS}
    decoded = {name.encode("ascii").decode("idna") for name in names if name.startswith("xn--")}
    return frozenset(names | decoded)
