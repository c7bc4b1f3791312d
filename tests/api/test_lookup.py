"""Reading which posts X still shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_twitter.api.answers import Answer
from airflow_twitter.api.auth import BearerAuth
from airflow_twitter.api.client import XClient
from airflow_twitter.api.errors import NetworkError
from airflow_twitter.api.limits import RateLimit
from airflow_twitter.api.lookup import read_lookup
from airflow_twitter.simulator import Simulator, Topic, World

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def answer(content: Any) -> Answer:
    """An answer with this JSON."""
    return Answer(json.dumps(content).encode(), RateLimit(None, None, None, NOW), NOW, "r")


def problem(kind: str, **fields: Any) -> dict[str, Any]:
    """A partial error of this kind about post 2."""
    return {"type": f"https://api.x.com/2/problems/{kind}", "parameter": "ids", "resource_id": "2"} | fields


@pytest.mark.parametrize("vocabulary", ["tweet", "post"])
def test_posts_that_are_gone(vocabulary: str) -> None:
    """Posts that X shows come with their fields; the others with the reason, in either vocabulary."""
    with Simulator(world=World(topics={"tea": Topic(total=10)})) as x:
        ids = x.truth("tea")
        x.withdraw(ids[:1], "deleted")
        x.withdraw(ids[1:2], "protected")
        x.withdraw(ids[2:3], "withheld")
        with XClient(x.url, BearerAuth("key", "secret"), vocabulary=vocabulary) as client:
            found = client.lookup(ids)

    assert list(found.posts) == ids[2:]
    assert found.gone == {ids[0]: "deleted", ids[1]: "protected"}
    assert found.withheld == ids[2:3]
    assert found.posts[ids[3]]["created_at"]
    assert found.limit.remaining == 3499


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        (problem("resource-not-found"), {"2": "deleted"}),
        (problem("resource-not-found", resource_id=None, value="2"), {"2": "deleted"}),
        (problem("resource-unavailable"), {"2": "unavailable"}),
        (problem("operational-disconnect"), {}),
        (problem("resource-not-found", parameter="referenced_tweets.id"), {}),
        (problem("resource-not-found", resource_id=2), {}),
        (problem("resource-not-found", resource_id="1"), {}),
        ("no error", {}),
    ],
)
def test_only_what_x_says_is_gone_is(error: Any, gone: dict[str, str]) -> None:
    """A post is gone when X says so of the id that was asked for; never for a lack of an answer."""
    assert read_lookup(answer({"data": [{"id": "1", "text": "a"}], "errors": [error]})).gone == gone


@pytest.mark.parametrize("content", [{}, {"meta": {"result_count": 0}}, {"data": None}])
def test_an_answer_without_anything_is_not_whole(content: Any) -> None:
    """An answer with neither posts nor errors says nothing of any post, so it is trouble on the way."""
    with pytest.raises(NetworkError):
        read_lookup(answer(content))
