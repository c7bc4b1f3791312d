"""Nothing goes out that is not to, whichever run is started, cleared or marked by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException
from tests.approving import answer, approve, wait
from tests.publishing_in_memory import RUN, Publishing, form, texts

from airflow_twitter.accounts.checked import Brought
from airflow_twitter.accounts.holding import Hold, hold
from airflow_twitter.accounts.queue import change_text
from airflow_twitter.publishing.decisions import cancel
from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Simulator

Start = Callable[..., Simulator]
Asked = list[dict[str, Any]]
FIRST = "wait_for_rate_limit"


@pytest.fixture
def simulator(airflow: Publishing, start_simulator: Start, asked: Asked) -> Simulator:
    """A simulator, and an account all of whose posts have to be approved."""
    airflow.accounts("- account: main\n  distance_s: 0\n  approval: always\n  approvers: [bob]\n")
    return start_simulator()


def approved(airflow: Publishing, before: str, **changes: Any) -> None:
    """Prepare a post and have bob approve it."""
    airflow.prepare(text=before)
    wait(airflow)
    approve(airflow, answer("Approve", **changes))


def hand_over(airflow: Publishing) -> None:
    """Put the post into the queue."""
    airflow.task("twitter_publish", "hand_over", {})


def test_dry_run_is_not_queued(airflow: Publishing, simulator: Simulator) -> None:
    """A run of the queue that somebody triggers for a dry run sends nothing."""
    airflow.prepare(text="Not approved by anybody", dry_run=True)
    assert "dry run" in airflow.skips(FIRST)
    assert airflow.record().state is PostState.DRY_RUN
    assert simulator.book.requests == []


def test_expired_question(airflow: Publishing, simulator: Simulator) -> None:
    """A post that nobody approved in time is not sent by a run of the queue that somebody triggers."""
    airflow.prepare(text="Nobody answered")
    wait(airflow)
    with pytest.raises(AirflowFailException):
        approve(airflow, {"error": "The response timeout has passed.", "error_type": "timeout"})
    assert "over" in airflow.fails(FIRST)
    assert (airflow.record().state, simulator.book.requests) == (PostState.EXPIRED, [])


def test_not_asked_yet(airflow: Publishing, simulator: Simulator) -> None:
    """A post that waits for its approval, or for the question, is not sent; its turn in the queue is free at once."""
    airflow.prepare(text="Waits for approve to start")
    assert "Nobody has approved" in airflow.skips(FIRST)
    wait(airflow)
    assert "Nobody has approved" in airflow.skips(FIRST)
    assert airflow.record().state is PostState.AWAITING_APPROVAL
    approve(airflow, answer("Approve"))
    hand_over(airflow)
    airflow.post()
    assert texts(simulator) == ["Waits for approve to start"]


def test_marked_as_success(airflow: Publishing, simulator: Simulator) -> None:
    """Marking the task approve as done by hand approves nothing."""
    airflow.prepare(text="Marked as success")
    wait(airflow)
    with pytest.raises(AirflowFailException, match="Nobody has approved"):
        hand_over(airflow)
    state = airflow.state("hand_over", dag_id="twitter_publish")
    assert (state["state"], state["error_type"]) == ("rejected", "rejected_by_approver")
    assert "turned down" in airflow.skips(FIRST)
    assert (airflow.runs, simulator.book.requests) == ({}, [])


def test_approved_while_its_run_ends(airflow: Publishing, simulator: Simulator) -> None:
    """A post that is approved while its run in the queue ends without it is put there again once that has ended."""
    approved(airflow, "Hello")
    airflow.runs["twitter_post__main", RUN] = {"state": "running"}
    with pytest.raises(AirflowRescheduleException):
        hand_over(airflow)
    airflow.runs["twitter_post__main", RUN] = {"state": "success"}
    hand_over(airflow)
    assert airflow.runs["twitter_post__main", RUN]["state"] == "queued"


def test_who_approved_what(airflow: Publishing, simulator: Simulator) -> None:
    """The record says who approved which text, and when."""
    approved(airflow, "Before", text="As approved")
    approval = airflow.record().approval
    assert approval is not None
    assert approval.content is not None
    assert (approval.by, approval.content.text) == ("bob", "As approved")
    assert approval.at is not None


def test_prepared_again(airflow: Publishing, simulator: Simulator) -> None:
    """Clearing `prepare` alone keeps the text as it was approved, and the approval with it."""
    approved(airflow, "Before approval", text="As approved")
    hand_over(airflow)
    airflow.prepare(text="Before approval")
    airflow.post()
    assert texts(simulator) == ["As approved"]


def test_edited_in_the_queue(airflow: Publishing, start_simulator: Start) -> None:
    """A text that somebody changed in the queue stays when `prepare` runs again."""
    simulator = start_simulator()
    airflow.publish(text="As asked for")
    change_text(airflow.records, airflow.record(), "As changed", by="bob")
    airflow.publish(text="As asked for")
    airflow.post()
    assert texts(simulator) == ["As changed"]


def test_other_content(airflow: Publishing, simulator: Simulator) -> None:
    """An approval is for what was approved: when the post says something else, it is not sent."""
    approved(airflow, "As approved")
    hand_over(airflow)
    record = airflow.record()
    airflow.prepare(text="As approved", made_with_ai=True)
    assert airflow.record().content != record.content
    assert "Nobody has approved" in airflow.skips(FIRST)
    assert simulator.book.requests == []


def test_changed_behind_the_question(airflow: Publishing, simulator: Simulator, asked: Asked) -> None:
    """A post that changes while somebody looks at it is asked about again, as it is now."""
    airflow.prepare(text="As shown")
    wait(airflow)
    airflow.prepare(text="As shown", paid_partnership=True)
    wait(airflow, answer("Approve"))
    assert "paid partnership" in asked[1]["body"]
    approve(airflow, answer("Approve"))
    assert airflow.record().approved


def test_cancelled_between_tries(
    airflow: Publishing, start_simulator: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancellation that comes while `prepare` is tried again counts."""
    simulator = start_simulator()
    began = datetime.now(UTC)
    operator = type(airflow.dags["twitter_publish"].get_task("prepare"))
    with monkeypatch.context() as patched:
        patched.setattr(operator, "_say", _die)
        with pytest.raises(OSError, match="database"):
            airflow.task("twitter_publish", "prepare", form(text="Hello"), began=began)
    cancel(airflow.records, "main", RUN, by="bob")
    with pytest.raises(AirflowSkipException, match="cancelled"):
        airflow.task("twitter_publish", "prepare", form(text="Hello"), try_number=2, began=began)
    assert airflow.state("prepare", dag_id="twitter_publish")["state"] == "cancelled"
    assert "cancelled" in airflow.skips(FIRST)
    assert simulator.book.requests == []


