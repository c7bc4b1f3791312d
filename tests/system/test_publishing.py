"""Whole runs that publish, by `dag.test()` against a simulator over real HTTP: from the form to the timeline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.publishing.films import film

from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.simulator import Account, Rule, Simulator

pytestmark = pytest.mark.system

ACCOUNT = Account()
RunDag = Callable[..., Any]
Start = Callable[..., Simulator]


@pytest.fixture
def publisher(start_simulator: Start, connect: Callable[..., None]) -> Start:
    """Start a simulator, and point the connection at it with the tokens of its account."""

    def start(**options: Any) -> Simulator:
        simulator = start_simulator(**{"processing_s": 0.0, **options})
        connect(
            simulator.url,
            "app-key",
            "app-secret-of-tests",
            access_token=ACCOUNT.access_token,
            access_token_secret=ACCOUNT.access_token_secret,
        )
        return simulator

    return start


def post(run_dag: RunDag, **conf: Any) -> tuple[Any, Any]:
    """Run twitter_publish, and then the run of the queue that it hands over to; return both."""
    publish = run_dag("twitter_publish", conf)
    assert publish.state == "success", publish.log[-3000:]
    (queued,) = publish.queued
    assert queued["run_id"] == publish.run_id
    return publish, run_dag(queued["dag_id"], queued["conf"])


def texts(simulator: Simulator) -> list[str]:
    """The texts of all posts that exist."""
    return [post.raw for post in simulator.posts if post.deleted_at_s is None]


def test_text(publisher: Start, run_dag: RunDag, data_folder: Path) -> None:
    """A text goes through both DAGs and is posted once; every task says what state the post is in."""
    simulator = publisher()

    publish, run = post(run_dag, text="Hello {{ 1 + 1 }} <world>")

    assert run.state == "success"
    assert texts(simulator) == ["Hello {{ 1 + 1 }} <world>"]
    assert publish.tasks == {"prepare": "success", "approve": "skipped", "hand_over": "success"}
    assert run.tasks == {
        "wait_for_rate_limit": "success",
        "upload": "success",
        "wait_for_processing": "success",
        "create_post": "success",
        "record": "success",
        "ask_a_person": "skipped",
    }
    assert publish.xcoms["hand_over"]["state"]["state"] == "queued"
    state = run.xcoms["record"]["state"]
    assert (state["success"], state["simulated"]) == (True, True)
    assert state["post_url"] == run.xcoms["record"]["return_value"] == run.xcoms["record"]["_link_XPostLink"]
    for line in ("PUBLISH PREPARED: account=main", "PUBLISH QUEUED: twitter_post__main"):
        assert line in publish.log
    assert "PUBLISH END: SIMULATED, account=main" in run.log
    record = json.loads(
        (data_folder / "published" / "main" / f"{safe_segment(publish.run_id)}.json").read_bytes()
    )
    assert record["post_url"] == state["post_url"]


def test_video(publisher: Start, run_dag: RunDag, data_folder: Path) -> None:
    """A video is sent after a reset in its middle, processed while nobody holds a slot, and posted as it was."""
    simulator = publisher(
        processing_s=3.0, rules=[Rule(endpoint="append_media", fault="reset_before", nth=1)]
    )
    folder = data_folder / "videos"
    folder.mkdir(parents=True)
    video = film(folder / "portrait.mp4", width=180, height=320, seconds=1.0)

    publish, run = post(run_dag, text="Look", video="portrait.mp4", paid_partnership=True)

    assert run.state == "success", run.log[-3000:]
    (upload,) = simulator.uploads
    assert upload.sha256 == hashlib.sha256(video.read_bytes()).hexdigest()
    assert simulator.posts[0].media_keys == [upload.key]
    assert f"video={upload.total_bytes} bytes" in publish.log
    assert "Upload of" in run.log
    assert "X is preparing the video" in run.log


def test_lost_answer(publisher: Start, run_dag: RunDag) -> None:
    """The answer to creating the post is lost: it is found on the timeline, and not sent again."""
    simulator = publisher(rules=[Rule(endpoint="create_post", fault="lost_answer", nth=1)])

    _, run = post(run_dag, text="Hello")

    assert run.state == "success"
    assert texts(simulator) == ["Hello"]
    assert len(simulator.book.to("create_post")) == 1


FAULTS = {
    "reset in a segment": Rule(endpoint="append_media", fault="reset_in_body", nth=1),
    "lost answer of initialize": Rule(endpoint="initialize_media", fault="lost_answer", nth=1),
    "lost answer of a segment": Rule(endpoint="append_media", fault="lost_answer", nth=1),
    "lost answer of finalize": Rule(endpoint="finalize_media", fault="lost_answer", nth=1),
    "413": Rule(endpoint="append_media", fault="segment_too_large", nth=1, params={"above": 20_000}),
    "answers without a body": Rule(endpoint="append_media", fault="no_body"),
    "failed processing": Rule(endpoint="finalize_media", fault="failed_processing", nth=1),
    "expired media": Rule(endpoint="create_post", fault="expired_media", nth=1),
    "lost answer, seen late": Rule(endpoint="create_post", fault="lost_answer", nth=1),
    "limit of the user": Rule(endpoint="create_post", fault="rate_limited", nth=1, params={"reset": 2}),
    "limit of the day": Rule(
        endpoint="create_post", fault="rate_limited", nth=1, params={"reset": 2, "daily": "app"}
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(publisher: Start, run_dag: RunDag, data_folder: Path, name: str) -> None:
    """Whatever goes wrong on the way, the run goes on by itself, and the post is out once with its video."""
    late = Rule(endpoint="timeline", fault="late_index", params={"lag_s": 3.0})
    simulator = publisher(rules=[FAULTS[name], *([late] if "late" in name else [])])
    folder = data_folder / "videos"
    folder.mkdir(parents=True)
    video = film(folder / "clip.mp4", width=320, height=180, seconds=1.0, noisy=True)

    _, run = post(run_dag, text="Look", video="clip.mp4")

    assert run.state == "success", run.log[-3000:]
    assert FAULTS[name].fault in {entry.fault for entry in simulator.book.requests}
    assert texts(simulator) == ["Look"]
    (kept,) = [upload for upload in simulator.uploads if upload.key in simulator.posts[0].media_keys]
    assert kept.sha256 == hashlib.sha256(video.read_bytes()).hexdigest()
    assert run.xcoms["record"]["state"]["success"] is True


def test_refused_content(publisher: Start, run_dag: RunDag) -> None:
    """What X would refuse ends the first run red, and nothing is queued or asked."""
    simulator = publisher()

    run = run_dag("twitter_publish", {"text": "a" * 281})

    assert run.state == "failed"
    assert run.tasks == {"prepare": "failed", "approve": "upstream_failed", "hand_over": "upstream_failed"}
    assert run.xcoms["prepare"]["state"]["error_type"] == "text_rejected"
    assert run.queued == []
    assert simulator.book.requests == []


def test_unknown_key(publisher: Start, run_dag: RunDag) -> None:
    """A key that the form does not have is refused, as a slip of the pen would otherwise be posted."""
    publisher()
    run = run_dag("twitter_publish", {"text": "Hello", "vidoe": "a.mp4"})
    assert run.state == "failed"
    assert "Unknown keys in the run's conf: vidoe" in run.log


def test_dry_run(publisher: Start, run_dag: RunDag) -> None:
    """A dry run asks X nothing and queues nothing; it is green, and says what it would have done and cost."""
    simulator = publisher()

    run = run_dag("twitter_publish", {"text": "See https://example.com", "dry_run": True})

    assert run.state == "success"
    assert run.tasks == {"prepare": "success", "approve": "skipped", "hand_over": "skipped"}
    assert "DRY RUN: it would go into the queue of main" in run.log
    assert "cost $0.200" in run.log
    assert run.queued == []
    assert simulator.book.requests == []


def test_publish_at(publisher: Start, run_dag: RunDag) -> None:
    """The queue's run is held until the moment that was asked for."""
    publisher()
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    run = run_dag("twitter_publish", {"text": "Hello", "publish_at": moment.isoformat()})
    assert [datetime.fromisoformat(queued["run_after"]) for queued in run.queued] == [moment]


