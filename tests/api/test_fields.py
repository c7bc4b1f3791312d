"""The two vocabularies."""

from __future__ import annotations

import pytest

from airflow_twitter.api.errors import ConfigError
from airflow_twitter.api.fields import COUNT, read_either, request_fields


def test_tweet_vocabulary_asks_for_tweet_fields() -> None:
    """In the old words, authors' ids and references are fields, at no cost."""
    fields = request_fields("tweet")
    assert list(fields) == ["tweet.fields"]
    assert {"author_id", "referenced_tweets", "note_tweet"} <= set(fields["tweet.fields"].split(","))


def test_post_vocabulary_asks_for_post_fields() -> None:
    """In the new words, authors' ids and references are expansions and not asked for."""
    fields = request_fields("post")
    assert list(fields) == ["post.fields"]
    asked = set(fields["post.fields"].split(","))
    assert "note_post" in asked
    assert not asked & {"author_id", "referenced_posts", "referenced_tweets", "note_tweet"}


@pytest.mark.parametrize(
    ("vocabulary", "references"), [("tweet", "referenced_tweets.id"), ("post", "referenced_posts")]
)
def test_billed_objects_come_only_when_asked_for(vocabulary: str, references: str) -> None:
    """Authors, media and referenced posts are in the expansions, and only with expand."""
    assert "expansions" not in request_fields(vocabulary)
    fields = request_fields(vocabulary, expand=True)
    assert fields["expansions"].split(",") == ["author_id", "attachments.media_keys", references]
    assert "username" in fields["user.fields"].split(",")
    assert "media_key" in fields["media.fields"].split(",")


def test_no_field_is_asked_for_twice() -> None:
    """X refuses lists with repetitions."""
    for vocabulary in ("tweet", "post"):
        for names in request_fields(vocabulary, expand=True).values():
            assert len(names.split(",")) == len(set(names.split(",")))


def test_unknown_vocabulary_is_refused() -> None:
    """There are two vocabularies."""
    with pytest.raises(ConfigError, match='"tweet" and "post"'):
        request_fields("toot")


def test_answers_are_read_in_both_words() -> None:
    """Either name gives the value, and neither gives None."""
    assert read_either({"tweet_count": 3}, COUNT) == 3
    assert read_either({"post_count": 4}, COUNT) == 4
    assert read_either({}, COUNT) is None
