"""What a post says, and the words and tags that search finds in it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

from airflow_twitter.simulator.texts import ENDINGS, SHARED_TEXT, TEMPLATES

_WORD = re.compile(r"\w+|[\u2190-\u2bff\U0001f000-\U0001faff]")
TAG = re.compile(r"(?<!\w)([#$@])(\w+)")
LINK = re.compile(r"https?://\S+")


def digits(*parts: object) -> int:
    """Return 128 bits that depend on the parts alone."""
    text = "/".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")


def words(text: str) -> tuple[str, ...]:
    """Split a text as search does: without case, accents and punctuation; an emoji is a word.

    https://docs.x.com/x-api/posts/search/integrate/build-a-query
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(char for char in folded if not unicodedata.combining(char) and char not in "\u200d\ufe0f")
    return tuple(_WORD.findall(plain))


@lru_cache(maxsize=8192)
def spaced_words(text: str) -> str:
    """Return a text's words, each between two blanks, to look phrases up in."""
    return f" {' '.join(words(text))} "


@lru_cache(maxsize=8192)
def tags(text: str) -> frozenset[str]:
    """Return a text's hashtags, cashtags and mentions, with their sign, in lower case."""
    return frozenset((sign + name).casefold() for sign, name in TAG.findall(text))


def say(topic: str, index: int, luck: int) -> tuple[str, str]:
    """Return the language and the text of a topic's post; every 17th says the same."""
    if index % 17 == 5:
        lang, text = SHARED_TEXT
    else:
        lang, template = TEMPLATES[luck % len(TEMPLATES)]
        text = template + ENDINGS[(luck >> 8) % len(ENDINGS)]
    return lang, text.replace("{topic}", topic)


@lru_cache(maxsize=1)
def filler_words() -> frozenset[str]:
    """Return all words that posts may hold besides their topic."""
    said = [text for _, text in (*TEMPLATES, SHARED_TEXT)]
    return frozenset(word for text in (*said, *ENDINGS) for word in words(text.replace("{topic}", " ")))
