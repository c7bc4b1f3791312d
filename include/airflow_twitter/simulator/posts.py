"""Make one post, the same one whenever it is asked for.

A post is held in the `tweet.fields` vocabulary with every field that the simulator knows;
`render` picks and renames. Shapes: https://docs.x.com/x-api/fundamentals/data-dictionary.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from airflow_twitter.simulator.people import AUTHORS, named_author, referenced_author, user_id
from airflow_twitter.simulator.snowflake import id_at, iso, ms_of
from airflow_twitter.simulator.texts import SOURCES
from airflow_twitter.simulator.wording import LINK, TAG, digits, say, spaced_words, tags

EDITS_SINCE_MS = 1_663_632_000_000  # posts from before September 2022 carry no edit history


@dataclass(frozen=True, eq=False)
class Post:
    """A post as the simulator holds it; `raw` is its text before the API escapes it.

    `luck` decides what follows from no other field, `changed` replaces fields. `encoded` keeps the
    JSON by view, since the same posts are asked for again and again.
    """

    id: int
    index: int
    luck: int
    lang: str
    raw: str
    author: int
    changed: Mapping[str, Any] = field(default_factory=dict)
    encoded: dict[object, bytes] = field(default_factory=dict, init=False)

    @property
    def ms(self) -> int:
        """Milliseconds since 1970."""
        return ms_of(self.id)

    @property
    def words(self) -> str:
        """The text's words, each between two blanks."""
        return spaced_words(self.raw)

    @property
    def tags(self) -> frozenset[str]:
        """Hashtags, cashtags and mentions, with their sign, in lower case."""
        return tags(self.raw)

    @cached_property
    def media(self) -> tuple[dict[str, Any], ...]:
        """What is attached: at most one photo or video."""
        return _media(self.id, self.index, self.luck >> 64)

    @cached_property
    def fields(self) -> dict[str, Any]:
        """All fields in the `tweet.fields` vocabulary."""
        fields: dict[str, Any] = {
            "id": str(self.id),
            "text": html.escape(self.raw, quote=False),
            "author_id": user_id(self.author),
            "conversation_id": str(self.id),
            "created_at": iso(self.ms),
            "lang": self.lang,
            "possibly_sensitive": self.luck % 97 == 0,
            "reply_settings": "everyone",
            "source": SOURCES[self.luck % len(SOURCES)],
            "display_text_range": [0, len(self.raw)],
            "public_metrics": _metrics(self.luck >> 16),
        }
        _add_edits(fields, self.id, self.index)
        _add_references(fields, self.id, self.luck >> 40)
        if entities := _entities(self.raw):
            fields["entities"] = entities
        if self.media:
            fields["attachments"] = {"media_keys": [item["media_key"] for item in self.media]}
        return {**fields, **self.changed}


def make_post(seed: int, topic: str, index: int, post_id: int) -> Post:
    """Return the post of a topic that lies in slot `index` and has this id."""
    luck = digits(seed, topic, "post", index)
    lang, raw = say(topic, index, luck)
    return Post(post_id, index, luck, lang, raw, (luck >> 8) % AUTHORS)


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


@lru_cache(maxsize=8192)
def _entities(raw: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for match in TAG.finditer(raw):
        kind, name = {"#": "hashtags", "$": "cashtags", "@": "mentions"}[match[1]], match[2]
        entity: dict[str, Any] = {"start": match.start(), "end": match.end()}
        if kind == "mentions":
            entity |= {"username": name, "id": user_id(named_author(name))}
        else:
            entity["tag"] = name
        found.setdefault(kind, []).append(entity)
    for match in LINK.finditer(raw):
        link = {"expanded_url": "https://example.com/a/page", "display_url": "example.com/a/page"}
        entity = {"start": match.start(), "end": match.end(), "url": match[0], **link}
        found.setdefault("urls", []).append(entity)
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


@lru_cache(maxsize=4096)
def referenced_post(post_id: int) -> Post | None:
    """Return a post that another one refers to, or None for every 8th, which is gone."""
    luck = digits("referenced", post_id)
    if luck % 8 == 0:
        return None
    post = make_post(0, "an older post", luck % 1000, post_id)
    return replace(post, author=referenced_author(post_id))
