"""Pages, windows and what can be wrong with a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_twitter.simulator import Rule, Topic

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def z(moment: datetime) -> str:
    """Write a time as X reads it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def recent_rule(fault: str, nth: int = 1, **params: Any) -> Rule:
    """Let the nth recent search go wrong."""
    return Rule(endpoint="search_recent", nth=nth, fault=fault, params=params)


@pytest.mark.parametrize("size", [10, 20, 30, 59, 60, 61, 100])
def test_pages_make_up_the_whole_newest_first(start: Callable[..., Any], size: int) -> None:
    """Whatever the page size, the pages are the truth, in its order, and only the last has no token."""
    caller = start()
    pages = caller.pages("accounting", max_results=size)
    ids = [post["id"] for page in pages for post in page["data"]]
    assert ids == caller.sim.truth("accounting")
    assert len(ids) == 60
    assert ids == sorted(ids, key=int, reverse=True)
    assert [len(page["data"]) for page in pages[:-1]] == [size] * (len(pages) - 1)
    for page in pages:
        found = [post["id"] for post in page["data"]]
        assert page["meta"]["newest_id"] == found[0]
        assert page["meta"]["oldest_id"] == found[-1]
        assert page["meta"]["result_count"] == len(found)


def test_nothing_found_is_an_answer_without_data(start: Callable[..., Any]) -> None:
    """A word outside the topics finds nothing, and then there is no `data` at all."""
    assert start().recent("ksedves").json() == {"meta": {"result_count": 0}}


def test_start_is_inclusive_and_end_exclusive(start: Callable[..., Any]) -> None:
    """Windows that meet at a post's very millisecond share it neither twice nor never."""
    caller = start()
    post = caller.recent("accounting", tweet_fields="created_at").json()["data"][5]
    caller_ids = caller.ids("accounting", start_time=post["created_at"], max_results=100)
    before = caller.ids("accounting", end_time=post["created_at"], max_results=100)
    assert caller_ids[-1] == post["id"]
    assert post["id"] not in before
    assert caller_ids + before == caller.sim.truth("accounting")


def test_since_and_until_are_exclusive(start: Callable[..., Any]) -> None:
    """since_id and until_id leave out the posts that they name."""
    caller = start()
    truth = caller.sim.truth("accounting")
    assert caller.ids("accounting", since_id=truth[20], max_results=100) == truth[:20]
    assert caller.ids("accounting", until_id=truth[20], max_results=100) == truth[21:]
    assert caller.ids("accounting", since_id=truth[20], until_id=truth[10], max_results=100) == truth[11:20]


def test_the_default_window_ends_30_seconds_ago(start: Callable[..., Any], clock: Any) -> None:
    """Without end_time the newest 30 seconds are left out, and they come later."""
    caller = start({"busy": Topic(per_day=86_400)})
    newest = caller.recent("busy", tweet_fields="created_at").json()["data"][0]
    assert newest["created_at"] < z(NOON - timedelta(seconds=30))
    late = caller.sim.truth("busy", since=NOON - timedelta(minutes=1))[0]
    clock.move(31)
    assert late in caller.ids("busy", since_id=newest["id"], max_results=100)


def test_full_archive_reaches_2006(start: Callable[..., Any]) -> None:
    """Full archive finds the oldest posts, with ids from before November 2010, in order."""
    caller = start()
    window = {"start_time": "2010-11-03T00:00:00Z", "end_time": "2010-11-06T00:00:00Z"}
    posts = caller.archive("daily", max_results=500, tweet_fields="created_at", **window).json()["data"]
    assert len(posts) == 120
    assert [int(post["id"]) for post in posts] == sorted((int(post["id"]) for post in posts), reverse=True)
    assert min(int(post["id"]) for post in posts) < 29_700_859_247 < max(int(post["id"]) for post in posts)
    assert all(window["start_time"] <= post["created_at"] < window["end_time"] for post in posts)
    assert "edit_history_tweet_ids" not in posts[0]


