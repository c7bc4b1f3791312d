"""A post that was sent and whose answer is lost: whatever fails after that, it stays in doubt and a person is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from tests.publishing.films import film
from tests.publishing_in_memory import RUN, Publishing, texts

from airflow_twitter.publishing import create
from airflow_twitter.publishing.decisions import TooLateError, cancel
from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Rule, Simulator
from airflow_twitter.simulator.rules import FAULTS

Start = Callable[..., Simulator]
LAST_TRY = 6
AFTERWARDS = sorted(
    name
    for name, fault in FAULTS.items()
    if fault.stage in ("wire", "body", "refusal") and (not fault.only or "timeline" in fault.only)
)
"""All that can happen to a look at the timeline."""


@pytest.fixture
def clip(data_folder: Path) -> str:
    """The name of a short video in the folder that videos may lie in."""
    folder = data_folder / "videos"
    folder.mkdir(parents=True)
    return film(folder / "clip.mp4", width=64, height=64, seconds=0.6).name


class Killed(BaseException):
    """The worker is gone."""


def die(*args: Any, **kwargs: Any) -> None:
    """Take the place of what a worker dies in."""
    raise Killed


def send_and_lose(airflow: Publishing, start_simulator: Start, *rules: Rule) -> Simulator:
    """Send a post whose answer is lost; `rules` say what happens besides."""
    simulator = start_simulator(
        rules=[Rule(endpoint="create_post", fault="lost_answer", nth=1), *rules], processing_s=0.0
    )
    airflow.publish(text="Hello")
    airflow.step("wait_for_rate_limit")
    return simulator


def expect_a_question(airflow: Publishing) -> None:
    """The post is in doubt, somebody is asked, and nothing lets the same content out a second time."""
    record = airflow.record()
    assert (record.state, record.in_doubt) == (PostState.UNKNOWN, True), record.history
    airflow.step("ask_a_person")
    assert ("twitter_decide", f"{RUN}__1") in airflow.runs
    assert airflow.state("ask_a_person")["error_type"] == "unknown"
    with pytest.raises(TooLateError):
        cancel(airflow.records, "main", RUN, by="ann")
    with pytest.raises(AirflowFailException, match=f"The run {RUN} has the same"):
        airflow.publish(text="Hello", run_id="manual__2")


@pytest.mark.parametrize("fault", AFTERWARDS)
def test_timeline_fails_until_the_end(
    airflow: Publishing, start_simulator: Start, impatient: None, fault: str
) -> None:
    """Every look after a lost answer fails, in the last try too: found, waited for, held, or unknown; never failed."""
    simulator = send_and_lose(airflow, start_simulator, Rule(endpoint="timeline", fault=fault, nth=(2, None)))

    said = ""
    try:
        airflow.step("create_post", try_number=LAST_TRY)
    except AirflowFailException as error:
        said = str(error)
    if said:
        assert "Look at the account" in said
        assert airflow.state("create_post")["error_type"] == "unknown"
        expect_a_question(airflow)

    record = airflow.record()
    assert record.out or (record.in_doubt and not record.state.frees_content), record.history
    assert texts(simulator) == ["Hello"]


def test_killed_in_every_try(
    airflow: Publishing, start_simulator: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies after the request, and in every try after that: somebody is asked all the same."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    airflow.step("wait_for_rate_limit")

    monkeypatch.setattr(create._Attempt, "_finish", die)
    for number in range(1, LAST_TRY + 1):
        with pytest.raises(Killed):
            airflow.step("create_post", try_number=number)

    airflow.step("ask_a_person")
    assert "asked already" in airflow.skips("ask_a_person")
    assert airflow.record().state is PostState.UNKNOWN
    assert texts(simulator) == ["Hello"]


def test_killed_in_every_try_before_it_was_sent(
    airflow: Publishing, start_simulator: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the worker never got to the request there is no doubt: the post is closed, and its content is free."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    airflow.step("wait_for_rate_limit")

    with monkeypatch.context() as patch:
        patch.setattr(create._Attempt, "_mark_sent", die)
        with pytest.raises(Killed):
            airflow.step("create_post", try_number=LAST_TRY)
    assert "no doubt" in airflow.skips("ask_a_person")

    assert airflow.record().state is PostState.FAILED
    assert airflow.state("ask_a_person")["error_type"] == "internal"
    airflow.publish(text="Hello", run_id="manual__2")
    assert airflow.post(run_id="manual__2")
    assert texts(simulator) == ["Hello"]


def test_looked_for_without_its_media(
    airflow: Publishing, start_simulator: Start, impatient: None, clip: str
) -> None:
    """A post in doubt is looked for before anything else: its video need not be there any more."""
    simulator = start_simulator(
        rules=[
            Rule(endpoint="create_post", fault="lost_answer", nth=1),
            Rule(endpoint="timeline", fault="server_error", nth=2),
        ]
    )
    airflow.publish(text="Hello", video=clip)
    for task_id in ("wait_for_rate_limit", "upload", "wait_for_processing"):
        airflow.step(task_id)
    with pytest.raises(AirflowFailException):
        airflow.step("create_post", try_number=LAST_TRY)
    for upload in airflow.store.list("media"):
        airflow.store.delete(upload)
    with airflow.records.change("main", RUN) as record:
        assert record.upload is not None
        record.upload.expires_at = record.created_at
    before = len(simulator.book.to("initialize_media"))

    assert airflow.post()

    assert len(simulator.book.to("initialize_media")) == before
    assert (len(simulator.posts), airflow.record().found) == (1, True)
