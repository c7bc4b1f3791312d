"""A post of text alone, from the form to the timeline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.publishing_in_memory import RUN, Publishing, form, texts

from airflow_twitter.accounts.holding import Hold, held, hold
from airflow_twitter.accounts.queue import cancel_unprepared
from airflow_twitter.api.errors import NetworkError
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.operators.upload_media import MEDIA_LIMIT
from airflow_twitter.publishing.decisions import cancel, mark_posted
from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]
QUEUE = ("twitter_post__main", RUN)


def test_end_to_end(airflow: Publishing, start_simulator: Start) -> None:
    """What the form asks for is posted once, and Airflow is told of it with the post's address."""
    simulator = start_simulator()

    prepared = airflow.prepare(text="Hello <world> & all")
    assert simulator.book.requests == []
    airflow.task("twitter_publish", "hand_over", {})
    url = airflow.post()

    assert texts(simulator) == ["Hello <world> & all"]
    assert url == f"https://x.com/i/status/{simulator.posts[0].id}"
    assert prepared["price"] == 0.015
    assert airflow.runs[QUEUE]["conf"] == {"post": RUN}
    assert airflow.runs[QUEUE]["note"] == "**SIMULATED**\n```\nHello <world> & all\n```"
    assert airflow.state("record") == {
        "success": True,
        "state": "posted",
        "error_type": None,
        "error": None,
        "retry_after": None,
        "will_retry": False,
        "progress": None,
        "video_url": None,
        "post_url": url,
        "simulated": True,
    }
    (event,) = airflow.outlet_events.values()
    assert (event.extra["post_url"], event.extra["account"]) == (url, "main")


def test_link_is_priced(airflow: Publishing, start_simulator: Start) -> None:
    """A link makes the post dearer, which is said before it is sent; the simulator charges just that."""
    simulator = start_simulator()

    prepared = airflow.prepare(text="See https://example.com/a")
    airflow.task("twitter_publish", "hand_over", {})
    airflow.post()

    assert prepared["price"] == 0.2
    assert "costs $0.200 in place of $0.015" in " ".join(prepared["warnings"])
    # What is above the price are looks at the account, before the post is sent.
    assert simulator.book.dollars == pytest.approx(0.2, abs=0.005)


def test_every_task_again(airflow: Publishing, start_simulator: Start) -> None:
    """Whichever tasks are cleared and run again, there is one post."""
    simulator = start_simulator()
    for _ in range(2):
        airflow.publish(text="Hello")
    first = airflow.post()
    airflow.runs[QUEUE]["state"] = "success"
    with pytest.raises(AirflowSkipException, match="The post is published"):
        airflow.publish(text="Hello")

    assert airflow.post() == first
    assert texts(simulator) == ["Hello"]
    assert len(simulator.book.to("create_post")) == 1


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        ({"text": "a" * 281}, "Length: the text counts 281 characters"),
        ({"text": "$AB and $CD"}, "Cashtags"),
        ({"text": "a", "account": "nobody"}, "no account 'nobody'"),
        ({"text": "a", "expires_at": "2020-01-01T00:00:00Z"}, "has passed"),
        ({"text": ""}, "needs a text"),
    ],
)
def test_refused(airflow: Publishing, start_simulator: Start, post: dict[str, Any], reason: str) -> None:
    """What X would refuse ends the run at once, saying what is wrong; X is asked nothing."""
    simulator = start_simulator()
    with pytest.raises(AirflowFailException, match=reason):
        airflow.prepare(**post)
    assert simulator.book.requests == []


