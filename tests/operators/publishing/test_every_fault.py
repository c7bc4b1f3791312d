"""Every fault of the simulator at every kind of request: out once, or its state says not, or a person is asked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException
from tests.publishing.films import film
from tests.publishing_in_memory import RUN, Publishing

from airflow_twitter.api.errors import XError
from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Rule, Simulator
from airflow_twitter.simulator.rules import FAULTS

Start = Callable[..., Simulator]

TASKS = ("wait_for_rate_limit", "upload", "wait_for_processing", "create_post", "record")
ENDPOINTS = ("initialize_media", "append_media", "finalize_media", "media_status", "create_post", "timeline")
PATIENCE_S = 30.0
PARAMS = {
    "slow": {"delay_s": 0.0},
    "segment_too_large": {"above": 5000},
    "rate_limited": {"reset": 1},
    "slow_processing": {"processing_s": 0.01},
}
NOT_OUT = {
    # X may have the post, and it is not to be seen: a person decides.
    ("create_post", "reset_before"): PostState.UNKNOWN,
    ("create_post", "reset_in_body"): PostState.UNKNOWN,
    ("create_post", "html"): PostState.UNKNOWN,
    ("create_post", "server_error"): PostState.UNKNOWN,
    # The segments of this test are the smallest that there are.
    ("append_media", "segment_too_large"): PostState.FAILED,
    # X says no to this very post.
    ("create_post", "duplicate"): PostState.FAILED,
    ("create_post", "forbidden"): PostState.FAILED,
}
"""What ends otherwise than with one post. Everything else is waited for, tried again, or released."""


def cases() -> list[tuple[str, str]]:
    """Every fault at every endpoint where it can happen; refusals of an upload at one of its requests.

    Pages are those of a search.
    """
    return [
        (endpoint, name)
        for name, fault in FAULTS.items()
        for endpoint in ENDPOINTS
        if (not fault.only or endpoint in fault.only)
        and fault.stage != "page"
        and name != "rejected_token"
        and not (
            fault.stage == "refusal" and endpoint in ("initialize_media", "finalize_media", "media_status")
        )
    ]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A short video of several segments."""
    path = film(tmp_path_factory.mktemp("clip") / "clip.mp4", width=64, height=64, seconds=0.6, noisy=True)
    return path.read_bytes()


def drive(airflow: Publishing) -> None:
    """Run the queue's tasks as Airflow would, with every wait over at once and every hold released."""
    for task_id in TASKS:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                waits = airflow.step(task_id)
            except XError:
                continue
            except AirflowFailException:
                return
            if not isinstance(waits, datetime):
                break
            airflow.limits.values.clear()
            airflow.release()
            time.sleep(0.01)  # the simulator processes a video in real time
        else:
            raise AssertionError(f"{task_id} comes to no end: {airflow.state(task_id)}")


@pytest.mark.parametrize(("endpoint", "fault"), cases())
def test_once_or_not_at_all(
    airflow: Publishing,
    start_simulator: Start,
    data_folder: Path,
    clip: bytes,
    impatient: None,
    endpoint: str,
    fault: str,
) -> None:
    """One fault at one request: the post is out once with its video, or its state says that it is not."""
    airflow.accounts("- account: main\n  distance_s: 0\n  visible_s: 0\n  segment_bytes: 8192\n")
    rule = Rule(endpoint=endpoint, fault=fault, nth=1, params=PARAMS.get(fault, {}))
    # X is asked how far it is only when the video is not ready at once.
    simulator = start_simulator(rules=[rule], processing_s=0.05 if endpoint == "media_status" else 0.0)
    (data_folder / "videos").mkdir(parents=True)
    (data_folder / "videos" / "clip.mp4").write_bytes(clip)
    has_video = endpoint.endswith("_media") or endpoint == "media_status" or fault == "expired_media"
    airflow.publish(text="Look", video="clip.mp4" if has_video else None)

    drive(airflow)

    assert simulator.book.to(endpoint)
    record = airflow.record(RUN)
    expected = NOT_OUT.get((endpoint, fault), PostState.POSTED)
    assert record.state is expected, record.history
    assert len(simulator.posts) == (1 if expected is PostState.POSTED else 0)
    assert record.in_doubt is (expected is PostState.UNKNOWN)
    if record.in_doubt:
        airflow.step("ask_a_person")
        assert ("twitter_decide", f"{RUN}__{record.intent.sends}") in airflow.runs
        with pytest.raises(AirflowFailException, match="twitter_decide"):
            airflow.publish(text="Look", run_id="manual__2")
    if has_video and expected is PostState.POSTED:
        (post,) = simulator.posts
        (video,) = [upload for upload in simulator.uploads if upload.key in post.media_keys]
        assert video.sha256 == hashlib.sha256(clip).hexdigest()
