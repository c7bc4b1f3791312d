"""Answer which posts there still are, by id.

https://docs.x.com/x-api/posts/get-posts-by-ids
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_twitter.simulator import problems, vocabulary
from airflow_twitter.simulator.asks import Checks
from airflow_twitter.simulator.render import View, collect_includes, encode, encode_post
from airflow_twitter.simulator.snowflake import ms_of
from airflow_twitter.simulator.world import World

IDS_MAX = 100
_ID = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True)
class Found:
    """An answer as it is sent, with what the book wants to know."""

    body: bytes
    ids: list[str]
    users: list[str]
    referenced: list[str]


def look_up(world: World, params: Mapping[str, str], now_ms: int) -> Found:
    """Return the posts with the ids that are asked for, and an error for each that is not to be had.

    Raises BadRequest.
    """
    ids, view = _read(params, now_ms)
    posts, errors = [], []
    for post_id in ids:
        post = world.find(post_id) if ms_of(post_id) <= now_ms else None
        if post is None:
            gone = (
                problems.not_authorized if world.withdrawn.of(post_id) == "protected" else problems.not_found
            )
            errors.append(gone(str(post_id), "ids", view.vocabulary, view.vocabulary))
        else:
            posts.append(post)
    includes = collect_includes(posts, view, world.withdrawn.shown)
    body: dict[str, Any] = {}
    if included := includes.body(view.vocabulary):
        body["includes"] = included
    if errors or includes.errors:
        body["errors"] = [*errors, *includes.errors.values()]
    data = b'"data":[' + b",".join(encode_post(post, view) for post in posts) + b"]" if posts else b""
    rest = encode(body)[1:]
    whole = b"{" + data + (b"," if data and body else b"") + rest
    return Found(whole, [str(post.id) for post in posts], list(includes.users), list(includes.posts))


def _read(params: Mapping[str, str], now_ms: int) -> tuple[list[int], View]:
    checks = Checks(None, params, now_ms)
    spoken = vocabulary.vocabulary_of(params)
    names = vocabulary.names_of(spoken)
    checks.names(("ids", *names))
    asked = [text for text in params.get("ids", "").split(",") if text]
    if not 1 <= len(asked) <= IDS_MAX:
        checks.refuse("ids", f"size must be between 1 and {IDS_MAX}")
    for text in asked:
        if not _ID.fullmatch(text):
            checks.refuse("ids", f"The `ids` query parameter value [{text}] is not valid")
    lists = {name: checks.listed(name, known) for name, known in names.items()}
    checks.raise_errors()
    view = View(
        spoken, lists[f"{spoken}.fields"], lists["user.fields"], lists["media.fields"], lists["expansions"]
    )
    return [int(text) for text in dict.fromkeys(asked)], view
