"""Make one post, the same one whenever it is asked for.

A post is held in the `tweet.fields` vocabulary with every field that the simulator knows;
`render` picks and renames. Shapes: https://docs.x.com/x-api/fundamentals/data-dictionary.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, lru_cache
from typing import Any

from airflow_twitter.simulator import texts
from airflow_twitter.simulator.snowflake import id_at, ms_of

AUTHORS = 400
EDITS_SINCE_MS = 1_663_632_000_000  # posts from before September 2022 carry no edit history
_WORD = re.compile(r"\w+|[\u2190-\u2bff\U0001f000-\U0001faff]")
_TAG = re.compile(r"(?<!\w)([#$@])(\w+)")


def iso(ms: int) -> str:
    """Return X's form of a time: `2026-11-21T08:15:30.000Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def digits(*parts: object) -> int:
    """Return 128 bits that depend on the parts alone."""
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")


def words(text: str) -> tuple[str, ...]:
    """Split a text as search does: without case, accents and punctuation; an emoji is a word.

    https://docs.x.com/x-api/posts/search/integrate/build-a-query
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(char for char in folded if not unicodedata.combining(char) and char not in "\u200d\ufe0f")
    return tuple(_WORD.findall(plain))


@dataclass(frozen=True, eq=False)
class Post:
    """A post as the simulator holds it; `raw` is its text before the API escapes it.

    `encoded` keeps its JSON by view, since the same posts are asked for again and again.
    """

    id: int
    raw: str
    lang: str
    author: int
    fields: dict[str, Any]
    media: tuple[dict[str, Any], ...] = ()
    encoded: dict[object, bytes] = field(default_factory=dict, init=False)

    @property
    def ms(self) -> int:
        """Milliseconds since 1970."""
        return ms_of(self.id)

    @cached_property
    def words(self) -> str:
        """The text's words, each between two blanks, to look phrases up in."""
        return f" {' '.join(words(self.raw))} "

    @cached_property
    def tags(self) -> frozenset[str]:
        """Hashtags, cashtags and mentions, with their sign, in lower case."""
        return frozenset((sign + name).casefold() for sign, name in _TAG.findall(self.raw))


def make_post(seed: int, topic: str, index: int, post_id: int) -> Post:
    """Return the post of a topic that lies in slot `index` and has this id."""
    luck = digits(seed, topic, "post", index)
    lang, raw = _text(topic, index, luck)
    author = (luck >> 8) % AUTHORS
    fields: dict[str, Any] = {
        "id": str(post_id),
        "text": html.escape(raw, quote=False),
        "author_id": user_id(author),
        "conversation_id": str(post_id),
        "created_at": iso(ms_of(post_id)),
        "lang": lang,
        "possibly_sensitive": luck % 97 == 0,
        "reply_settings": "everyone",
        "source": texts.SOURCES[luck % len(texts.SOURCES)],
        "display_text_range": [0, len(raw)],
        "public_metrics": _metrics(luck >> 16),
    }
    _add_edits(fields, post_id, index)
    _add_references(fields, post_id, luck >> 40)
    entities = _entities(raw)
    if entities:
        fields["entities"] = entities
    media = _media(post_id, index, luck >> 64)
    if media:
        fields["attachments"] = {"media_keys": [item["media_key"] for item in media]}
    return Post(post_id, raw, lang, author, fields, media)


def _text(topic: str, index: int, luck: int) -> tuple[str, str]:
    shared = index % 17 == 5
    lang, template = texts.SHARED_TEXT if shared else texts.TEMPLATES[luck % len(texts.TEMPLATES)]
    return lang, template.replace("{topic}", topic)


def _metrics(luck: int) -> dict[str, int]:
    return {
        "retweet_count": luck % 40,
        "reply_count": (luck >> 4) % 12,
        "like_count": (luck >> 8) % 300,
        "quote_count": (luck >> 12) % 5,
        "bookmark_count": (luck >> 14) % 20,
        "impression_count": (luck >> 16) % 20_000,
    }


def _add_edits(fields: dict[str, Any], post_id: int, index: int) -> None:
    """Add the edit history; every 29th post is the second version of one that is gone."""
    ms = ms_of(post_id)
    if ms < EDITS_SINCE_MS:
        return
    older = [str(id_at(ms - 300_000, index))] if index % 29 == 3 else []
    fields["edit_history_tweet_ids"] = [*older, str(post_id)]
    fields["edit_controls"] = {
        "edits_remaining": 5 - len(older),
        "is_edit_eligible": True,
        "editable_until": iso(ms - 300_000 * len(older) + 3_600_000),
    }


