"""A person decides about a post of which nobody knows whether it exists; and takes posts back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
    TaskAwaitingInput,
)
from tests.publishing_in_memory import RUN, Publishing, texts

from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]
POST = {"account": "main", "post": RUN}


@pytest.fixture
def unknown(airflow: Publishing, start_simulator: Start, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """A post that was reset on its way, of which a person is being asked."""
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda ti_id, **question: None)
    simulator = start_simulator(rules=[Rule(endpoint="create_post", fault="reset_before", nth=1)])
    airflow.accounts("- account: main\n  distance_s: 0\n  visible_s: 0\n")
    airflow.publish(text="Hello")
    airflow.fails("create_post")
    airflow.runs["twitter_post__main", RUN]["state"] = "failed"
    with pytest.raises(TaskAwaitingInput):
        airflow.task("twitter_decide", "decide", POST)
    return simulator


def answer(option: str, link: str | None = None) -> dict[str, Any]:
    """What Airflow hands over when somebody has answered."""
    return {
        "chosen_options": [option],
        "params_input": {"link": link},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": "bob", "name": "bob"},
    }


@pytest.mark.parametrize("link", [None, "https://x.com/sim_publisher/status/123"])
def test_posted(airflow: Publishing, unknown: Simulator, link: str | None) -> None:
    """Posted, with or without the address: nothing is sent again, and the run in the queue tells Airflow of it."""
    airflow.task("twitter_decide", "decide", POST, event=answer("Posted", link))

    assert airflow.record().state is PostState.POSTED
    assert airflow.record().post_id == (link and "123")
    airflow.runs["twitter_post__main", RUN]["state"] = "running"
    with pytest.raises(AirflowRescheduleException):
        airflow.task("twitter_decide", "hand_over", POST)
    airflow.runs["twitter_post__main", RUN]["state"] = "failed"
    airflow.task("twitter_decide", "hand_over", POST)
    assert airflow.runs["twitter_post__main", RUN]["state"] == "queued"
    assert airflow.state("hand_over", dag_id="twitter_decide")["state"] == "posted"
    airflow.post()
    assert texts(unknown) == []
    (told,) = airflow.outlet_events.values()
    assert told.extra["post_id"] == (link and "123")
    airflow.runs["twitter_post__main", RUN]["state"] = "success"
    with pytest.raises(AirflowSkipException, match="Nothing goes into the queue"):
        airflow.task("twitter_decide", "hand_over", POST)


def test_not_posted(airflow: Publishing, unknown: Simulator) -> None:
    """Not posted: the same run of the queue goes on, and the post goes out once."""
    airflow.task("twitter_decide", "decide", POST, event=answer("Not posted"))
    airflow.task("twitter_decide", "hand_over", POST)

    assert airflow.runs["twitter_post__main", RUN]["state"] == "queued"
    airflow.post()
    assert texts(unknown) == ["Hello"]


def test_link_is_none(airflow: Publishing, unknown: Simulator) -> None:
    """What is no address of a post is refused, and can be given anew."""
    with pytest.raises(AirflowFailException, match="to be asked again"):
        airflow.task("twitter_decide", "decide", POST, event=answer("Posted", "https://example.org"))
    assert airflow.record().state is PostState.UNKNOWN


def test_settled_meanwhile(airflow: Publishing, unknown: Simulator) -> None:
    """A doubt that is gone, since the post appeared after all, is not asked about."""
    unknown.service.publishing.post_by_hand(text="Hello")
    airflow.post()
    with pytest.raises(AirflowSkipException, match="no doubt any more"):
        airflow.task("twitter_decide", "decide", POST)


def test_posted_by_hand(airflow: Publishing, start_simulator: Start) -> None:
    """Somebody who lost patience and posted by hand: the look before the request finds it, and nothing is sent."""
    simulator = start_simulator()
    airflow.publish(text="Hello & all")
    simulator.service.publishing.post_by_hand(text="Hello & all")

    assert airflow.post()

    assert texts(simulator) == ["Hello & all"]
    assert simulator.book.to("create_post") == []


def test_unpublish(airflow: Publishing, start_simulator: Start) -> None:
    """A post is deleted by its run, once; then the same content may be posted again."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    airflow.post()
    for _ in range(2):
        airflow.task("twitter_unpublish", "delete", POST, run_id="manual__9")

    assert texts(simulator) == []
    assert airflow.record().state is PostState.DELETED
    assert len(simulator.book.to("delete_post")) == 1
    assert airflow.state("delete", dag_id="twitter_unpublish", run_id="manual__9")["state"] == "deleted"
    airflow.publish(text="Hello", run_id="manual__2")


@pytest.mark.parametrize("post", [{"account": "main", "post": "nothing"}, {"account": "main", "post": None}])
def test_unpublish_nothing(airflow: Publishing, start_simulator: Start, post: dict[str, Any]) -> None:
    """A run that there is not, or that posted nothing, is named."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    with pytest.raises(AirflowFailException):
        airflow.task("twitter_unpublish", "delete", post)
    with pytest.raises(AirflowFailException, match="not known to be on X"):
        airflow.task("twitter_unpublish", "delete", POST)
    assert simulator.book.requests == []