def test_dry_run(airflow: Publishing, start_simulator: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run asks X nothing, queues nothing, says what it would have done, and does not block the real run."""
    simulator = start_simulator()

    prepared = airflow.prepare(text="Hello", dry_run=True)
    with pytest.raises(AirflowSkipException, match="dry run"):
        airflow.task("twitter_publish", "hand_over", {})

    assert prepared["price"] == 0.015
    assert "DRY RUN: it would go into the queue of main" in capsys.readouterr().out
    assert airflow.state("prepare", dag_id="twitter_publish")["state"] == "dry_run"
    assert simulator.book.requests == []
    assert airflow.runs == {}
    airflow.publish(text="Hello", run_id="manual__2")
    assert ("twitter_post__main", "manual__2") in airflow.runs


def test_same_content_again(airflow: Publishing, start_simulator: Start) -> None:
    """A second run with the same content stops and names the first, unless duplicates are allowed."""
    start_simulator()
    airflow.publish(text="Hello")

    with pytest.raises(AirflowFailException, match=RUN):
        airflow.prepare(text="Hello", run_id="manual__2")
    state = airflow.state("prepare", dag_id="twitter_publish", run_id="manual__2")
    assert (state["error_type"], state["will_retry"]) == ("duplicate", False)

    airflow.publish(text="Hello", run_id="manual__3", allow_duplicate=True)
    assert ("twitter_post__main", "manual__3") in airflow.runs


def test_publish_at(airflow: Publishing, start_simulator: Start) -> None:
    """The queue's run is held until the moment that the post asks for; else it goes by when it was asked for."""
    start_simulator()
    asked_at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    later = datetime(2126, 12, 1, 13, 30, tzinfo=UTC)
    for run_id, post in (("manual__1", {"publish_at": later.isoformat()}), ("manual__2", {})):
        airflow.task(
            "twitter_publish", "prepare", form(text=run_id, **post), run_id=run_id, run_after=asked_at
        )
        airflow.task("twitter_publish", "hand_over", {}, run_id=run_id)

    assert airflow.runs["twitter_post__main", "manual__1"]["run_after"] == later
    assert airflow.runs["twitter_post__main", "manual__2"]["run_after"] == asked_at


def test_expired_before_it_is_checked(airflow: Publishing, start_simulator: Start) -> None:
    """A post whose time is over before its check is expired for programs too; it never gets a record."""
    start_simulator()
    with pytest.raises(AirflowFailException, match="has passed"):
        airflow.prepare(text="Late", expires_at="2020-01-01T00:00:00Z")
    state = airflow.state("prepare", dag_id="twitter_publish")
    assert (state["state"], state["error_type"], state["will_retry"]) == ("expired", "expired", False)
    assert airflow.records.all("main") == []


def test_expired_in_queue(airflow: Publishing, start_simulator: Start) -> None:
    """A post whose time is over is not sent, whatever it waited for."""
    simulator = start_simulator()
    airflow.publish(text="Hello", expires_at=(datetime.now(UTC) + timedelta(seconds=30)).isoformat())
    with airflow.records.change("main", RUN) as record:
        record.details["expires_at"] = "2020-01-01T00:00:00Z"

    assert "was not sent" in airflow.fails("wait_for_rate_limit")

    assert airflow.record().state is PostState.EXPIRED
    assert airflow.state("wait_for_rate_limit")["error_type"] == "expired"
    assert simulator.book.requests == []


def test_cancelled(airflow: Publishing, start_simulator: Start) -> None:
    """A post that somebody cancels is skipped, and the run is not red."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    cancel(airflow.records, "main", RUN, by="bob")

    assert "cancelled" in airflow.skips("wait_for_rate_limit")

    assert airflow.state("wait_for_rate_limit")["state"] == "cancelled"
    assert simulator.book.requests == []


def test_cancelled_unprepared(airflow: Publishing, start_simulator: Start) -> None:
    """A post that was cancelled before anything was checked is skipped, cleared or not, and never queued."""
    start_simulator()
    cancel_unprepared(airflow.records, "main", RUN, "Never mind", by="bob")
    for _ in range(2):
        with pytest.raises(AirflowSkipException, match="cancelled"):
            airflow.prepare(text="Never mind")
        with pytest.raises(AirflowSkipException, match="not prepared"):
            airflow.task("twitter_publish", "hand_over", form(text="Never mind"))
    assert airflow.record().state is PostState.CANCELLED
    assert airflow.runs == {}


def test_cancelled_while_it_is_checked(airflow: Publishing, start_simulator: Start) -> None:
    """A cancellation since its run began holds when Airflow tries the check again; a run cleared later takes it up."""
    start_simulator()
    began = datetime.now(UTC)
    airflow.prepare(text="Hello")
    cancel(airflow.records, "main", RUN, by="bob")
    with pytest.raises(AirflowSkipException, match="cancelled"):
        airflow.prepare(text="Hello", began=began)
    assert airflow.record().state is PostState.CANCELLED

    airflow.prepare(text="Hello", began=datetime.now(UTC))
    assert airflow.record().state is PostState.PREPARING


def test_cancelled_for_the_second_time(airflow: Publishing, start_simulator: Start) -> None:
    """Whoever cancels a post that was taken up again, in the words of the first time, is heeded too."""
    start_simulator()
    airflow.prepare(text="Hello")
    cancel(airflow.records, "main", RUN, by="bob")
    began = datetime.now(UTC)
    cancel(airflow.records, "main", RUN, by="bob")

    with pytest.raises(AirflowSkipException, match="cancelled"):
        airflow.prepare(text="Hello", began=began)


def test_cancelled_as_it_begins_to_wait(airflow: Publishing, start_simulator: Start) -> None:
    """A post that is cancelled while X says no does not begin to wait."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    simulator.add_rules([Rule(endpoint="create_post", fault="rate_limited")])
    refused = SharedLimit.refused

    def cancel_meanwhile(limit: SharedLimit, *refusal: Any) -> datetime:
        cancel(airflow.records, "main", RUN, by="bob")
        return refused(limit, *refusal)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedLimit, "refused", cancel_meanwhile)
        assert "cancelled" in airflow.skips("create_post")
    assert airflow.state("create_post")["state"] == "cancelled"
    assert texts(simulator) == []


