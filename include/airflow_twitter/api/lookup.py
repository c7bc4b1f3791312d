"""Which of some posts X still shows: what `GET /2/tweets` answered, read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_twitter.api.answers import Answer, read_object
from airflow_twitter.api.errors import NetworkError

LOOKUP_PATH = "/2/tweets"
IDS_MAX = 100
"""Ids that one request may hold (docs.x.com/x-api/posts/get-posts-by-ids)."""

_GONE = {
    "resource-not-found": "deleted",
    "not-authorized-for-resource": "protected",
    "resource-unavailable": "unavailable",
}
"""The last segment of a partial error's type, and what it says of a post
(docs.x.com/x-api/fundamentals/response-codes-and-errors)."""


@dataclass(frozen=True, slots=True)
class Lookup(Answer):
    """Hold what X said of the posts that were asked for.

    `posts` are the JSON objects of those that it showed, by id. `gone` are those that it does not show any more, by
    id, with the reason: "deleted", "protected" (its author shows it to some only, or is suspended) or
    "unavailable". An id that is in neither was not answered for, and nothing is known of it.
    """

    posts: dict[str, dict[str, Any]]
    gone: dict[str, str]

    @property
    def withheld(self) -> list[str]:
        """Ids of posts that are shown, but withheld in some countries."""
        return [post_id for post_id, post in self.posts.items() if post.get("withheld")]


def read_lookup(answer: Answer) -> Lookup:
    """Read a look-up's answer; raise NetworkError when it holds neither posts nor errors, so is not whole."""
    posts, gone = read_fates(answer.body)
    return Lookup(
        body=answer.body,
        limit=answer.limit,
        server_time=answer.server_time,
        request_id=answer.request_id,
        posts=posts,
        gone=gone,
    )


def read_fates(body: bytes) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the posts that the body of a look-up shows, and why the others are gone, both by id."""
    content = read_object(body)
    data, errors = content.get("data"), content.get("errors")
    if not isinstance(data, list) and not isinstance(errors, list):
        raise NetworkError("The answer of X holds neither posts nor errors", status=200)
    posts = {
        post["id"]: post for post in data or [] if isinstance(post, dict) and isinstance(post.get("id"), str)
    }
    gone = {
        post_id: reason for post_id, reason in map(_gone, errors or []) if post_id and post_id not in posts
    }
    return posts, gone


def _gone(error: Any) -> tuple[str, str]:
    """Return the id that an error is about and why it is gone; no id for any other error."""
    if not isinstance(error, dict) or error.get("parameter") not in ("ids", "id"):
        return "", ""
    reason = _GONE.get(str(error.get("type", "")).rstrip("/").rsplit("/", 1)[-1])
    post_id = error.get("resource_id") or error.get("value")
    return (post_id, reason) if reason and isinstance(post_id, str) else ("", "")
