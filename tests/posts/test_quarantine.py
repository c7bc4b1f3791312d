"""Refused posts are kept for people to look at."""

from __future__ import annotations

import base64
import json

from airflow_twitter.posts.quarantine import error_line, quarantine_key, quarantine_line, write_quarantine
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.validation import BadPost


def test_a_refused_post_is_a_line() -> None:
    """Page, index, id, reason and X's bytes are in it."""
    line = quarantine_line(BadPost(3, 7, "1", "it is wrong", '{"id":"1"\n,"x":"ü\u2028"}'.encode()))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "page": 3,
        "index": 7,
        "id": "1",
        "kind": "posts",
        "reason": "it is wrong",
        "raw": '{"id":"1"\n,"x":"ü\u2028"}',
    }


def test_bytes_that_are_no_text_are_kept_too() -> None:
    """Nothing of them is lost."""
    record = json.loads(quarantine_line(BadPost(1, 0, None, "it is not UTF-8", b"\xff\x00")))
    assert base64.b64decode(record["raw_base64"]) == b"\xff\x00"
    assert "raw" not in record


def test_partial_errors_are_lines() -> None:
    """What X could not deliver is kept with its page."""
    assert json.loads(error_line(2, {"title": "t"})) == {"page": 2, "kind": "errors", "error": {"title": "t"}}


def test_each_run_has_one_file(store: Store) -> None:
    """Validating again replaces it, and nothing refused leaves no file."""
    key = quarantine_key("sevdesk", "dag", "run/1")
    assert key == "quarantine/sevdesk/dag/run%2F1.jsonl"
    assert write_quarantine(store, "sevdesk", "dag", "run/1", []) is None
    assert write_quarantine(store, "sevdesk", "dag", "run/1", [b"1\n", b"2\n"]) == key
    assert write_quarantine(store, "sevdesk", "dag", "run/1", [b"3\n"]) == key
    assert store.read(key) == b"3\n"
    assert write_quarantine(store, "sevdesk", "dag", "run/1", []) is None
    assert store.list() == []
