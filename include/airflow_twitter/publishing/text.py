"""A post's text: its length as X counts it, its links and cashtags, and what X would refuse it for.

X counts weights after NFC: Latin and most alphabets 1, CJK and everything else 2, an emoji 2 however many code
points make it, a link 23; 280 at most (docs.x.com/fundamentals/counting-characters).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from airflow_twitter.publishing.errors import TextRejectedError
from airflow_twitter.publishing.findings import Finding, refusals
from airflow_twitter.publishing.urls import Link, find_links

MAX_LENGTH = 280
LINK_LENGTH = 23
MAX_CASHTAGS = 1
_MAX_CODE_POINTS = 25_000

_LIGHT = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
_BASE = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
)
_ONE = (
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[0-9#*]\ufe0f?\u20e3"
    f"|[{_BASE}](?:\ufe0f|[\U0001f3fb-\U0001f3ff])?\u20e3?(?:[\U000e0020-\U000e007e]+\U000e007f)?"
)
_EMOJI = re.compile(f"(?:{_ONE})(?:\u200d(?:{_ONE}))*")
_CASHTAG = re.compile(r"(?:^|(?<=\s))\$[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?(?=$|\s|[^\w$])")
_INVALID = re.compile("[\ufffe\ufeff\uffff]")


@dataclass(frozen=True, slots=True)
class TextCheck:
    """Hold a text as X will get it (NFC, plain line ends), its weighted length, and what was found."""

    text: str
    length: int
    links: tuple[Link, ...]
    cashtags: tuple[str, ...]
    findings: tuple[Finding, ...]

    def require(self) -> TextCheck:
        """Return itself; raise TextRejectedError when X would refuse the text."""
        if refusals(self.findings):
            raise TextRejectedError(self.findings)
        return self


def check_text(text: str, *, has_media: bool = False) -> TextCheck:
    """Check a text against X's rules; without a text there must be media."""
    text = normalise(text)
    links = find_links(text[:_MAX_CODE_POINTS])
    length = weighted_length(text)
    cashtags = tuple(_CASHTAG.findall(text))
    findings = [
        *_check_content(text, has_media),
        *_check_length(length),
        *_check_cashtags(cashtags),
    ]
    return TextCheck(text, length, links, cashtags, tuple(findings))


def normalise(text: str) -> str:
    """Return the text in NFC, with line feeds as line ends."""
    return unicodedata.normalize("NFC", re.sub(r"\r\n?", "\n", text))


def weighted_length(text: str) -> int:
    """Return the length of a text as X counts it."""
    text = normalise(text)
    length = position = 0
    for link in find_links(text[:_MAX_CODE_POINTS]):
        length += _weight(text[position : link.start]) + LINK_LENGTH
        position = link.end
    return length + _weight(text[position:])


def _weight(text: str) -> int:
    plain, emoji = _EMOJI.subn("", text)
    return 2 * emoji + sum(1 if _is_light(ord(char)) else 2 for char in plain)


def _is_light(code_point: int) -> bool:
    return any(first <= code_point <= last for first, last in _LIGHT)


def _check_content(text: str, has_media: bool) -> list[Finding]:
    findings = []
    if not text.strip() and not has_media:
        findings.append(Finding("text", "a text or a video", "there is neither", "Write a text."))
    if _INVALID.search(text) or any("\ud800" <= char <= "\udfff" for char in text):
        findings.append(
            Finding(
                "characters",
                "characters that can be shown",
                "the text holds a byte order mark, a lone surrogate or U+FFFE/U+FFFF",
                "Delete the invisible character, or type the text anew.",
            )
        )
    return findings


def _check_length(length: int) -> list[Finding]:
    if length <= MAX_LENGTH:
        return []
    return [
        Finding(
            "length",
            f"at most {MAX_LENGTH}",
            f"the text counts {length} characters (links 23 each, emoji and CJK 2)",
            f"Cut {length - MAX_LENGTH} characters.",
        )
    ]


def _check_cashtags(cashtags: tuple[str, ...]) -> list[Finding]:
    if len(cashtags) <= MAX_CASHTAGS:
        return []
    return [
        Finding(
            "cashtags",
            f"at most {MAX_CASHTAGS}",
            f"the text holds {len(cashtags)}: {', '.join(cashtags)}",
            "Write all but one of them without the dollar sign.",
        )
    ]
