"""The operators of a search query, and what they say of a post.

https://docs.x.com/x-api/posts/search/integrate/operators
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airflow_twitter.simulator.people import author_number, user, user_id
from airflow_twitter.simulator.posts import Post

# Every operator, and whether it may stand alone in a query.
OPERATORS: Mapping[str, bool] = {
    "from": True,
    "to": True,
    "url": True,
    "retweets_of": True,
    "conversation_id": True,
    "in_reply_to_tweet_id": True,
    "retweets_of_tweet_id": True,
    "quotes_of_tweet_id": True,
    "context": True,
    "entity": True,
    "list": True,
    "place": True,
    "place_country": True,
    "point_radius": True,
    "bounding_box": True,
    "lang": False,
    "is": False,
    "has": False,
}

# Operators whose values are a fixed set.
FLAGS: Mapping[str, tuple[str, ...]] = {
    "is": ("retweet", "reply", "quote", "verified", "nullcast"),
    "has": ("hashtags", "cashtags", "links", "mentions", "media", "images", "videos", "video_link", "geo"),
}


def matches_operator(name: str, value: str, post: Post) -> bool:
    """Say whether a post satisfies `name:value`; of operators that no post here can satisfy: False."""
    test = _TESTS.get(name)
    return test is not None and test(value, post)


def _from(value: str, post: Post) -> bool:
    return value.removeprefix("@") in (user(post.author)["username"], user_id(post.author))


def _to(value: str, post: Post) -> bool:
    replied: str | None = post.fields.get("in_reply_to_user_id")
    if replied is None:
        return False
    return value.removeprefix("@") in (replied, user(author_number(replied))["username"])


def _refers(kind: str) -> Callable[[str, Post], bool]:
    def test(value: str, post: Post) -> bool:
        references = post.fields.get("referenced_tweets", ())
        return any(item["type"] == kind and value in ("", item["id"]) for item in references)

    return test


def _is(value: str, post: Post) -> bool:
    match value:
        case "reply":
            return _refers("replied_to")("", post)
        case "quote":
            return _refers("quoted")("", post)
        case "verified":
            return bool(user(post.author)["verified"])
    return False  # keyword search returns no reposts, and nothing here is an advertisement


def _has(value: str, post: Post) -> bool:
    kinds = {item["type"] for item in post.media}
    match value:
        case "media":
            return bool(kinds)
        case "images":
            return "photo" in kinds
        case "videos" | "video_link":
            return "video" in kinds
        case "links":
            return "urls" in post.fields.get("entities", {})
        case "hashtags" | "cashtags" | "mentions":
            return value in post.fields.get("entities", {})
    return False


_TESTS: Mapping[str, Callable[[str, Post], bool]] = {
    "from": _from,
    "to": _to,
    "is": _is,
    "has": _has,
    "lang": lambda value, post: post.lang == value,
    "conversation_id": lambda value, post: bool(post.fields["conversation_id"] == value),
    "in_reply_to_tweet_id": _refers("replied_to"),
    "quotes_of_tweet_id": _refers("quoted"),
}
