"""Broken posts are broken as their kind says, and their neighbours are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_twitter.simulator import Rule
from airflow_twitter.simulator.malformed import KINDS

FIELDS = "created_at,public_metrics,source"


def page(start: Callable[..., Any], *kinds: str, at: int = 0) -> tuple[bytes, Any]:
    """Return the bytes of a page of ten with broken posts, and the caller."""
    rules = [Rule(endpoint="search_recent", nth=1, fault="malformed", params={"kinds": kinds, "at": at})]
    caller = start(rules=rules)
    return caller.recent("accounting", tweet_fields=FIELDS).content, caller


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "invalid_utf8"])
def test_one_post_is_broken(start: Callable[..., Any], kind: str) -> None:
    """Only the chosen post differs, and the book names it."""
    body, caller = page(start, kind, at=4)
    broken = json.loads(body)["data"]
    whole = caller.recent("accounting", tweet_fields=FIELDS).json()["data"]
    assert broken[:4] + broken[5:] == whole[:4] + whole[5:]
    assert caller.sim.book.requests[0].malformed == [{"id": whole[4]["id"], "kind": kind}]
    assert (broken[4] == whole[4]) is (kind in ("pretty", "escaped"))


def test_broken_bytes(start: Callable[..., Any]) -> None:
    """Some kinds show in the bytes alone."""
    with pytest.raises(UnicodeDecodeError):
        page(start, "invalid_utf8")[0].decode()
    assert b"\\ud83d" in page(start, "lone_surrogate")[0]
    assert b"NaN" in page(start, "nan")[0]
    assert b"\n  " in page(start, "pretty")[0]
    assert max(page(start, "escaped")[0].split(b'"source"')[0]) < 128
    assert b'\\n","text"' in page(start, "id_newline")[0]


def test_several_kinds_follow_each_other(start: Callable[..., Any]) -> None:
    """Each kind breaks the next post, and round the end of the page."""
    body, caller = page(start, "no_id", "null", "no_text", at=9)
    posts = json.loads(body)["data"]
    assert "id" not in posts[9]
    assert posts[0] is None
    assert "text" not in posts[1]
    assert len(caller.sim.book.requests[0].malformed) == 3
