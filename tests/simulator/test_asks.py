"""Which parameters are refused, and with which body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from airflow_twitter.simulator.asks import ENDPOINTS, BadRequest, read_ask
from airflow_twitter.simulator.vocabulary import COUNTS, POST, SEARCH, TWEET

RECENT = "/2/tweets/search/recent"


@pytest.mark.parametrize(
    ("params", "name", "message"),
    [
        ({"query": "cat", "max_results": 9}, "max_results", "is not between 10 and 100"),
        ({"query": "cat", "max_results": 101}, "max_results", "is not between 10 and 100"),
        ({"query": "cat", "max_results": "ten"}, "max_results", "is not between 10 and 100"),
        ({"query": ""}, "query", "can not be empty"),
        ({}, "query", "can not be empty"),
        ({"query": "lang:en"}, "query", "There were errors processing your request"),
        ({"query": "cat", "start_tim": "x"}, "start_tim", "[start_tim] is not one of [query,"),
        ({"query": "cat", "start_time": "2026-11-20"}, "start_time", "not a valid RFC3339"),
        ({"query": "cat", "start_time": "2026-11-20T10:00:00+00:00"}, "start_time", "not a valid RFC3339"),
        ({"query": "cat", "start_time": "2026-11-31T10:00:00Z"}, "start_time", "not a valid RFC3339"),
        (
            {"query": "cat", "start_time": "2026-11-13T11:59:59Z"},
            "start_time",
            "must be on or after 2026-11-13T12:00Z",
        ),
        ({"query": "cat", "end_time": "2026-11-20T11:59:51Z"}, "end_time", "a minimum of 10 seconds prior"),
        ({"query": "cat", "end_time": "2027-01-01T00:00:00Z"}, "end_time", "a minimum of 10 seconds prior"),
        ({"query": "cat", "since_id": "12x"}, "since_id", "does not match"),
        ({"query": "cat", "since_id": "1" * 20}, "since_id", "does not match"),
        ({"query": "cat", "since_id": "2075200933194039668"}, "since_id", "must be a tweet id created after"),
        ({"query": "cat", "tweet_fields": "id,likes"}, "tweet.fields", "[likes] is not one of"),
        ({"query": "cat", "post_fields": "author_id"}, "post.fields", "[author_id] is not one of"),
        ({"query": "cat", "expansions": "author"}, "expansions", "[author] is not one of"),
        ({"query": "cat", "post_fields": "id", "tweet_fields": "id"}, "tweet.fields", "is not one of"),
        ({"query": "cat", "sort_order": "loudest"}, "sort_order", "is not one of [recency,relevancy]"),
    ],
)
def test_a_bad_parameter_is_named(
    start: Callable[..., Any], params: dict[str, Any], name: str, message: str
) -> None:
    """A 400 is X's invalid-request problem, and its errors name the parameter, its value and why."""
    answer = start().get(RECENT, **params)
    body = answer.json()
    assert answer.status_code == 400
    assert (body["title"], body["type"].rsplit("/", 1)[-1]) == ("Invalid Request", "invalid-request")
    (error,) = body["errors"]
    value = params.get(name.replace(".fields", "_fields"), "")
    assert error["parameters"] == {name: [str(value)]}
    assert message in error["message"]


@pytest.mark.parametrize(
    "params",
    [
        {"start_time": "2026-11-19T00:00:00Z", "since_id": "2124000000000000000"},
        {"end_time": "2026-11-19T00:00:00Z", "until_id": "2124000000000000000"},
    ],
)
def test_times_exclude_ids(start: Callable[..., Any], params: dict[str, str]) -> None:
    """start_time excludes since_id, and end_time until_id; crossed, they go together."""
    caller = start()
    answer = caller.recent("cat", **params)
    assert answer.status_code == 400
    assert "in conjunction with 'start_time' or 'end_time'" in answer.json()["errors"][0]["message"]
    crossed = {"start_time": "2026-11-19T00:00:00Z", "until_id": "2124000000000000000"}
    assert caller.recent("cat", **crossed).status_code == 200


def test_everything_wrong_is_named_at_once(start: Callable[..., Any]) -> None:
    """One answer names all bad parameters."""
    errors = start().recent("-cat", max_results=5, end_time="tomorrow").json()["errors"]
    assert {name for error in errors for name in error["parameters"]} == {"query", "max_results", "end_time"}


def test_the_last_moments_that_are_allowed(start: Callable[..., Any]) -> None:
    """Exactly 7 days ago and exactly 10 seconds ago are in order; an empty window is not."""
    caller = start()
    edge = {"start_time": "2026-11-13T12:00:00Z", "end_time": "2026-11-20T11:59:50.000Z"}
    assert caller.recent("cat", **edge).status_code == 200
    same = {"start_time": "2026-11-19T12:00:00Z", "end_time": "2026-11-19T12:00:00Z"}
    assert caller.recent("cat", **same).status_code == 400


def test_full_archive_takes_more(start: Callable[..., Any], clock: Any) -> None:
    """Full archive takes 500 posts a page, 1024 characters and times since 2006, and no more."""
    caller = start()
    for params, status in (
        ({"query": "cat", "max_results": 500}, 200),
        ({"query": "cat", "max_results": 501}, 400),
        ({"query": "c" * 1024}, 200),
        ({"query": "c" * 1025}, 400),
        ({"query": "cat", "start_time": "2006-03-22T00:00:00Z", "end_time": "2006-04-01T00:00:00Z"}, 200),
        ({"query": "cat", "start_time": "2006-01-01T00:00:00Z"}, 400),
        ({"query": "cat", "since_id": "20"}, 200),
    ):
        clock.move(1)
        assert caller.get("/2/tweets/search/all", **params).status_code == status, params


def test_problem_types_follow_the_vocabulary(start: Callable[..., Any]) -> None:
    """A problem's type has one of two hosts; requests that speak of posts get the newer one."""
    caller = start()
    old, new = caller.recent(""), caller.recent("", post_fields="id")
    assert old.json()["type"] == "https://api.twitter.com/2/problems/invalid-request"
    assert new.json()["type"] == "https://api.x.com/2/problems/invalid-request"


NAMES = some.sampled_from([*SEARCH, *COUNTS, *TWEET, *POST, "unknown"])
VALUES = some.one_of(
    some.text(max_size=20),
    some.integers(-(10**20), 10**20).map(str),
    some.sampled_from(["cat", "id", "author_id,id", "2026-11-19T00:00:00Z", "2026-13-01T00:00:00Z", "day"]),
)


@given(some.sampled_from(sorted(ENDPOINTS)), some.dictionaries(NAMES, VALUES, max_size=6))
def test_any_parameters_are_read_or_refused(endpoint: str, params: dict[str, str]) -> None:
    """Whatever is sent, the request is in order or a 400 that names what is wrong."""
    try:
        read_ask(endpoint, {"query": "cat", **params}, 1_795_176_000_000)
        named = None
    except BadRequest as refusal:
        named = refusal.body["errors"]
    assert named is None or all(error["message"] and error["parameters"] for error in named)
