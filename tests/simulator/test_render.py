"""Both vocabularies, fields and includes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_twitter.simulator import Topic

MANY = {"busy": Topic(total=200)}
TWEET = {
    "tweet_fields": "author_id,created_at,public_metrics,referenced_tweets,attachments,entities",
    "expansions": "author_id,referenced_tweets.id,referenced_tweets.id.author_id,attachments.media_keys",
    "user_fields": "public_metrics,created_at",
    "media_fields": "url,variants,duration_ms",
}
POST = {
    "post_fields": "created_at,public_metrics,attachments,entities",
    "expansions": "author_id,referenced_posts,attachments.media_keys",
    "user_fields": "public_metrics,created_at",
    "media_fields": "url,variants,duration_ms",
}


def test_only_the_minimum_comes_unasked(start: Callable[..., Any]) -> None:
    """By default a post has id, text and its edit history."""
    for post in start().recent("accounting").json()["data"]:
        assert set(post) == {"id", "text", "edit_history_tweet_ids"}


def test_the_tweet_vocabulary(start: Callable[..., Any]) -> None:
    """Asked with tweet.fields, names speak of tweets, and author_id is a field."""
    page = start(MANY).recent("busy", max_results=100, **TWEET).json()
    assert set(page["includes"]) == {"users", "media", "tweets"}
    assert all("author_id" in post and "edit_history_tweet_ids" in post for post in page["data"])
    assert "retweet_count" in page["data"][0]["public_metrics"]
    assert "tweet_count" in page["includes"]["users"][0]["public_metrics"]
    assert any("referenced_tweets" in post for post in page["data"])
    assert not any("post" in name for post in page["data"] for name in post)
    (kind,) = {error["resource_type"] for error in page["errors"]}
    assert kind == "tweet"


def test_the_post_vocabulary(start: Callable[..., Any]) -> None:
    """Asked with post.fields, names speak of posts, and author_id comes by expansion only."""
    caller = start(MANY)
    page = caller.recent("busy", max_results=100, **POST).json()
    assert set(page["includes"]) == {"users", "media", "posts"}
    assert all("author_id" in post and "edit_history_post_ids" in post for post in page["data"])
    assert "repost_count" in page["data"][0]["public_metrics"]
    assert "post_count" in page["includes"]["users"][0]["public_metrics"]
    assert any("referenced_posts" in post for post in page["data"])
    assert not any("tweet" in name for post in page["data"] for name in post)
    plain = caller.recent("busy", post_fields="created_at").json()
    assert not any("author_id" in post for post in plain["data"])
    assert "includes" not in plain


def test_both_vocabularies_say_the_same(start: Callable[..., Any]) -> None:
    """The same posts come in both, under other names."""
    caller = start(MANY)
    one = caller.recent("busy", tweet_fields="public_metrics,created_at").json()["data"]
    other = caller.recent("busy", post_fields="public_metrics,created_at").json()["data"]
    for tweet, post in zip(one, other, strict=True):
        assert (tweet["id"], tweet["text"], tweet["created_at"]) == (
            post["id"],
            post["text"],
            post["created_at"],
        )
        assert tweet["edit_history_tweet_ids"] == post["edit_history_post_ids"]
        assert tweet["public_metrics"]["retweet_count"] == post["public_metrics"]["repost_count"]


def test_includes_hold_each_thing_once(start: Callable[..., Any]) -> None:
    """Authors, media and referenced posts are complete and without doubles; what is gone is an error."""
    page = start(MANY).recent("busy", max_results=100, **TWEET).json()
    users = [user["id"] for user in page["includes"]["users"]]
    assert len(users) == len(set(users))
    assert {post["author_id"] for post in page["data"] + page["includes"]["tweets"]} == set(users)
    keys = {key for post in page["data"] for key in post.get("attachments", {}).get("media_keys", ())}
    assert keys == {item["media_key"] for item in page["includes"]["media"]}
    assert {item["type"] for item in page["includes"]["media"]} == {"photo", "video"}
    referenced = {item["id"] for post in page["data"] for item in post.get("referenced_tweets", ())}
    found = {post["id"] for post in page["includes"]["tweets"]}
    gone = {error["resource_id"] for error in page["errors"]}
    assert found | gone == referenced
    assert found.isdisjoint(gone)
    assert gone