@pytest.mark.parametrize(
    ("host", "simulated"),
    [
        ("https://api.x.com", False),
        ("https://api.twitter.com", False),
        ("https://simulator.example", True),
        ("http://127.0.0.1:1", True),
    ],
)
def test_simulators_are_marked(
    airflow: Publishing, connect: Callable[..., None], host: str, simulated: bool
) -> None:
    """Whatever is not X is marked as a simulator, on this machine or another."""
    connect(host)
    assert airflow.prepare(text="Hello")["simulated"] is simulated
    assert airflow.record().simulated is simulated


def test_expires_while_held(airflow: Publishing, start_simulator: Start) -> None:
    """A post whose time passes while its account is held is not sent once that is released, nor does it wait on."""
    simulator = start_simulator()
    airflow.publish(text="Hello", expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    hold(airflow.store, "main", Hold(datetime.now(UTC), "credits", "No credits are left.", "manual__0"))
    assert isinstance(airflow.step(FIRST), datetime)
    with airflow.records.change("main", RUN) as record:
        record.details["expires_at"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert "has passed" in airflow.fails(FIRST)
    assert (airflow.record().state, simulator.book.requests) == (PostState.EXPIRED, [])


def test_hand_over_again(airflow: Publishing, start_simulator: Start) -> None:
    """Clearing `hand_over` alone makes no second run, and none for a post that is out."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    hand_over(airflow)
    airflow.post()
    with pytest.raises(AirflowSkipException, match="Nothing goes into the queue"):
        hand_over(airflow)
    assert texts(simulator) == ["Hello"]


def test_signed_address(airflow: Publishing, start_simulator: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query of a video's address, which may let anybody fetch it, is not written into the record."""
    start_simulator()
    brought = Brought(video={"sha256": "0" * 64, "size": 1, "warnings": []})
    operator = type(airflow.dags["twitter_publish"].get_task("prepare"))
    monkeypatch.setattr(operator, "_bring", lambda *_: brought)
    airflow.prepare(text="Hello", video="https://videos.example/v.mp4?signature=letmein")
    assert airflow.record().details["asked"]["video"] == "https://videos.example/v.mp4"
    assert b"letmein" not in b"".join(map(airflow.store.read, airflow.store.list("")))


def _die(*_args: Any) -> None:
    raise OSError("the database is away")


@pytest.mark.parametrize(
    ("post", "account", "kind"),
    [
        ({"text": "x", "expires_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}, "", "expired"),
        ({"text": "x", "fit_video": "perhaps"}, "", "invalid"),
        ({"text": "x", "account": "nobody"}, "", "invalid"),
        ({"text": "x"}, "  approval: always\n  approvers: [ann]\n", "invalid"),
        ({"text": " "}, "", "invalid"),
        ({"text": "x" * 281}, "", "text_rejected"),
    ],
)
def test_machine_form_of_refusals(
    airflow: Publishing, start_simulator: Start, post: dict[str, Any], account: str, kind: str
) -> None:
    """Whatever `prepare` refuses, its state says why in the machine's words."""
    start_simulator()
    airflow.accounts(f"- account: main\n{account}")
    with pytest.raises(AirflowFailException):
        airflow.prepare(**post)
    state = airflow.state("prepare", dag_id="twitter_publish")
    assert (state["success"], state["error_type"], state["will_retry"]) == (False, kind, False)
    assert state["error"]
