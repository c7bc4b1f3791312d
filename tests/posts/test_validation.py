"""Good posts become lines, bad ones go aside with a reason, and neither harms the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_twitter.posts.lines import Post
from airflow_twitter.posts.validation import OURS, BadPost, PageError, ValidatedPage, validate_page

GOOD = b'{"id":"1585841080431321088","text":"good"}'
SUFFIX = b',"_fetched_at":"2026-11-22T08:00:00.000000Z","_run_id":"run 1","_page":3}\n'


def validate(*posts: bytes, **others: Any) -> ValidatedPage:
    """Validate a page with these posts and other parts."""
    rest = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in others.items())
    body = b'{"data":[' + b",".join(posts) + b"]" + rest.encode() + b"}"
    return validate_page(body, fetched_at="2026-11-22T08:00:00Z", run_id="run 1", page=3)


def the_bad_one(post: bytes) -> BadPost:
    """Return how a post was refused, between two good ones, which must both be there."""
    page = validate(GOOD, post, GOOD)
    assert [bytes(good.line) for good in page.good] == [GOOD[:-1] + SUFFIX] * 2
    (bad,) = page.bad
    assert (bad.page, bad.index, bad.raw, bad.kind) == (3, 1, post, "posts")
    assert bad.reason
    return bad


def the_good_one(post: bytes) -> Post:
    """Return the one post that a page with only this one gives."""
    page = validate(post)
    assert page.bad == []
    (good,) = page.good
    assert good.line[-1:] == b"\n"
    assert bytes(good.line).count(b"\n") == 1
    return good


def test_a_post_keeps_its_bytes_and_gains_our_fields() -> None:
    """The line is what X sent, with ours before the closing brace."""
    post = b'{"text":"a &amp; b","n":1.50, "id":"1585841080431321088"}'
    good = the_good_one(post)
    assert good == Post(1585841080431321088, "2022-10-28", post[:-1] + SUFFIX)


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        (b'{"id":"1","text":"\\ud800"}', "surrogate"),
        (b'{"id":"1","text":"x","other":"\\udc00 text"}', "surrogate"),
        (b'{"id":"1","text":"x","n":NaN}', "NaN"),
        (b'{"id":"1","text":"x","n":[Infinity]}', "Infinity"),
        (b'{"id":"1","text":"x","n":01}', "invalid number"),
        (b'{"id":"1","text":"a raw\nbreak"}', "invalid character"),
        (b'{"id":"1","text":"\xff"}', "not UTF-8"),
        (b'{"id":"1","text":"x","skipped":"\xc3\x28"}', "not UTF-8"),
        (b'{"id":"1","text":"x","skipped":{"deep":["\xed\xa0\x80"]}}', "not UTF-8"),
        (b'{"id":"1","text":"x","\xfe":1}', "not UTF-8"),
        (b'{"id":"1","text":"x","created_at":"2026-11-22T08:00:00"}', "timezone"),
        (b'{"id":"1","text":"x","created_at":"yesterday"}', "RFC3339"),
        (b'{"id":"1","text":"x","created_at":1}', "datetime"),
        (b'{"id":"123\\n","text":"x"}', "decimal"),
        (b'{"id":"","text":"x"}', "decimal"),
        (b'{"id":"12345678901234567890","text":"x"}', "decimal"),
        (b'{"id":"-1","text":"x"}', "decimal"),
        (b'{"id":"007","text":"x"}', "decimal"),
        (b'{"id":"0","text":"x"}', "decimal"),
        (b'{"id":" 1","text":"x"}', "decimal"),
        (b'{"id":"1_0","text":"x"}', "decimal"),
        ('{"id":"١٢٣","text":"x"}'.encode(), "decimal"),
        (b'{"id":"1e3","text":"x"}', "decimal"),
        (b'{"id":1,"text":"x"}', "Expected `str`"),
        (b'{"text":"x"}', "missing required field `id`"),
        (b'{"id":"1"}', "missing required field `text`"),
        (b'{"id":"1","text":null}', "Expected `str`"),
        (b"{}", "missing required field"),
        (b"null", "Expected `object`"),
        (b"[]", "Expected `object`"),
        (b'"text"', "Expected `object`"),
        (b'{"id":"1","text":"x","deep":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "recursion"),
    ],
)
def test_a_bad_post_goes_aside_with_its_reason(post: bytes, reason: str) -> None:
    """It is named, its bytes are kept, and the posts around it are good."""
    assert reason in the_bad_one(post).reason


def test_the_id_of_a_bad_post_is_told_where_it_can_be() -> None:
    """People look for a post by its id."""
    assert the_bad_one(b'{"id":"1585841080431321088"}').id == "1585841080431321088"
    assert the_bad_one(b'{"id":"1","text":"\\ud800"}').id == "1"
    assert the_bad_one(b'{"id":"\\ud800","text":"x"}').id == "?"
    assert the_bad_one(b'{"id":["1"],"text":"x"}').id is None
    assert the_bad_one(b"7").id is None


@pytest.mark.parametrize(
    "post",
    [
        b'{"id":"1585841080431321088","text":"x","public_metrics":{"impression_count":99999999999999999999999}}',
        b'{"id":"1585841080431321088","text":"x","n":1e999}',
        '{"id":"1585841080431321088","text":"a\u2028b\u2029c\u0085"}'.encode(),
        '{"id":"1585841080431321088","text":"🧾 請求書 é"}'.encode(),
        b'{"id":"1585841080431321088","text":"\\ud83e\\uddfe \\u0000 \\u2028 &lt;"}',
        b'{"id":"1585841080431321088","text":""}',
        b'{"id":"1585841080431321088","text":"x","created_at":null}',
        b'{"id":"1585841080431321088","text":"x","created_at":"2022-10-28T05:49:11.000+02:00"}',
    ],
)
def test_unusual_posts_are_good(post: bytes) -> None:
    """Large metrics, separators, emoji, escapes and other offsets are kept byte by byte."""
    good = the_good_one(post)
    assert good.line == post[:-1] + SUFFIX
    assert good.day == "2022-10-28"
    json.loads(bytes(good.line))


def test_raw_line_breaks_never_reach_a_line() -> None:
    """Breaks between the tokens of a post become spaces; its values stay."""
    post = b'{\r\n "id":\n"1585841080431321088",\r"text":"a\\nb"\n}'
    good = the_good_one(post)
    assert b"\r" not in bytes(good.line)
    assert json.loads(bytes(good.line))["text"] == "a\nb"


@pytest.mark.parametrize("name", ["_page", "_fetched_at", "_run_id", "\\u005fpage"])
def test_names_of_ours_that_x_sends_do_not_clash(name: str) -> None:
    """Our names at the top of a post are ours alone; other ones, deeper ones and texts are X's."""
    post = b'{"%s":null,"id":"1585841080431321088","_x":1,"text":"\\"_page\\":1","n":1.0,"deep":{"_page":8}}'
    line = bytes(the_good_one(post % name.encode()).line)
    pairs = json.loads(line, object_pairs_hook=lambda found: found)
    assert [found for found, _ in pairs] == [
        "id",
        "_x",
        "text",
        "n",
        "deep",
        "_fetched_at",
        "_run_id",
        "_page",
    ]
    assert line.endswith(b'"n":1.0,"deep":{"_page":8}' + SUFFIX)


