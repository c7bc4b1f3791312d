"""Other people's clients page through the simulator: X's own `xdk`, and tweepy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pytest
import tweepy
import xdk
from tests.simulator.elsewhere import Elsewhere

from airflow_twitter.simulator import Rule, Topic

# Pages of 20, 20, 0 with a token, 20.
EMPTY_THIRD = [Rule(endpoint="search_recent", nth=3, fault="empty_page")]


@pytest.fixture
def caller(start: Callable[..., Any]) -> Any:
    """A simulator of 60 posts whose third page is empty."""
    return start({"accounting": Topic(total=60)}, rules=EMPTY_THIRD)


@pytest.fixture
def twitter(caller: Any) -> Iterator[tweepy.Client]:
    """tweepy, unchanged but for its adapter."""
    client = tweepy.Client(bearer_token=caller.sim.bearer_token)
    client.session.mount("https://api.twitter.com", Elsewhere(caller.sim.url))
    yield client
    client.session.close()


def test_xdk_pages_through(caller: Any) -> None:
    """X's own client reads three pages and an empty one with a token, posts and authors included."""
    client = xdk.Client(base_url=caller.sim.url, bearer_token=caller.sim.bearer_token)
    pages = list(
        client.posts.search_recent(
            query="accounting",
            max_results=20,
            post_fields=["created_at", "public_metrics", "lang"],
            expansions=["author_id"],
            user_fields=["username"],
        )
    )
    client.session.close()
    found = [[post["id"] for post in page.model_dump().get("data") or []] for page in pages]
    assert [len(ids) for ids in found] == [20, 20, 0, 20]
    assert list(chain.from_iterable(found)) == caller.sim.truth("accounting")
    first = pages[0].model_dump()
    assert {post["author_id"] for post in first["data"]} == {
        user["id"] for user in first["includes"]["users"]
    }
    assert caller.sim.book.sold_twice == []


def test_xdk_counts_and_reads_usage(caller: Any) -> None:
    """X's own client reads counts and usage."""
    client = xdk.Client(base_url=caller.sim.url, bearer_token=caller.sim.bearer_token)
    counts = client.posts.get_counts_recent(
        query="accounting", granularity="day", search_count_fields="end,post_count,start"
    )
    total = [page.model_dump()["meta"]["total_post_count"] for page in counts]
    usage = client.usage.get().model_dump()["data"]
    client.session.close()
    assert total == [60]
    assert usage["project_usage"] == "0"


def test_tweepy_pages_through(caller: Any, twitter: tweepy.Client) -> None:
    """tweepy's paginator reads the same pages."""
    pages = list(
        tweepy.Paginator(
            twitter.search_recent_tweets,
            "accounting",
            max_results=20,
            tweet_fields=["created_at", "author_id", "public_metrics", "referenced_tweets"],
            expansions=["author_id", "referenced_tweets.id"],
            user_fields=["username", "public_metrics"],
        )
    )
    found = [[str(post.id) for post in page.data or []] for page in pages]
    assert [len(ids) for ids in found] == [20, 20, 0, 20]
    assert list(chain.from_iterable(found)) == caller.sim.truth("accounting")
    post = pages[0].data[0]
    assert post.created_at.tzinfo is not None
    assert post.public_metrics["retweet_count"] >= 0
    assert post.author_id in {user.id for user in pages[0].includes["users"]}
    assert caller.sim.book.sold_twice == []


def test_tweepy_understands_refusals(caller: Any, twitter: tweepy.Client) -> None:
    """tweepy reads X's messages and resets from the simulator's refusals."""
    with pytest.raises(tweepy.BadRequest) as bad:
        twitter.search_recent_tweets("lang:en")
    assert bad.value.api_messages[0].startswith("There were errors processing your request")
    caller.sim.add_rules([Rule(endpoint="search_recent", nth=1, fault="rate_limited", params={"reset": 7})])
    with pytest.raises(tweepy.TooManyRequests) as limited:
        twitter.search_recent_tweets("accounting")
    assert limited.value.reset_time == 1_795_176_007
    counts = twitter.get_recent_tweets_count("accounting", granularity="day")
    assert counts.meta["total_tweet_count"] == 60


def test_tweepy_reads_the_full_archive(caller: Any, twitter: tweepy.Client) -> None:
    """tweepy finds the same in the full archive."""
    found = twitter.search_all_tweets("accounting", max_results=100)
    assert [str(post.id) for post in found.data] == caller.sim.truth("accounting")
