"""Write posts and what they refer to in the vocabulary that was asked for.

With `tweet.fields` X answers `referenced_tweets`, `includes.tweets`, `retweet_count`; with
`post.fields` `referenced_posts`, `includes.posts`, `repost_count`, and `author_id` comes by
expansion only (https://docs.x.com/x-api/fundamentals/fields and /expansions).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.people import author_number, referenced_author, user, user_id
from airflow_twitter.simulator.posts import Post, referenced_post

Json = dict[str, Any]

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

# Our name of a field -> its name in the `post.fields` vocabulary.
POST_NAMES: Mapping[str, str] = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "referenced_tweets": "referenced_posts",
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
}

# Fields that each expansion adds to a post.
EXPANDED_FIELDS: Mapping[str, str] = {
    "author_id": "author_id",
    "attachments.media_keys": "attachments",
    "in_reply_to_user_id": "in_reply_to_user_id",
    "entities.mentions.username": "entities",
    "referenced_tweets.id": "referenced_tweets",
    "referenced_tweets.id.author_id": "referenced_tweets",
    "referenced_posts": "referenced_tweets",
}


@dataclass(frozen=True)
class View:
    """What a request wants to see: a vocabulary, fields and expansions."""

    vocabulary: str = "tweet"
    post_fields: frozenset[str] = frozenset()
    user_fields: frozenset[str] = frozenset()
    media_fields: frozenset[str] = frozenset()
    expansions: frozenset[str] = frozenset()

    @cached_property
    def kept(self) -> frozenset[str]:
        """Our names of the fields that a post shows."""
        expanded = {EXPANDED_FIELDS[name] for name in self.expansions if name in EXPANDED_FIELDS}
        named = {_TWEET_NAMES.get(name, name) for name in self.post_fields}
        return frozenset({"id", "text", "edit_history_tweet_ids"} | named | expanded)


_TWEET_NAMES = {new: old for old, new in POST_NAMES.items()}


@dataclass
class Includes:
    """What the expansions of one page add, each object once."""

    users: dict[str, Json] = field(default_factory=dict)
    media: dict[str, Json] = field(default_factory=dict)
    posts: dict[str, Json] = field(default_factory=dict)
    errors: dict[str, Json] = field(default_factory=dict)

    def body(self, vocabulary: str) -> Json:
        """Return the `includes` object without empty lists."""
        named = {"users": self.users, "media": self.media, f"{vocabulary}s": self.posts}
        return {name: list(found.values()) for name, found in named.items() if found}


def encode(value: Any) -> bytes:
    """Return compact UTF-8 JSON, with non-ASCII characters as they are."""
    return _ENCODER.encode(value).encode()


def encode_post(post: Post, view: View) -> bytes:
    """Return a post's JSON as the view wants it."""
    if view not in post.encoded:
        post.encoded[view] = encode(render_post(post, view))
    return post.encoded[view]


def render_post(post: Post, view: View) -> Json:
    """Return a post as the view wants it."""
    shown = {name: value for name, value in post.fields.items() if name in view.kept}
    return _rename(shown) if view.vocabulary == "post" else shown


def _rename(item: Json) -> Json:
    renamed = {POST_NAMES.get(name, name): value for name, value in item.items()}
    metrics = renamed.get("public_metrics")
    if metrics is not None:
        renamed["public_metrics"] = {POST_NAMES.get(name, name): value for name, value in metrics.items()}
    return renamed


def _user(number: int, view: View) -> Json:
    known = user(number)
    shown = {
        name: value for name, value in known.items() if name in view.user_fields | {"id", "name", "username"}
    }
    return _rename(shown) if view.vocabulary == "post" else shown


def collect_includes(
    posts: Iterable[Post], view: View, shown: Callable[[Post], Post | None] = lambda post: post
) -> Includes:
    """Gather what the view's expansions add to these posts; what is gone, or not `shown`, becomes an error."""
    includes = Includes()
    for post in posts:
        _add_users(includes, post, view)
        if "attachments.media_keys" in view.expansions:
            for item in post.media:
                wanted = view.media_fields | {"media_key", "type"}
                includes.media[item["media_key"]] = {name: item[name] for name in item if name in wanted}
        if view.expansions & {"referenced_tweets.id", "referenced_tweets.id.author_id", "referenced_posts"}:
            _add_referenced(includes, post, view, shown)
    return includes


def _add_users(includes: Includes, post: Post, view: View) -> None:
    numbers = []
    if "author_id" in view.expansions:
        numbers.append(post.author)
    if "in_reply_to_user_id" in view.expansions and "in_reply_to_user_id" in post.fields:
        numbers.append(referenced_author(int(post.fields["referenced_tweets"][0]["id"])))
    if "entities.mentions.username" in view.expansions:
        mentions = post.fields.get("entities", {}).get("mentions", ())
        numbers += [author_number(item["id"]) for item in mentions]
    for number in numbers:
        if user_id(number) not in includes.users:
            includes.users[user_id(number)] = _user(number, view)


def _add_referenced(includes: Includes, post: Post, view: View, shown: Callable[[Post], Post | None]) -> None:
    for reference in post.fields.get("referenced_tweets", ()):
        other_id = reference["id"]
        other = referenced_post(int(other_id))
        other = other and shown(other)
        if other is None:
            spoken = view.vocabulary
            parameter = "referenced_posts" if spoken == "post" else "referenced_tweets.id"
            includes.errors[other_id] = problems.not_found(other_id, parameter, spoken, spoken)
            continue
        includes.posts[other_id] = render_post(other, view)
        if "referenced_tweets.id.author_id" in view.expansions:
            includes.users[user_id(other.author)] = _user(other.author, view)
