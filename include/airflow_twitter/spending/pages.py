"""What a page of a search bought, and the most that one may buy."""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec

from airflow_twitter.posts.splitting import PageError, split_includes, split_page

REFERENCES_MAX = 2
"""A post answers one post and quotes one at most (docs.x.com/x-api/fundamentals/expansions)."""


class _Id(msgspec.Struct):
    id: str


class _Includes(msgspec.Struct):
    users: list[_Id] = []
    tweets: list[_Id] = []
    posts: list[_Id] = []


class _Page(msgspec.Struct):
    data: list[_Id] = []
    includes: _Includes = msgspec.field(default_factory=_Includes)


_decoder = msgspec.json.Decoder(_Page)


def page_units(max_results: int, *, expand: bool) -> dict[str, int]:
    """Return the most that a page may buy: with `expand` also an author, and what it refers to, of each post."""
    if not expand:
        return {"post_read": max_results}
    return {"post_read": max_results * (1 + REFERENCES_MAX), "user_read": max_results}


def page_items(body: bytes, key: str) -> dict[str, list[str]]:
    """Return the ids of the posts and users in the body of a search answer, by kind of unit.

    Included posts are posts that were read. One without a readable id is bought all the same, and gets one that
    begins with the page's `key`.
    """
    try:
        page = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        posts, users = _split(body, key)
    else:
        included = page.includes
        posts = [each.id for each in (*page.data, *included.tweets, *included.posts)]
        users = [each.id for each in included.users]
    found = {"post_read": posts, "user_read": users}
    return {kind: ids for kind, ids in found.items() if ids}


def _split(body: bytes, key: str) -> tuple[list[str], list[str]]:
    """Read a page that a strict parser refuses, post by post."""
    try:
        page = split_page(body)
        posts = list(page.data or [])
        users: list[msgspec.Raw] = []
        if bytes(page.includes):
            includes = split_includes(bytes(page.includes))
            posts += [*(includes.tweets or []), *(includes.posts or [])]
            users = includes.users or []
    except PageError:
        return [], []
    return _ids(posts, f"{key}#post"), _ids(users, f"{key}#user")


def _ids(raws: Iterable[msgspec.Raw], otherwise: str) -> list[str]:
    ids = []
    for number, raw in enumerate(raws):
        try:
            content = json.loads(bytes(raw).decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            content = None
        post_id = content.get("id") if isinstance(content, dict) else None
        known = isinstance(post_id, str | int) and not isinstance(post_id, bool)
        ids.append(_text(str(post_id)) if known else f"{otherwise}{number}")
    return ids


def _text(post_id: str) -> str:
    """Return an id as text that can be written: X's have digits only, a broken one may hold anything."""
    return post_id.encode("utf-8", "replace").decode()