def test_day_of_a_post(id_at: Callable[..., int]) -> None:
    """By its id; posts of before snowflake ids by created_at, else undated."""
    assert the_good_one(b'{"id":"%d","text":"x"}' % id_at("2026-11-01T23:59:59.999Z")).day == "2026-11-01"
    assert the_good_one(b'{"id":"20","text":"x","created_at":"2006-03-21T20:50:14.000Z"}').day == "2006-03-21"
    assert the_good_one(b'{"id":"20","text":"x"}').day == "undated"


def test_moment_of_fetching_takes_one_form() -> None:
    """An aware datetime and its text give the same lines; a naive one is refused."""
    body = b'{"data":[' + GOOD + b"]}"
    moment = datetime(2026, 11, 22, 8, tzinfo=UTC)
    lines = {
        bytes(validate_page(body, fetched_at=fetched_at, run_id="run 1", page=3).good[0].line)
        for fetched_at in (
            moment,
            "2026-11-22T08:00:00Z",
            "2026-11-22T08:00:00.000Z",
            "2026-11-22T10:00:00+02:00",
        )
    }
    assert lines == {GOOD[:-1] + SUFFIX}
    with pytest.raises(ValueError, match="time zone"):
        validate_page(body, fetched_at="2026-11-22T08:00:00", run_id="r", page=1)


