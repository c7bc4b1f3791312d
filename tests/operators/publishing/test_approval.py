"""A person looks at a post before it goes out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DownstreamTasksSkipped
from tests.approving import answer, approve, wait
from tests.publishing_in_memory import AUTHOR, RUN, Publishing, texts

from airflow_twitter.accounts.showing import fenced
from airflow_twitter.publishing.decisions import cancel
from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Simulator

Start = Callable[..., Simulator]


@pytest.mark.parametrize("post", [{}, {"approval": True, "dry_run": True}])
def test_nobody_is_asked(airflow: Publishing, start_simulator: Start, post: dict[str, Any]) -> None:
    """Without the wish for it, and in a dry run, nobody has to approve a post."""
    start_simulator()
    airflow.prepare(text="Hello", **post)
    with pytest.raises(AirflowSkipException, match="Nobody has to approve"):
        approve(airflow)


def test_approved(airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]) -> None:
    """Whoever approves sees text, price and warnings; the post then goes into the queue and out."""
    simulator = start_simulator()
    airflow.prepare(text="See https://example.com/`a`", approval=True)

    waiting = wait(airflow)

    assert timedelta(hours=23) < waiting.timeout <= timedelta(days=1)
    (question,) = asked
    assert question["options"] == ["Approve", "Reject"]
    assert fenced("See https://example.com/`a`") in question["body"]
    for shown in ("**main**", AUTHOR, "costs $0.200", "SIMULATED"):
        assert shown in question["body"]
    assert question["params"]["text"]["value"] == "See https://example.com/`a`"
    assert airflow.state("approve", dag_id="twitter_publish")["state"] == "awaiting_approval"

    approve(airflow, answer("Approve"))
    airflow.task("twitter_publish", "hand_over", {})
    airflow.post()
    assert texts(simulator) == ["See https://example.com/`a`"]
    assert [event.by for event in airflow.record().history if event.by] == ["bob"]


def test_rejected(airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]) -> None:
    """A rejection skips the rest, and the state says who said no; the same post can be asked for again."""
    start_simulator()
    airflow.prepare(text="Hello", approval=True)
    wait(airflow)

    with pytest.raises(DownstreamTasksSkipped):
        approve(airflow, answer("Reject"))

    state = airflow.state("approve", dag_id="twitter_publish")
    assert (state["state"], state["error_type"], state["will_retry"]) == (
        "rejected",
        "rejected_by_approver",
        False,
    )
    assert "bob did not approve" in state["error"]
    with pytest.raises(AirflowSkipException):
        airflow.task("twitter_publish", "hand_over", {})
    airflow.publish(text="Hello", run_id="manual__2")


def test_author_does_not_approve(
    airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]
) -> None:
    """The author's own approval does not count: the question stands; the author may still withdraw the post."""
    start_simulator()
    airflow.prepare(text="Hello", approval=True)
    wait(airflow)

    wait(airflow, answer("Approve", by=AUTHOR))

    assert len(asked) == 2
    assert airflow.record().state is PostState.AWAITING_APPROVAL
    with pytest.raises(DownstreamTasksSkipped):
        approve(airflow, answer("Reject", by=AUTHOR))


def test_author_may_approve(airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]) -> None:
    """Where the account allows it, the author's approval counts."""
    start_simulator()
    airflow.accounts("- account: main\n  approval: always\n  author_may_approve: true\n")
    airflow.prepare(text="Hello")
    wait(airflow)
    approve(airflow, answer("Approve", by=AUTHOR))
    airflow.task("twitter_publish", "hand_over", {})
    assert ("twitter_post__main", RUN) in airflow.runs


def test_approvers(airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]) -> None:
    """Only those whom the account names are asked, and of them not the author."""
    start_simulator()
    airflow.accounts(f"- account: main\n  approvers: [bob, {AUTHOR}, eve]\n")
    airflow.prepare(text="Hello", approval=True)
    wait(airflow)
    assert [user["id"] for user in asked[0]["assigned_users"]] == ["bob", "eve"]