def _add_references(fields: dict[str, Any], post_id: int, luck: int) -> None:
    """Make every 6th post a reply and every 9th a quote of a post an hour older."""
    kind = "replied_to" if luck % 6 == 0 else "quoted" if luck % 9 == 0 else None
    if kind is None:
        return
    other = id_at(ms_of(post_id) - 3_600_000, luck)
    fields["referenced_tweets"] = [{"type": kind, "id": str(other)}]
    if kind == "replied_to":
        fields["conversation_id"] = str(other)
        fields["in_reply_to_user_id"] = user_id(referenced_author(other))


def _entities(raw: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for match in _TAG.finditer(raw):
        kind, name = {"#": "hashtags", "$": "cashtags", "@": "mentions"}[match[1]], match[2]
        entity: dict[str, Any] = {"start": match.start(), "end": match.end()}
        if kind == "mentions":
            number = int(name[-4:]) if name[-4:].isdigit() else 0
            entity |= {"username": name, "id": user_id(number % AUTHORS)}
        else:
            entity["tag"] = name
        found.setdefault(kind, []).append(entity)
    return found


def _media(post_id: int, index: int, luck: int) -> tuple[dict[str, Any], ...]:
    """Give every 5th post a photo and every 11th a video."""
    number = id_at(ms_of(post_id), luck)
    if index % 11 == 7:
        return ({**_VIDEO, "media_key": f"7_{number}"},)
    if index % 5 == 2:
        return ({**_PHOTO, "media_key": f"3_{number}"},)
    return ()


_PHOTO: dict[str, Any] = {
    "type": "photo",
    "url": "https://media.invalid/photo.jpg",
    "width": 1200,
    "height": 675,
    "alt_text": "A chart with two lines, one of them <dashed> & blue",
}
_VIDEO: dict[str, Any] = {
    "type": "video",
    "preview_image_url": "https://media.invalid/preview.jpg",
    "width": 1280,
    "height": 720,
    "duration_ms": 12_500,
    "public_metrics": {"view_count": 321},
    "variants": [
        {"bit_rate": 832_000, "content_type": "video/mp4", "url": "https://media.invalid/640.mp4"},
        {"content_type": "application/x-mpegURL", "url": "https://media.invalid/list.m3u8"},
    ],
}


def user_id(number: int) -> str:
    """Return the id of author `number`."""
    return str(9_000_000_000 + number * 7919)


def author_number(known_id: str) -> int:
    """Return the number of the author with this id."""
    return (int(known_id) - 9_000_000_000) // 7919


def referenced_author(post_id: int) -> int:
    """Return the author number of a post that another one refers to."""
    return digits("author", post_id) % AUTHORS


@cache
def user(number: int) -> dict[str, Any]:
    """Return author `number` in the `tweet.fields` vocabulary."""
    luck = digits("user", number)
    joined = datetime(2009, 1, 1, tzinfo=UTC) + timedelta(hours=luck % 140_000)
    return {
        "id": user_id(number),
        "name": f"{texts.NAMES[number % len(texts.NAMES)]} {number}",
        "username": f"sim_{number:04d}",
        "created_at": iso(int(joined.timestamp() * 1000)),
        "description": "An author who exists in the simulator only.",
        "location": texts.PLACES[luck % len(texts.PLACES)],
        "profile_image_url": "https://media.invalid/avatar.png",
        "protected": False,
        "verified": number % 10 == 0,
        "verified_type": "blue" if number % 10 == 0 else "none",
        "url": "",
        "public_metrics": {
            "followers_count": luck % 50_000,
            "following_count": luck % 900,
            "tweet_count": luck % 12_000,
            "listed_count": luck % 40,
            "like_count": luck % 7_000,
            "media_count": luck % 300,
        },
    }


@lru_cache(maxsize=4096)
def referenced_post(post_id: int) -> Post | None:
    """Return a post that another one refers to, or None for every 8th, which is gone."""
    luck = digits("referenced", post_id)
    if luck % 8 == 0:
        return None
    return make_post(0, "an older post", luck % 1000, post_id)