def test_run_ids_are_escaped() -> None:
    """A run id with quotes or other letters makes no broken line."""
    run_id = 'manual "1"\n\u2028\\'
    page = validate_page(
        b'{"data":[' + GOOD + b"]}", fetched_at="2026-11-22T08:00:00Z", run_id=run_id, page=1
    )
    assert json.loads(bytes(page.good[0].line))["_run_id"] == run_id


def test_partial_errors_are_kept() -> None:
    """What X could not deliver is told beside the posts."""
    errors = [{"title": "Not Found Error", "resource_id": "5", "value": "5"}]
    assert validate(GOOD, errors=errors).errors == errors
    assert validate(GOOD, errors=None).errors == []
    assert validate(GOOD).errors == []


def test_unreadable_errors_do_no_harm() -> None:
    """Errors in another form are kept as text, and the posts are good."""
    page = validate_page(
        b'{"data":[' + GOOD + b'],"errors":{"title":"\\ud800"}}',
        fetched_at="2026-11-22T08:00:00Z",
        run_id="r",
        page=1,
    )
    assert len(page.good) == 1
    assert page.errors[0]["detail"] == '{"title":"\\ud800"}'


@pytest.mark.parametrize("name", ["tweets", "posts"])
def test_includes_of_both_vocabularies(name: str) -> None:
    """Authors, media and referenced posts become lines with their months."""
    page = validate(
        GOOD,
        includes={
            "users": [{"id": "783214", "username": "a"}, {"id": "1585841080431321088", "username": "b"}],
            "media": [{"media_key": "3_1585841080431321088", "type": "photo"}],
            name: [{"id": "1585841080431321088", "text": "referenced"}],
        },
    )
    assert page.bad_includes == []
    months = {kind: [(post.id, post.day) for post in posts] for kind, posts in page.includes.items()}
    assert months == {
        "users": [(783214, "undated"), (1585841080431321088, "2022-10")],
        "media": [(1585841080431321088, "2022-10")],
        "posts": [(1585841080431321088, "2022-10")],
    }
    assert json.loads(bytes(page.includes["users"][0].line))["_page"] == 3


def test_bad_includes_are_refused_one_by_one() -> None:
    """A bad author or medium goes aside, and neither the others nor the posts."""
    page = validate(
        GOOD,
        includes={
            "users": [{"id": "x"}, {"id": "7"}],
            "media": [{"media_key": "7"}, {}],
            "tweets": [{"id": "1"}],
        },
    )
    assert [(bad.kind, bad.index) for bad in page.bad_includes] == [
        ("users", 0),
        ("media", 0),
        ("media", 1),
        ("included_posts", 0),
    ]
    assert [len(page.includes[kind]) for kind in ("users", "media", "posts")] == [1, 0, 0]
    assert len(page.good) == 1
    assert page.bad == []


def test_includes_that_are_none_leave_the_posts() -> None:
    """Includes in another form are one refused object."""
    page = validate(GOOD, includes=[1])
    assert len(page.good) == 1
    assert [bad.kind for bad in page.bad_includes] == ["includes"]
    assert validate(GOOD, includes=None).bad_includes == []


def test_what_is_no_page_raises() -> None:
    """A page without posts is empty, and what is no page is an error."""
    assert validate().good == []
    with pytest.raises(PageError):
        validate_page(b"<html>", fetched_at="2026-11-22T08:00:00Z", run_id="r", page=1)


@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=8),
            st.text(max_size=20)
            | st.integers()
            | st.floats()
            | st.none()
            | st.lists(st.text(max_size=5), max_size=3),
            max_size=4,
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_any_post_is_good_or_bad_and_never_lost(extras: list[dict[str, Any]], escaped: bool) -> None:
    """Whatever else a post holds, it is kept as one line of strict JSON with its values, or refused with a reason."""
    posts = [{**extra, "id": str(index + 1), "text": "x"} for index, extra in enumerate(extras)]
    body = json.dumps({"data": posts}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    page = validate_page(body, fetched_at="2026-11-22T08:00:00Z", run_id="r", page=1)
    assert len(page.good) + len(page.bad) == len(posts)
    assert all(bad.reason for bad in page.bad)
    for good in page.good:
        line = bytes(good.line)
        assert line.find(b"\n") == len(line) - 1
        kept = json.loads(line.decode(), parse_constant=lambda name: pytest.fail(f"{name} in a line"))
        sent = posts[good.id - 1]
        assert {name: value for name, value in kept.items() if name not in OURS} == sent
