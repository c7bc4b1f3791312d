"""Reading what surrounds the posts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_twitter.api.answers import Answer, Bucket, read_counts, read_page, read_usage
from airflow_twitter.api.errors import NetworkError
from airflow_twitter.api.limits import RateLimit

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def answer(body: Any) -> Answer:
    """Return an answer with this body (bytes, or what is sent as JSON)."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(content, RateLimit(450, 449, None, NOON), NOON, "abc123")


def test_page_carries_meta_and_the_very_bytes() -> None:
    """Token, counts and ids are read; the body stays as it came."""
    body = (
        b'{ "data": [{"id":"2","text":"\xe2\x80\xa8 &amp;"},{"id":"1","text":""}],'
        b'"meta":{"newest_id":"2","oldest_id":"1","result_count":2,"next_token":"b26"}}\n'
    )
    page = read_page(answer(body))
    assert page.body == body
    assert (page.next_token, page.result_count, page.newest_id, page.oldest_id) == ("b26", 2, "2", "1")
    assert (page.server_time, page.request_id, page.limit.remaining) == (NOON, "abc123", 449)


@pytest.mark.parametrize(
    "meta", [{"result_count": 0}, {"result_count": 0, "next_token": None}, {"next_token": ""}]
)
def test_page_without_data_and_token_is_the_end(meta: dict[str, Any]) -> None:
    """The only end is a missing token."""
    page = read_page(answer({"meta": meta}))
    assert (page.next_token, page.result_count, page.newest_id) == (None, 0, None)


def test_empty_page_with_a_token_is_not_the_end() -> None:
    """X may give no posts and a token."""
    assert read_page(answer({"meta": {"result_count": 0, "next_token": "b26"}})).next_token == "b26"


def test_partial_errors_are_kept() -> None:
    """A 200 may carry errors beside its data."""
    errors = [{"resource_id": "1", "title": "Not Found Error"}, "odd"]
    page = read_page(answer({"data": [], "errors": errors, "meta": {"result_count": 0}}))
    assert page.partial_errors == (errors[0],)


@pytest.mark.parametrize(
    "post",
    [
        rb'{"id":"1","text":"\ud800"}',
        b'{"id":"1","text":"a","score":NaN}',
        b'{"id":"1","text":"\xff"}',
        b'{"id":"1","text":5}',
        b"null",
    ],
)
def test_one_bad_post_does_not_hide_the_page(post: bytes) -> None:
    """Lone surrogates, NaN and bad UTF-8 are for validation to isolate: position and errors are still read."""
    body = b'{"data":[' + post + b'],"errors":[{"title":"t"}],"meta":{"result_count":1,"next_token":"n"}}'
    page = read_page(answer(body))
    assert (page.next_token, page.partial_errors, page.body) == ("n", ({"title": "t"},), body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>edge</html>",
        b'{"data":[{"id":"1"',
        b'{"data":[]}',
        b"{}",
        b"[]",
        b"null",
        b'{"meta":5}',
        b'{"meta":{"next_token":5}}',
        b"[" * 100000,
        b'{"data":' + b"[" * 100000,
    ],
)
def test_what_is_no_whole_page_is_a_network_error(body: bytes) -> None:
    """HTML, truncated JSON and a page without meta must never pass for the end of the search."""
    with pytest.raises(NetworkError):
        read_page(answer(body))


@pytest.mark.parametrize(
    ("count", "total"), [("tweet_count", "total_tweet_count"), ("post_count", "total_post_count")]
)
def test_counts_are_read_in_both_vocabularies(count: str, total: str) -> None:
    """Buckets, total and token come under either name."""
    data = [
        {"start": "2026-11-21T00:00:00.000Z", "end": "2026-11-22T00:00:00.000Z", count: 5},
        {"start": "2026-11-22T00:00:00.000Z", "end": "2026-11-22T12:00:00.000Z", count: 2},
    ]
    counts = read_counts(answer({"data": data, "meta": {total: 7, "next_token": "n"}}))
    assert counts.total == 7
    assert counts.buckets[0] == Bucket("2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z", 5)
    assert [bucket.count for bucket in counts.buckets] == [5, 2]
    assert counts.next_token == "n"


def test_missing_total_is_the_sum() -> None:
    """Without a total the buckets add up, and without buckets there is nothing."""
    assert read_counts(answer({"data": [{"tweet_count": 2}, {"tweet_count": 3}], "meta": {}})).total == 5
    assert read_counts(answer({"meta": {"total_tweet_count": 0}})).buckets == ()


def test_usage_of_days() -> None:
    """The days of a usage answer are read by date; what is no day is left out."""
    days = [{"date": "2026-11-20T00:00:00.000Z", "usage": "12"}, {"date": "2026-11-19", "usage": "x"}, None]
    usage = read_usage(
        answer({"data": {"project_id": "17", "daily_project_usage": {"project_id": "17", "usage": days}}})
    )
    assert (usage.project_id, usage.daily) == ("17", {"2026-11-20": 12})
    assert read_usage(answer({"data": {"daily_project_usage": []}})).daily == {}


def test_usage_numbers_come_as_texts() -> None:
    """Usage and cap are numbers, whatever they were sent as; what is missing is None."""
    usage = read_usage(
        answer({"data": {"project_usage": "1234", "project_cap": "3000000", "cap_reset_day": 3}})
    )
    assert (usage.project_usage, usage.project_cap, usage.cap_reset_day) == (1234, 3000000, 3)
    assert read_usage(answer({"data": {"project_usage": "many"}})).project_usage is None


@pytest.mark.parametrize("body", [b"", b"{}", b'{"data": []}'])
def test_answer_without_usage_is_a_network_error(body: bytes) -> None:
    """Something else than the usage is no usage of zero."""
    with pytest.raises(NetworkError):
        read_usage(answer(body))


def test_body_is_not_in_the_repr() -> None:
    """Posts do not end up in logs by accident."""
    assert "secret text" not in repr(read_page(answer({"data": "secret text", "meta": {}})))
