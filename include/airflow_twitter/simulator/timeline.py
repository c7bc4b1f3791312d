"""An account's timeline, newest first, and its user object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_twitter.simulator import problems, vocabulary
from airflow_twitter.simulator.accounts import Account
from airflow_twitter.simulator.asks import BadRequest, Checks, parse_ms, token_name
from airflow_twitter.simulator.published import Posts, Published
from airflow_twitter.simulator.render import View, encode, render_post
from airflow_twitter.simulator.rules import Rule
from airflow_twitter.simulator.snowflake import id_at, iso
from airflow_twitter.simulator.tokens import Position, TokenError, fingerprint, read_token, write_token

_NAMES = ("max_results", "pagination_token", "start_time", "end_time", "since_id", "until_id", "exclude")
_MADE_MS = 1_700_000_000_000


@dataclass(frozen=True)
class Written:
    """A page of a timeline as it is sent, with the ids of its posts."""

    body: bytes
    ids: list[str]


def write_timeline(
    posts: Posts, owner: Account, params: Mapping[str, str], now_ms: int, rules: Sequence[Rule]
) -> Written:
    """Return a page; raise BadRequest with all that is wrong with the request.

    https://docs.x.com/x-api/users/get-posts
    """
    checks = Checks(None, params, now_ms)
    spoken = vocabulary.vocabulary_of(params)
    names = vocabulary.names_of(spoken)
    checks.names((*_NAMES, *names))
    size = checks.number("max_results", 5, 100, 10)
    lists = {name: checks.listed(name, known) for name, known in names.items()}
    checks.listed("exclude", ("replies", "retweets"))
    low, high = _window(checks, now_ms)
    checks.raise_errors()
    bound_to = fingerprint(f"timeline/{owner.id}", params)
    if "pagination_token" in params:
        high = _position(params, bound_to).high
    high, hidden = _visible(high, now_ms, rules)
    found = posts.of(owner.id, low, high)[0 if "pagination_token" in params else hidden :]
    page, rest = found[:size], found[size:]
    view = View(
        spoken, lists[f"{spoken}.fields"], lists["user.fields"], lists["media.fields"], lists["expansions"]
    )
    body = _body(page, owner, view)
    body["meta"]["result_count"] = len(page)
    if rest:
        body["meta"]["next_token"] = write_token(bound_to, Position(low, page[-1].id))
    return Written(encode(body), [str(post.id) for post in page])


def render_user(account: Account, params: Mapping[str, str]) -> dict[str, Any]:
    """Return an account as a user with the fields that are asked for; raise BadRequest."""
    checks = Checks(None, params, 0)
    spoken = vocabulary.vocabulary_of(params)
    names = vocabulary.names_of(spoken)
    checks.names(("user.fields", "expansions", f"{spoken}.fields"))
    fields = checks.listed("user.fields", names["user.fields"])
    checks.raise_errors()
    return _user(account, fields)


def _user(account: Account, fields: frozenset[str]) -> dict[str, Any]:
    known = {
        "id": account.id,
        "name": f"{account.username} (simulated)",
        "username": account.username,
        "created_at": iso(_MADE_MS),
        "description": "An account that exists in the simulator only.",
        "protected": False,
        "verified": False,
    }
    return {name: value for name, value in known.items() if name in fields | {"id", "name", "username"}}


def _window(checks: Checks, now_ms: int) -> tuple[int, int]:
    """Read the window as ids, from low up to high; unlike in a search the newest second is in it."""
    times: dict[str, int | None] = {}
    for name in ("start_time", "end_time"):
        text = checks.params.get(name)
        times[name] = None if text is None else parse_ms(text)
        if text is not None and times[name] is None:
            checks.refuse(
                name, f"The `{name}` query parameter value [{text}] is not a valid RFC3339 date-time"
            )
    since, until = checks.id("since_id"), checks.id("until_id")
    start, end = times["start_time"], times["end_time"]
    low = max(0 if start is None else id_at(start), 0 if since is None else since + 1)
    high = min(id_at(now_ms + 1) if end is None else id_at(end), 2**63 if until is None else until)
    return low, high


def _position(params: Mapping[str, str], bound_to: bytes) -> Position:
    try:
        return read_token(params["pagination_token"], bound_to)
    except TokenError:
        raise BadRequest(problems.rejected_token(token_name(params), params["pagination_token"])) from None


def _visible(high: int, now_ms: int, rules: Sequence[Rule]) -> tuple[int, int]:
    hidden = 0
    for rule in rules:
        if rule.fault == "late_index":
            hidden = max(hidden, int(rule["hide"]))
            high = min(high, id_at(now_ms - int(float(rule["lag_s"]) * 1000)))
    return high, hidden


def _body(page: Sequence[Published], owner: Account, view: View) -> dict[str, Any]:
    body: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    if page:
        body["data"] = [render_post(post.post(), view) for post in page]
        meta = {"newest_id": str(page[0].id), "oldest_id": str(page[-1].id)}
        includes: dict[str, Any] = {}
        if "author_id" in view.expansions:
            includes["users"] = [_user(owner, view.user_fields)]
        if "attachments.media_keys" in view.expansions:
            keys = dict.fromkeys(key for post in page for key in post.media_keys)
            includes["media"] = [{"media_key": key, "type": _kind(key)} for key in keys]
        if any(includes.values()):
            body["includes"] = {name: found for name, found in includes.items() if found}
    body["meta"] = meta
    return body


def _kind(key: str) -> str:
    return {"3": "photo", "16": "animated_gif"}.get(key.partition("_")[0], "video")
