"""Tell whether two texts are the same post, though X gives a text back HTML-escaped and with t.co links."""

from __future__ import annotations

import html
import unicodedata

from airflow_twitter.publishing.urls import find_links

_LINK = "\0"


def plain(text: str) -> str:
    """Return one form for texts that readers take for the same: NFC, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def comparable(text: str) -> str:
    """Return the plain text with all links alike: what we typed, X shows as https://t.co/..."""
    text = unicodedata.normalize("NFC", text)
    parts, position = [], 0
    for link in find_links(text):
        parts += [text[position : link.start], _LINK]
        position = link.end
    return " ".join("".join([*parts, text[position:]]).split())


def same_text(ours: str, from_x: str, *, has_media: bool = False) -> bool:
    """Tell whether the text of a post on X is ours.

    With media X puts a link to them behind the text, which is left out of account.
    """
    wanted, got = comparable(ours), comparable(html.unescape(from_x))
    if wanted == got:
        return True
    return has_media and got == f"{wanted} {_LINK}".strip()