def test_damaged_record(airflow: Publishing, start_simulator: Start) -> None:
    """A post whose record cannot be read ends its run at once, so that the queue goes on, and says how to mend it."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    airflow.store.put(f"published/main/{RUN}.json", b"{")
    assert "mend or remove the file" in airflow.fails("wait_for_rate_limit")
    state = airflow.state("wait_for_rate_limit")
    assert (state["error_type"], state["will_retry"]) == ("record", False)
    assert simulator.book.requests == []


def test_no_video_no_upload_limit(airflow: Publishing, start_simulator: Start) -> None:
    """A post without a video does not wait for the limit of uploads."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    until = datetime.now(UTC) + timedelta(hours=1)
    blocked = {"blocked_until": until.isoformat(), "refusals": 1}
    airflow.limits.set(f"twitter_default.{MEDIA_LIMIT}", blocked)
    assert airflow.post()
    assert texts(simulator) == ["Hello"]


def test_marked_as_posted(airflow: Publishing, start_simulator: Start) -> None:
    """A post that is said to be out waits for nothing, whatever holds the account; X is asked and paid nothing."""
    simulator = start_simulator()
    soon = datetime.now(UTC) + timedelta(seconds=1)
    airflow.publish(text="By hand", expires_at=soon.isoformat())
    until = (soon + timedelta(hours=1)).isoformat()
    airflow.limits.set("twitter_default.create_post", {"blocked_until": until, "refusals": 1})
    hold(airflow.store, "main", Hold(soon, "credits", "No credits are left.", "another"))
    mark_posted(airflow.records, "main", RUN, "https://x.com/name/status/1234567890123456789", by="ann")
    with airflow.records.change("main", RUN) as record:
        record.details["expires_at"] = "2026-01-01T00:00:00Z"

    assert airflow.post() == "https://x.com/i/status/1234567890123456789"
    assert airflow.state("record")["success"] is True
    assert simulator.book.requests == []
    assert [*airflow.store.list("ledger")] == []


def test_run_without_post(airflow: Publishing, start_simulator: Start) -> None:
    """A run of the queue that was triggered by hand says where posts come from."""
    start_simulator()
    with pytest.raises(AirflowFailException, match="trigger that one"):
        airflow.task("twitter_post__main", "wait_for_rate_limit", {"post": None})


def test_distance(airflow: Publishing, start_simulator: Start) -> None:
    """The next post waits for the distance to the last, without a slot, and says until when."""
    start_simulator()
    airflow.accounts("- account: main\n  distance_s: 100\n")
    airflow.publish(text="One")
    airflow.publish(text="Two", run_id="manual__2")
    airflow.post()

    waits = airflow.step("wait_for_rate_limit", run_id="manual__2")

    assert 90 < (waits - datetime.now(UTC)).total_seconds() <= 100
    state = airflow.state("wait_for_rate_limit", run_id="manual__2")
    assert (state["will_retry"], state["error_type"]) == (True, None)
    assert 90 < state["retry_after"] <= 100


def test_rate_limit(airflow: Publishing, start_simulator: Start) -> None:
    """A used-up window is waited for until its reset; the next post knows of it before it sends anything."""
    simulator = start_simulator(limits={"create_post": 1}, window_s=60.0)
    airflow.publish(text="One")
    airflow.publish(text="Two", run_id="manual__2")
    airflow.post()

    waits = airflow.step("wait_for_rate_limit", run_id="manual__2")

    state = airflow.state("wait_for_rate_limit", run_id="manual__2")
    assert (state["state"], state["error_type"], state["will_retry"]) == ("waiting", "rate_limit", True)
    assert 0 < state["retry_after"] <= 61
    assert waits > datetime.now(UTC)
    assert len(simulator.book.to("create_post")) == 1


