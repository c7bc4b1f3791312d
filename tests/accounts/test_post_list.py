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
    rows, faults = read_post_list(name, data.encode(), DEFAULTS)

    assert faults == []
    assert [(row.post["account"], row.post["text"], row.post["made_with_ai"]) for row in rows] == [
        ("main", "One", False),
        ("other", "Two\u2028lines", True),
    ]


def test_every_mistake_is_named() -> None:
    """All that is wrong in any field of any post is said at once, and the others are read."""
    bad = [
        {"text": "One"},
        {"text": 2, "captions_language": "German"},
        {"txt": "Three", "fit_video": "x"},
        "four",
        {"text": "", "captions": "a.srt", "publish_at": "soon", "expires_at": "late"},
        {"text": "Six", "publish_at": "2030-01-02T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"},
    ]

    rows, faults = read_post_list("posts.json", json.dumps(bad).encode(), DEFAULTS)

    assert [row.place.number for row in rows] == [1]
    assert [(fault.place.number, fault.field) for fault in faults] == [
        (2, "captions_language"),
        (2, "text"),
        (3, "text"),
        (3, "txt"),
        (3, "fit_video"),
        (4, "post"),
        (5, "text"),
        (5, "captions"),
        (5, "publish_at"),
        (5, "expires_at"),
        (6, "expires_at"),
    ]
    assert str(faults[2]) == "post 3, text: it is missing"


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("posts.csv", 'text,video\nOne,\n"Two\nlines",\nThree,,more\nFour,\n', 5),
        ("posts.csv", "text\n\n\nOne\n" + "a" * 4001 + "\n", 5),
        ("posts.jsonl", '{"text": "One"}\n\n{"text": "Two"\n{"text": "Three"}\n', 3),
        ("posts.jsonl", '{"text": "One"}\n' + "[" * 100_000 + "\n", 2),
    ],
)
def test_lines(name: str, data: str, line: int) -> None:
    """Where a file has lines, a fault names the line; the rows around it are read."""
    rows, (fault,) = read_post_list(name, data.encode(), DEFAULTS)
    assert fault.place.line == line
    assert str(fault).startswith(f"post {fault.place.number} (line {line}), ")
    assert rows


def test_many_mistakes() -> None:
    """The message stays readable with hundreds of faults; all of them are kept."""
    _, faults = read_post_list("posts.json", json.dumps([{"text": ""}] * 400).encode(), DEFAULTS)
    error = PostListError("posts.json", faults)
    assert len(error.faults) == 400
    assert len(str(error).splitlines()) == 52
    assert "and 350 more" in str(error)


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
        ("posts.csv", b'text\n"a'),
        ("posts.txt", b"One"),
    ],
)
def test_no_list(name: str, data: bytes) -> None:
    """What is no list of posts is refused with a sentence."""
    with pytest.raises(PostListError, match="refused as a whole"):
        read_post_list(name, data, DEFAULTS)
