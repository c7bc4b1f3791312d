"""Build a page of a search: the posts, what they refer to, and the token to the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.asks import Ask
from airflow_twitter.simulator.malformed import KINDS
from airflow_twitter.simulator.posts import Post
from airflow_twitter.simulator.render import collect_includes, encode, encode_post, render_post
from airflow_twitter.simulator.rules import Rule
from airflow_twitter.simulator.snowflake import id_at
from airflow_twitter.simulator.tokens import Position, write_token
from airflow_twitter.simulator.world import World


@dataclass
class Page:
    """A page before it is written: its posts and the position after it, None at the end."""

    posts: list[Post]
    rest: Position | None
    token: str | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    malformed: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WrittenPage:
    """A page as it is sent, with what the book wants to know."""

    body: bytes
    ids: list[str]
    users: list[str]
    referenced: list[str]
    malformed: list[dict[str, str]]


def find_page(world: World, ask: Ask, now_ms: int, rules: Sequence[Rule], before: Sequence[Post]) -> Page:
    """Return the page that is asked for, as the page rules want it.

    `before` are the posts of the answer before, which a repeated page shows again.
    """
    skip, high = 0, ask.position.high
    for rule in rules:
        if rule.fault == "late_index":
            skip = int(rule["hide"]) if ask.token is None else 0
            high = min(high, id_at(now_ms - int(float(rule["lag_s"]) * 1000)))
    visible = replace(ask.position, high=min(high, id_at(now_ms)))
    found = world.newest_first(visible.low, visible.high, ask.query.matches, ask.query.could_match)
    posts = list(islice(found, skip, skip + ask.max_results + 1))
    page = Page(posts[: ask.max_results], None)
    if len(posts) > ask.max_results:
        page.rest = Position(ask.position.low, page.posts[-1].id)
    for rule in rules:
        _apply(rule, page, ask, before)
    if page.token is None and page.rest is not None:
        page.token = write_token(ask.bound_to, page.rest)
    return page


def _apply(rule: Rule, page: Page, ask: Ask, before: Sequence[Post]) -> None:
    again = replace(ask.position, turn=ask.position.turn + 1)
    match rule.fault:
        case "short_page":
            page.posts = page.posts[: int(rule["keep"])]
            page.rest = Position(ask.position.low, page.posts[-1].id) if page.posts else again
        case "empty_page":
            page.posts, page.rest = [], again
        case "repeated_page":
            page.posts, page.rest = list(before), again
        case "self_token":
            page.token = ask.token or write_token(ask.bound_to, ask.position)
        case "malformed":
            for offset, kind in enumerate(rule["kinds"]):
                page.malformed[(int(rule["at"]) + offset) % max(len(page.posts), 1)] = kind
        case "partial_errors":
            ids = [str(7_000_000_000 + number) for number in range(int(rule["count"]))]
            page.errors += [
                problems.not_found(value, "author_id", "user", ask.view.vocabulary) for value in ids
            ]
        case "changed_metrics":
            page.posts = [_liked(post, int(rule["likes"])) for post in page.posts]


def _liked(post: Post, likes: int) -> Post:
    metrics = post.fields["public_metrics"]
    metrics = {**metrics, "like_count": metrics["like_count"] + likes}
    return replace(post, changed={"public_metrics": metrics})


def write_page(page: Page, ask: Ask, world: World) -> WrittenPage:
    """Encode a page; without posts there is no `data` at all."""
    items = [encode_post(post, ask.view) for post in page.posts]
    broken = []
    for at, kind in page.malformed.items():
        if at < len(items):
            items[at] = KINDS[kind](render_post(page.posts[at], ask.view))
            broken.append({"id": str(page.posts[at].id), "kind": kind})
    includes = collect_includes(page.posts, ask.view, world.withdrawn.shown)
    errors = [*page.errors, *includes.errors.values()]
    parts = []
    if items:
        parts.append(b'"data":[' + b",".join(items) + b"]")
    if included := includes.body(ask.view.vocabulary):
        parts.append(b'"includes":' + encode(included))
    if errors:
        parts.append(b'"errors":' + encode(errors))
    parts.append(b'"meta":' + encode(_meta(page)))
    ids = [str(post.id) for post in page.posts]
    return WrittenPage(
        b"{" + b",".join(parts) + b"}", ids, list(includes.users), list(includes.posts), broken
    )


def _meta(page: Page) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    if page.posts:
        meta = {"newest_id": str(page.posts[0].id), "oldest_id": str(page.posts[-1].id)}
    meta["result_count"] = len(page.posts)
    if page.token is not None:
        meta["next_token"] = page.token
    return meta