def test_refused_by_limit(airflow: Publishing, start_simulator: Start) -> None:
    """A 429 on creating the post is no failure: the post waits, and then goes out once."""
    simulator = start_simulator(
        rules=[Rule(endpoint="create_post", fault="rate_limited", nth=1, params={"reset": 20})]
    )
    airflow.publish(text="Hello")
    for task_id in ("wait_for_rate_limit", "upload", "wait_for_processing"):
        airflow.step(task_id)

    waits = airflow.step("create_post")

    assert 10 <= (waits - datetime.now(UTC)).total_seconds() <= 21
    assert airflow.state("create_post")["error_type"] == "rate_limit"
    airflow.limits.values.clear()
    airflow.post()
    assert texts(simulator) == ["Hello"]


@pytest.mark.parametrize(
    ("fault", "error_type"),
    [
        ("credits", "credits"),
        ("usage_cap", "usage_cap"),
        ("bad_credentials", "auth"),
        ("not_enrolled", "auth"),
    ],
)
def test_account_is_held(airflow: Publishing, start_simulator: Start, fault: str, error_type: str) -> None:
    """What every post would fail at holds the account: no post fails, all wait, and go on once it is released."""
    simulator = start_simulator(rules=[Rule(endpoint="create_post", fault=fault, nth=1)])
    airflow.publish(text="One")
    airflow.publish(text="Two", run_id="manual__2")
    airflow.step("wait_for_rate_limit")

    first = airflow.step("create_post")
    second = airflow.step("wait_for_rate_limit", run_id="manual__2")

    assert isinstance(first, datetime)
    assert isinstance(second, datetime)
    why = held(airflow.store, "main")
    assert why is not None
    assert (why.error_type, why.run_id) == (error_type, RUN)
    for task_id, run_id in (("create_post", RUN), ("wait_for_rate_limit", "manual__2")):
        state = airflow.state(task_id, run_id=run_id)
        assert (state["state"], state["error_type"]) == ("held", error_type)
    assert len(simulator.book.to("create_post")) == 1

    airflow.release()
    assert airflow.post()
    assert airflow.post(run_id="manual__2")
    assert texts(simulator) == ["One", "Two"]


def test_release(airflow: Publishing, start_simulator: Start) -> None:
    """An account is released by a run of twitter_release, which tells what it was held for."""
    start_simulator(rules=[Rule(endpoint="create_post", fault="credits", nth=1)])
    airflow.publish(text="Hello")
    airflow.step("create_post")

    told = airflow.task("twitter_release", "release", {"account": "main"})

    assert "credits" in told.lower()
    assert held(airflow.store, "main") is None
    with pytest.raises(AirflowSkipException, match="not held"):
        airflow.task("twitter_release", "release", {"account": "main"})
    with pytest.raises(AirflowFailException, match="no account 'nobody'"):
        airflow.task("twitter_release", "release", {"account": "nobody"})


def test_missing_connection(airflow: Publishing, start_simulator: Start) -> None:
    """A connection that is not there is found before the post goes into the queue."""
    start_simulator()
    airflow.accounts("- account: main\n  connection: twitter_nowhere\n")
    with pytest.raises(AirflowFailException, match="no connection twitter_nowhere"):
        airflow.prepare(text="Hello")


def test_held_by_hand(airflow: Publishing, start_simulator: Start) -> None:
    """An account that is held before the run begins asks X nothing."""
    simulator = start_simulator()
    airflow.publish(text="One")
    airflow.store.put("accounts/main/held.json", b"{")

    assert isinstance(airflow.step("wait_for_rate_limit"), datetime)
    assert simulator.book.requests == []
    assert isinstance(held(airflow.store, "main"), Hold)


def test_lost_answer(airflow: Publishing, start_simulator: Start) -> None:
    """After a lost answer the timeline tells that the post is there: it is not sent again."""
    simulator = start_simulator(rules=[Rule(endpoint="create_post", fault="lost_answer", nth=1)])
    airflow.publish(text="Hello")

    assert airflow.post()

    assert texts(simulator) == ["Hello"]
    assert airflow.record().found


def test_timeline_is_late(airflow: Publishing, start_simulator: Start) -> None:
    """A timeline that shows the post only after a while is looked at again, without a slot, and nothing is sent."""
    late = Rule(endpoint="timeline", fault="late_index", nth=(1, 3), params={"lag_s": 60.0})
    simulator = start_simulator(rules=[Rule(endpoint="create_post", fault="lost_answer", nth=1), late])
    airflow.publish(text="Hello")

    for _ in range(2):
        assert isinstance(airflow.step("create_post"), datetime)
        assert airflow.state("create_post")["state"] == "posting"

    assert airflow.post()
    assert texts(simulator) == ["Hello"]
    assert len(simulator.book.to("create_post")) == 1