def test_list(publisher: Start, run_dag: RunDag, data_folder: Path) -> None:
    """A list becomes as many runs, in its order, each of which posts; a wrong one becomes none."""
    simulator = publisher()
    folder = data_folder / "lists"
    folder.mkdir(parents=True)
    (folder / "posts.csv").write_text("text,video,made_with_ai\nOne,one.mp4,yes\nTwo,,no\n")
    (folder / "bad.json").write_text(
        '[{"text": "Three"}, {"txt": "Four"}, {"text": "5", "video": "bad.mp4"}]'
    )
    videos = data_folder / "videos"
    videos.mkdir()
    film(videos / "one.mp4", seconds=1.0)
    film(videos / "bad.mp4", seconds=1.0, layout="5.1")

    run = run_dag("twitter_publish_list", {"file": "posts.csv"})

    assert run.state == "success", run.log[-3000:]
    assert [queued["dag_id"] for queued in run.queued] == ["twitter_publish"] * 2
    assert [queued["conf"]["text"] for queued in run.queued] == ["One", "Two"]
    assert run.queued[0]["run_after"] < run.queued[1]["run_after"]
    assert (run.xcoms["check"]["progress"]["checked"], run.xcoms["check"]["progress"]["percent"]) == (2, 100)
    _, done = post(run_dag, **run.queued[0]["conf"])
    assert done.state == "success"
    assert texts(simulator) == ["One"]

    bad = run_dag("twitter_publish_list", {"file": "bad.json"})
    assert bad.state == "failed"
    for fault in ("post 2, text: it is missing", "post 3, video: Sound channels: there are 6 channels"):
        assert fault in bad.log
    assert len(bad.xcoms["check"]["faults"]) == 3
    assert bad.queued == []


def test_unpublish(publisher: Start, run_dag: RunDag) -> None:
    """A post is deleted by the run that published it."""
    simulator = publisher()
    publish, _ = post(run_dag, text="Hello")

    run = run_dag("twitter_unpublish", {"account": "main", "post": publish.run_id})

    assert run.state == "success"
    assert texts(simulator) == []
    assert run.xcoms["delete"]["state"]["state"] == "deleted"
