"""A list of posts is taken as a whole or not at all."""

from __future__ import annotations

import json

import pytest

from airflow_twitter.accounts.post_list import PostListError, read_post_list

DEFAULTS = {"account": "main"}
TWO = [{"text": "One"}, {"text": "Two\u2028lines", "account": "other", "made_with_ai": True}]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("posts.json", json.dumps(TWO)),
        ("posts.jsonl", "\n".join(json.dumps(post, ensure_ascii=False) for post in TWO) + "\n"),
        ("posts.csv", "\ufefftext,account,made_with_ai\nOne,,\nTwo\u2028lines,other,yes\n"),
    ],
)
def test_good_list(name: str, data: str) -> None:
    """Each kind of file gives the same posts, with the list's defaults where a post says nothing itself."""
    posts = read_post_list(name, data.encode(), DEFAULTS)

    assert [(post["account"], post["text"], post["made_with_ai"]) for post in posts] == [
        ("main", "One", False),
        ("other", "Two\u2028lines", True),
    ]


def test_every_mistake_is_named() -> None:
    """One bad post refuses the whole list, and all that is wrong is said at once."""
    bad = [{"text": "One"}, {"text": 2}, {"txt": "Three"}, "four", {"text": "One"}]

    with pytest.raises(PostListError) as caught:
        read_post_list("posts.json", json.dumps(bad).encode(), DEFAULTS)

    lines = str(caught.value).splitlines()
    assert lines[0] == "posts.json was refused as a whole, nothing of it was queued:"
    assert lines[1:] == [
        "post 2, text: 2 is not of type 'string'",
        "post 3, text: it is missing",
        "post 4, post: a post is an object with fields such as text and video",
        "post 5, text: post 1 says the same",
    ]


def test_same_twice_when_allowed() -> None:
    """The same text twice is taken when that is asked for."""
    twice = [{"text": "One", "allow_duplicate": True}] * 2
    assert len(read_post_list("posts.json", json.dumps(twice).encode(), DEFAULTS)) == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("posts.json", b"[]"),
        ("posts.json", b"{}"),
        ("posts.json", b"["),
        ("posts.json", b"[" * 100_000),
        ("posts.json", b"\xff\xfe"),
        ("posts.json", b" " * 5_000_000),
        ("posts.json", json.dumps([{"text": str(number)} for number in range(501)]).encode()),
        ("posts.jsonl", b'{"text": "One"}\n{\n'),
        ("posts.csv", b"text\na,b\n"),
        ("posts.txt", b"One"),
    ],
)
def test_no_list(name: str, data: bytes) -> None:
    """What is no list of posts is refused with a sentence."""
    with pytest.raises(PostListError, match="refused as a whole"):
        read_post_list(name, data, DEFAULTS)
