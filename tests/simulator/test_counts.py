"""Counts add up to what the searches find, and usage to what was sold."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RECENT = "/2/tweets/counts/recent"


@pytest.mark.parametrize(("granularity", "buckets"), [("day", 3), ("hour", 52), ("minute", 52 * 60)])
def test_counts_add_up(start: Callable[..., Any], granularity: str, buckets: int) -> None:
    """Buckets meet without gaps, cut off at the window's ends, and sum to what search finds."""
    caller = start()
    window = {"start_time": "2026-11-18T00:00:00Z", "end_time": "2026-11-20T04:00:00Z"}
    answer = caller.get(RECENT, query="daily", granularity=granularity, **window).json()
    truth = caller.sim.truth("daily", since=window["start_time"], until=window["end_time"])
    assert len(answer["data"]) == buckets
    assert answer["meta"] == {"total_tweet_count": len(truth)}
    assert sum(bucket["tweet_count"] for bucket in answer["data"]) == len(truth)
    assert all(one["end"] == other["start"] for one, other in itertools.pairwise(answer["data"]))
    assert (answer["data"][0]["start"], answer["data"][-1]["end"]) == (
        "2026-11-18T00:00:00.000Z",
        "2026-11-20T04:00:00.000Z",
    )


def test_counts_of_each_day_are_right(start: Callable[..., Any]) -> None:
    """A topic of 40 a day has 40 on each whole day."""
    answer = start().get(RECENT, query="daily", granularity="day", start_time="2026-11-15T06:00:00Z").json()
    assert [bucket["tweet_count"] for bucket in answer["data"][1:-1]] == [40] * 4
    assert answer["data"][0]["start"] == "2026-11-15T06:00:00.000Z"
    assert answer["data"][0]["end"] == "2026-11-16T00:00:00.000Z"


def test_counts_speak_of_posts_when_asked(start: Callable[..., Any]) -> None:
    """search_count.fields asks in the vocabulary of posts."""
    answer = start().get(RECENT, **{"query": "sevdesk", "search_count.fields": "post_count,start,end"}).json()
    assert answer["meta"] == {"total_post_count": 2}
    assert set(answer["data"][0]) == {"start", "end", "post_count"}


def test_archive_counts_come_in_pages(start: Callable[..., Any]) -> None:
    """Full-archive counts go back 31 days a page, newest page first."""
    caller = start()
    window = {"start_time": "2026-06-01T00:00:00Z", "end_time": "2026-11-01T00:00:00Z"}
    pages = caller.pages("daily", "/2/tweets/counts/all", granularity="day", **window)
    days = [bucket for page in reversed(pages) for bucket in page["data"]]
    assert len(pages) == 5
    assert len(days) == 153
    assert all(one["end"] == other["start"] for one, other in itertools.pairwise(days))
    assert {bucket["tweet_count"] for bucket in days} == {40}
    assert sum(page["meta"]["total_tweet_count"] for page in pages) == 153 * 40


def test_ids_far_in_the_future_count_till_now(start: Callable[..., Any]) -> None:
    """A window that ends in another age ends now, and one that begins there is empty."""
    caller = start()
    answer = caller.get(RECENT, query="daily", granularity="minute", until_id="9" * 19).json()
    assert len(answer["data"]) == 7 * 24 * 60
    assert caller.get(RECENT, query="daily", since_id="9" * 19).json() == {
        "data": [],
        "meta": {"total_tweet_count": 0},
    }


def test_counting_sells_no_posts(start: Callable[..., Any]) -> None:
    """Counts are in the book, with no ids."""
    caller = start()
    caller.get(RECENT, query="daily")
    (entry,) = caller.sim.book.to("counts_recent")
    assert (entry.status, entry.ids, entry.params) == (200, [], {"query": "daily"})


@pytest.mark.parametrize("params", [{"granularity": "week"}, {"max_results": 10}, {"query": ""}])
def test_bad_counts_are_refused(start: Callable[..., Any], params: dict[str, Any]) -> None:
    """Counts know three granularities and no pages of posts."""
    answer = start().get(RECENT, **{"query": "daily", **params})
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")


def test_usage_counts_included_posts(start: Callable[..., Any]) -> None:
    """A post that comes along with another is read like it, and counts once a day whichever way it comes."""
    caller = start()
    expansions = "author_id,referenced_tweets.id"
    page = caller.recent("accounting", max_results=100, expansions=expansions).json()
    posts = {post["id"] for post in (*page["data"], *page["includes"]["tweets"])}
    assert len(posts) > len(page["data"])
    assert caller.get("/2/usage/tweets").json()["data"]["project_usage"] == str(len(posts))


@pytest.mark.parametrize(("days_before", "usage"), [(5, "10"), (6, "0"), (30, "0")])
def test_usage_begins_at_the_reset(
    start: Callable[..., Any], clock: Any, days_before: int, usage: str
) -> None:
    """The project's usage is what it read since the 15th; the clock begins on the 20th."""
    caller = start()
    clock.move(-days_before * 86_400)
    caller.recent("daily", max_results=10)
    assert len(caller.sim.book.sold) == 10
    clock.move(days_before * 86_400)
    assert caller.get("/2/usage/tweets").json()["data"]["project_usage"] == usage


def test_usage_counts_a_post_once_a_day(start: Callable[..., Any], clock: Any) -> None:
    """The same post within one UTC day counts once, and on the next day again."""
    caller = start()
    for _ in range(3):
        caller.recent("sevdesk")
    clock.move(timedelta(hours=13).total_seconds())
    caller.recent("sevdesk")
    usage = caller.get("/2/usage/tweets").json()["data"]
    assert usage == {
        "cap_reset_day": 15,
        "project_cap": "3000000",
        "project_id": "1000000000000000001",
        "project_usage": "4",
    }
    daily = caller.get("/2/usage/tweets", days=2, usage_fields="daily_project_usage").json()["data"]
    assert [day["usage"] for day in daily["daily_project_usage"]["usage"]] == ["2", "2"]
    assert caller.get("/2/usage/tweets", days=91).status_code == 400