def test_nobody_could_approve(airflow: Publishing, start_simulator: Start) -> None:
    """When the author is the only approver, the run says so at once."""
    start_simulator()
    airflow.accounts(f"- account: main\n  approvers: [{AUTHOR}]\n")
    with pytest.raises(AirflowFailException, match="nobody else may approve"):
        airflow.prepare(text="Hello", approval=True)


def test_edited(airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]) -> None:
    """The text as it was approved goes out, with its own price; one that is too long is asked for again."""
    simulator = start_simulator()
    airflow.prepare(text="Hello", approval=True)
    wait(airflow)

    wait(airflow, answer("Approve", text="a" * 281))
    state = airflow.state("approve", dag_id="twitter_publish")
    assert (state["state"], state["error_type"]) == ("awaiting_approval", "text_rejected")

    wait(airflow, answer("Approve", text=5))
    approve(airflow, answer("Approve", text="Hello https://example.com"))
    assert airflow.record().details["price"] == 0.2
    airflow.task("twitter_publish", "hand_over", {})
    airflow.post()
    assert texts(simulator) == ["Hello https://example.com"]


def test_asked_again(airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]) -> None:
    """A run that is cleared after its approval asks again; its post leaves the queue meanwhile, and a no counts."""
    simulator = start_simulator()
    airflow.prepare(text="Hello", approval=True)
    wait(airflow)
    approve(airflow, answer("Approve"))
    airflow.task("twitter_publish", "hand_over", {})

    airflow.prepare(text="Hello", approval=True)
    wait(airflow)
    assert "Nobody has approved" in airflow.skips("wait_for_rate_limit")
    assert airflow.state("wait_for_rate_limit")["state"] == "awaiting_approval"
    with pytest.raises(DownstreamTasksSkipped):
        approve(airflow, answer("Reject"))

    assert "turned down" in airflow.skips("wait_for_rate_limit")
    assert simulator.book.requests == []


def test_nothing_left_to_approve(
    airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]
) -> None:
    """A post that is out is not asked about again."""
    start_simulator()
    airflow.prepare(text="Hello", approval=True)
    wait(airflow)
    approve(airflow, answer("Approve"))
    airflow.task("twitter_publish", "hand_over", {})
    airflow.post()
    with pytest.raises(AirflowSkipException, match="Nothing is left to approve"):
        approve(airflow)


def test_cancelled_before_it_is_asked(
    airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]
) -> None:
    """Nobody is asked about a post that was cancelled after its check."""
    start_simulator()
    airflow.prepare(text="Hello", approval=True)
    cancel(airflow.records, "main", RUN, by="bob")
    with pytest.raises(AirflowSkipException, match="Nothing is left to approve"):
        approve(airflow)
    assert asked == []


def test_time_is_over(airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]) -> None:
    """Nobody answers in time: the run ends and says so. It is not waited longer than the post makes sense."""
    start_simulator()
    soon = datetime.now(UTC) + timedelta(minutes=5)
    airflow.prepare(text="Hello", approval=True, expires_at=soon.isoformat())
    waiting = wait(airflow)
    assert timedelta(minutes=4) < waiting.timeout < timedelta(minutes=6)

    with pytest.raises(AirflowFailException, match="Nobody approved"):
        approve(airflow, {"error": "The response timeout has passed.", "error_type": "timeout"})

    assert airflow.record().state is PostState.EXPIRED
    assert airflow.state("approve", dag_id="twitter_publish")["error_type"] == "expired"


def test_time_goes_on(airflow: Publishing, start_simulator: Start, asked: list[dict[str, Any]]) -> None:
    """An answer that does not count does not lengthen the time in which one is waited for."""
    start_simulator()
    airflow.prepare(text="Hello", approval=True)
    first = wait(airflow)
    approval = airflow.record().approval
    second = wait(airflow, answer("Approve", by=AUTHOR))
    assert second.timeout < first.timeout
    again = airflow.record().approval
    assert approval is not None
    assert again is not None
    assert again.until == approval.until


def test_fence() -> None:
    """No text gets out of its block."""
    assert fenced("a\n````\nb") == "`````\na\n````\nb\n`````"