def test_full_archive_looks_back_30_days_by_default(start: Callable[..., Any], clock: Any) -> None:
    """Without start_time full-archive search covers the last 30 days."""
    caller = start()
    found = caller.archive("daily", max_results=500).json()
    clock.move(1)
    found2 = caller.archive("daily", max_results=500, next_token=found["meta"]["next_token"]).json()
    clock.move(1)
    found3 = caller.archive("daily", max_results=500, next_token=found2["meta"]["next_token"]).json()
    ids = [post["id"] for page in (found, found2, found3) for post in page["data"]]
    assert 1190 < len(ids) <= 1200
    assert ids == caller.sim.truth(
        "daily", since=NOON - timedelta(days=30), until=NOON - timedelta(seconds=30)
    )


def test_a_short_page_leads_to_the_rest(start: Callable[..., Any]) -> None:
    """A short page has a token, and nothing is lost."""
    caller = start(rules=[recent_rule("short_page", 2, keep=3)])
    pages = caller.pages("accounting", max_results=20)
    assert [page["meta"]["result_count"] for page in pages] == [20, 3, 20, 17]
    assert [post["id"] for page in pages for post in page["data"]] == caller.sim.truth("accounting")


def test_a_short_last_page_leads_to_an_empty_one(start: Callable[..., Any]) -> None:
    """A token may lead to nothing: an empty page without a token is the end."""
    caller = start(rules=[recent_rule("short_page", keep=10)])
    pages = caller.pages("sevdesk")
    assert [page["meta"]["result_count"] for page in pages] == [2, 0]
    assert pages[1] == {"meta": {"result_count": 0}}


def test_an_empty_page_with_a_token_is_not_the_end(start: Callable[..., Any]) -> None:
    """Empty pages lead on, each with a token of its own."""
    caller = start(rules=[Rule(endpoint="search_recent", nth=(1, 3), fault="empty_page")])
    pages = caller.pages("sevdesk")
    assert [page["meta"]["result_count"] for page in pages] == [0, 0, 0, 2]
    assert len({page["meta"].get("next_token") for page in pages}) == 4
    assert "data" not in pages[0]


def test_a_repeated_page_costs_twice_and_loses_nothing(start: Callable[..., Any]) -> None:
    """A repeated page shows the posts before again; then the walk goes on where it was."""
    caller = start(rules=[recent_rule("repeated_page", 2)])
    ids = caller.ids("accounting", max_results=20)
    truth = caller.sim.truth("accounting")
    assert ids == truth[:20] + truth[:20] + truth[20:]
    assert caller.sim.book.sold_twice == truth[:20]


def test_a_token_may_point_to_itself(start: Callable[..., Any]) -> None:
    """self_token answers with the token that was sent."""
    caller = start(rules=[recent_rule("self_token", 2)])
    token = caller.recent("accounting").json()["meta"]["next_token"]
    assert caller.recent("accounting", next_token=token).json()["meta"]["next_token"] == token


def test_posts_may_be_indexed_late(start: Callable[..., Any]) -> None:
    """Posts that are not indexed yet are found by the next request."""
    rules = [recent_rule("late_index", 1, hide=3), recent_rule("late_index", 2, lag_s=86_400)]
    caller = start(rules=rules)
    truth = caller.sim.truth("accounting")
    assert [post["id"] for post in caller.recent("accounting").json()["data"]] == truth[3:13]
    newest = caller.recent("accounting", tweet_fields="created_at").json()["data"][0]
    assert newest["created_at"] < z(NOON - timedelta(days=1))
    assert [post["id"] for post in caller.recent("accounting").json()["data"]] == truth[:10]


def test_likes_may_grow(start: Callable[..., Any]) -> None:
    """changed_metrics shows the same posts with more likes, for that answer only."""
    caller = start(rules=[recent_rule("changed_metrics", 2, likes=5)])
    pages = [caller.recent("sevdesk", tweet_fields="public_metrics").json()["data"] for _ in range(3)]
    likes = [[post["public_metrics"]["like_count"] for post in page] for page in pages]
    assert [count + 5 for count in likes[0]] == likes[1]
    assert likes[2] == likes[0]


def test_partial_errors_stand_beside_the_data(start: Callable[..., Any]) -> None:
    """A 200 may carry errors and data."""
    answer = start(rules=[recent_rule("partial_errors", count=2)]).recent("sevdesk").json()
    assert len(answer["data"]) == 2
    assert [error["title"] for error in answer["errors"]] == ["Not Found Error"] * 2
