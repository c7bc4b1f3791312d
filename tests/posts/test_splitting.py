"""Pages are split into exact bytes, also by their brackets alone."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_twitter.posts.splitting import PageError, split_includes, split_page

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def parts(raws: list[msgspec.Raw] | None) -> list[bytes]:
    """Return raw values as bytes."""
    return [bytes(raw) for raw in raws or []]


def test_bytes_stay_as_they_are() -> None:
    """Number forms, spaces, escapes and unknown fields of a post are kept."""
    post = b'{ "id":"1", "n": 1.00e2, "big": 123456789012345678901234567890, "s":"\\u00e9\\/" }'
    assert parts(split_page(b'{"data": [ ' + post + b' ], "meta": {}}').data) == [post]


@pytest.mark.parametrize("body", [b"{}", b'{"meta":{"result_count":0}}', b'{"data":null}', b'{"data":[]}'])
def test_pages_without_posts(body: bytes) -> None:
    """An empty page is a page."""
    page = split_page(body)
    assert parts(page.data) == []
    assert bytes(page.includes) == b""


@pytest.mark.parametrize(
    "poison",
    [
        b'{"id":"2","text":"\\ud800"}',
        b'{"id":"2","text":"\\ud83d and more"}',
        b'{"id":"2","text":"b","n":NaN}',
        b'{"id":"2","text":"b","n":-Infinity}',
        b'{"id":"2","text":"a raw\nbreak"}',
        b'{"id":"2","text":"b","n":007}',
        b'{"id":"2","text":"b","deep":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"id":"2","text":"\xff\\ud800"}',
    ],
)
def test_one_post_that_breaks_the_page_is_cut_out(poison: bytes) -> None:
    """The others, before and after it, and all beside them are as they were."""
    good = b'{"id":"1","text":"[\\"{,\\\\"}'
    body = (
        b' { "data" : [\n'
        + good
        + b" ,\t"
        + poison
        + b" ,"
        + good
        + b'] , "includes":{"users":[{"id":"7"}]},'
        b'"errors":[{"title":"x"}],"meta":{"next_token":"t"} } '
    )
    page = split_page(body)
    assert parts(page.data) == [good, poison, good]
    assert bytes(page.includes) == b'{"users":[{"id":"7"}]}'
    assert bytes(page.errors) == b'[{"title":"x"}]'


def test_includes_are_split_alike() -> None:
    """A broken author takes no other with it, in either vocabulary."""
    raw = b'{"users":[{"id":"1"},{"id":"2","name":"\\udfff"}],"media":[],"tweets":null,"posts":[{"id":"3"}]}'
    includes = split_includes(raw)
    assert parts(includes.users) == [b'{"id":"1"}', b'{"id":"2","name":"\\udfff"}']
    assert parts(includes.media) == parts(includes.tweets) == []
    assert parts(includes.posts) == [b'{"id":"3"}']


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Over capacity</html>",
        b"[]",
        b"null",
        b'"text"',
        b'{"data":{"id":"1"}}',
        b'{"data":"NaN"}',
        b'{"data":[{"id":"1"},',
        b'{"data":[NaN]',
        b'{"data":NaN}',
        b"{NaN}",
        b'{"n":NaN,"data":{}}',
    ],
)
def test_what_is_no_page_is_an_error(body: bytes) -> None:
    """Anything but an object with a list of posts is refused as a whole."""
    with pytest.raises(PageError, match="no page of posts"):
        split_page(body)


@pytest.mark.parametrize("raw", [b"[]", b'{"users":{}}', b'{"users":[NaN]', b"NaN"])
def test_what_are_no_includes_is_an_error(raw: bytes) -> None:
    """The same holds for what stands beside the posts."""
    with pytest.raises(PageError):
        split_includes(raw)


@given(st.lists(JSON, max_size=5), st.booleans(), st.sampled_from([None, 1]))
def test_brackets_split_any_json_as_a_parser_does(
    values: list[Any], escaped: bool, indent: int | None
) -> None:
    """With and without a NaN in it, a page is split into the same posts."""
    posts = [
        json.dumps(value, ensure_ascii=escaped, indent=indent).encode("utf-8", "surrogatepass")
        for value in values
    ]
    inside = b" , ".join([*posts, b"NaN"])
    page = split_page(b'{"data":[' + inside + b"]}")
    assert parts(page.data) == [*posts, b"NaN"]