@pytest.mark.parametrize("daily", ["app", "user"])
def test_daily_limit(airflow: Publishing, start_simulator: Start, daily: str) -> None:
    """A used-up day is waited for until it is over, which is said."""
    start_simulator(rules=[Rule(endpoint="create_post", fault="rate_limited", params={"daily": daily})])
    airflow.publish(text="Hello")

    waits = airflow.step("create_post")

    assert waits - datetime.now(UTC) > timedelta(minutes=20)
    state = airflow.state("create_post")
    assert (state["error_type"], state["will_retry"]) == ("rate_limit", True)
    assert state["retry_after"] > 1200


def test_never_arrived(airflow: Publishing, start_simulator: Start) -> None:
    """A request that was reset before X had it ends unknown, since nobody can know; a person decides."""
    simulator = start_simulator(rules=[Rule(endpoint="create_post", fault="reset_before", nth=1)])
    airflow.accounts("- account: main\n  distance_s: 0\n  visible_s: 0\n")
    airflow.publish(text="Hello")

    said = airflow.fails("create_post")

    assert "Look at the account" in said
    assert (airflow.state("create_post")["state"], texts(simulator)) == ("unknown", [])
    airflow.step("ask_a_person")
    (asked,) = [run for dag_id, run in airflow.runs.items() if dag_id[0] == "twitter_decide"]
    assert asked["conf"] == {"account": "main", "post": RUN}
    assert "asked already" in airflow.skips("ask_a_person")


def test_network_trouble(airflow: Publishing, start_simulator: Start, impatient: None) -> None:
    """X that cannot be reached is a connection problem, tried again by Airflow, and at last a failure that says so."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    simulator.stop()

    with pytest.raises(NetworkError):
        airflow.step("create_post")
    state = airflow.state("create_post")
    assert (state["state"], state["error_type"], state["will_retry"]) == ("waiting", "connection", True)

    with pytest.raises(AirflowFailException):
        airflow.step("create_post", try_number=6)
    state = airflow.state("create_post")
    assert (state["state"], state["error_type"], state["will_retry"]) == ("failed", "connection", False)


def test_limit_of_the_timeline(airflow: Publishing, start_simulator: Start) -> None:
    """A limit of looking at the timeline is waited for, and is not taken for the limit of creating posts."""
    simulator = start_simulator(rules=[Rule(endpoint="timeline", fault="rate_limited", nth=1)])
    airflow.publish(text="Hello")
    airflow.publish(text="Another", run_id="manual__2")
    airflow.step("wait_for_rate_limit")
    assert isinstance(airflow.step("create_post"), datetime)

    assert not isinstance(airflow.step("wait_for_rate_limit", run_id="manual__2"), datetime)
    assert not isinstance(airflow.step("create_post", run_id="manual__2"), datetime)
    assert texts(simulator) == ["Another"]
    assert {key.rpartition(".")[2] for key in airflow.limits.values} == {"create_post", "timeline"}


@pytest.mark.parametrize("how", ["failed", "success", "removed"])
def test_content_of_a_run_that_was_ended_by_hand(
    airflow: Publishing, start_simulator: Start, how: str
) -> None:
    """Whoever ends a run of the queue in Airflow does not keep its content back for good."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    with pytest.raises(AirflowFailException, match="cancel it"):
        airflow.publish(text="Hello", run_id="manual__2")
    if how == "removed":
        del airflow.runs["twitter_post__main", RUN]
    else:
        airflow.runs["twitter_post__main", RUN]["state"] = how

    airflow.publish(text="Hello", run_id="manual__2")

    assert airflow.record().state is PostState.FAILED
    assert airflow.post(run_id="manual__2")
    assert texts(simulator) == ["Hello"]


def test_content_in_doubt_of_a_run_that_was_ended_by_hand(
    airflow: Publishing, start_simulator: Start
) -> None:
    """What may be on X keeps its content, whatever became of its run, and the message says who can tell."""
    start_simulator()
    airflow.publish(text="Hello")
    with airflow.records.change("main", RUN) as record:
        record.intent.sent_at = datetime.now(UTC)
    airflow.runs["twitter_post__main", RUN]["state"] = "failed"
    with pytest.raises(AirflowFailException, match="twitter_decide"):
        airflow.publish(text="Hello", run_id="manual__2")
