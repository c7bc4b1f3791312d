"""Tell whether two texts are the same post, though X gives a text back HTML-escaped and with t.co links."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

from airflow_twitter.publishing.urls import find_links

_MARK = "\0"
_WWW = re.compile(r"\Ahttps?://(?:www\.)?", re.IGNORECASE)


def plain(text: str) -> str:
    """Return one form for texts that readers take for the same: NFC, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def same_text(
    ours: str, from_x: str, *, links: Sequence[tuple[str, str]] = (), has_media: bool = False
) -> bool:
    """Tell whether the text of a post on X is ours.

    `links` are its t.co links, each with the address that it leads to; one that is not among them may stand for
    any link of ours. With media X puts a link to them behind the text, which is left out of account.
    """
    wanted, wanted_links = _split(ours)
    got, got_links = _split(html.unescape(from_x))
    leads_to = dict(links)
    targets = [leads_to.get(link) for link in got_links]
    if has_media and len(targets) == len(wanted_links) + 1 and got.endswith(_MARK):
        got, targets = got[: -len(_MARK)].rstrip(), targets[:-1]
    return (
        wanted == got
        and len(wanted_links) == len(targets)
        and all(
            target is None or _address(link) == _address(target)
            for link, target in zip(wanted_links, targets, strict=True)
        )
    )


def _split(text: str) -> tuple[str, list[str]]:
    """Return the plain text with a mark in place of each link, and the links."""
    text = unicodedata.normalize("NFC", text)
    found = find_links(text)
    parts, position = [], 0
    for link in found:
        parts += [text[position : link.start], _MARK]
        position = link.end
    return plain("".join([*parts, text[position:]])), [link.url for link in found]


def _address(url: str) -> str:
    """Return an address without what X may add: a scheme, a slash at the end, another case of the host."""
    host, slash, rest = _WWW.sub("", html.unescape(url)).partition("/")
    return f"{host.lower()}{slash}{rest}".rstrip("/")
