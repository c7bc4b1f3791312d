"""A post with a video: brought in, checked, fitted, sent in segments, processed, posted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from msgspec.structs import replace
from tests.publishing.films import film
from tests.publishing_in_memory import RUN, Publishing

from airflow_twitter.accounts.queue import change_text
from airflow_twitter.api.errors import NetworkError
from airflow_twitter.publishing.published import KEY
from airflow_twitter.publishing.record import Captions
from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]
SEGMENT = 8 * 1024


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video that keeps all of X's rules."""
    return film(tmp_path_factory.mktemp("film") / "good.mp4", seconds=2.0, noisy=True).read_bytes()


@pytest.fixture
def videos(data_folder: Path) -> Path:
    """The folder that videos may lie in."""
    folder = data_folder / "videos"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def small_segments(airflow: Publishing) -> None:
    """Send segments of 8 kB, so that a small video has several."""
    airflow.accounts(f"- account: main\n  distance_s: 0\n  segment_bytes: {SEGMENT}\n")


def test_end_to_end(airflow: Publishing, start_simulator: Start, videos: Path, good: bytes) -> None:
    """The video on the post is byte for byte the one in the folder, and progress was shown."""
    simulator = start_simulator()
    (videos / "good.mp4").write_bytes(good)

    airflow.publish(text="Look", video="good.mp4", made_with_ai=True)
    assert simulator.book.requests == []
    airflow.step("wait_for_rate_limit")
    airflow.step("upload")
    assert airflow.state("upload")["progress"] == 1.0
    assert airflow.state("upload")["video_url"].endswith("/twitter/posts/main/manual__1/video")
    told = airflow.xcom("upload", "upload", dag_id="twitter_post__main")
    assert (told["percent"], told["bytes_sent"]) == (100, len(good))
    airflow.post()

    (upload,) = simulator.uploads
    assert upload.sha256 == hashlib.sha256(good).hexdigest()
    (post,) = simulator.posts
    assert post.media_keys == [upload.key]
    assert airflow.record().content.made_with_ai


def test_captions(airflow: Publishing, start_simulator: Start, videos: Path, good: bytes) -> None:
    """Captions are sent beside the video and joined to it, once; record and published.json name them."""
    simulator = start_simulator()
    (videos / "good.mp4").write_bytes(good)
    (videos / "good.srt").write_text("1\n00:00:00,000 --> 00:00:09,000\nGrüße\n")

    prepared = airflow.prepare(text="Look", video="good.mp4", captions="good.srt", captions_language="de")
    assert "The captions go on until 9.0 s, and the video lasts 2.0 s" in " ".join(prepared["warnings"])
    airflow.publish(text="Look", video="good.mp4", captions="good.srt", captions_language="de")
    airflow.post()
    airflow.step("wait_for_processing")

    video, captions = simulator.uploads
    assert video.captions == {"de": captions.id}
    assert simulator.posts[0].media_keys == [video.key]
    assert airflow.record().content.captions == Captions(sha256=captions.sha256, language="de")
    assert [entry["captions_language"] for entry in json.loads(airflow.store.read(KEY))] == ["de"]


def test_captions_stay_with_another_text(
    airflow: Publishing, start_simulator: Start, videos: Path, good: bytes
) -> None:
    """A text that is changed while the post waits leaves video, captions and flags as they are."""
    simulator = start_simulator()
    (videos / "good.mp4").write_bytes(good)
    (videos / "good.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    airflow.publish(text="Look", video="good.mp4", captions="good.srt", paid_partnership=True)
    before = airflow.record().content

    change_text(airflow.records, airflow.record(), "Look here", by="bob")
    airflow.post()

    assert airflow.record().content == replace(before, text="Look here")
    assert simulator.uploads[0].captions == {"en": simulator.uploads[1].id}
    assert [(post.raw, post.paid_partnership) for post in simulator.posts] == [("Look here", True)]


def test_dry_run_says_it_all(
    airflow: Publishing,
    start_simulator: Start,
    videos: Path,
    good: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A dry run checks video and captions, says what the post would hold and cost, and asks X nothing at all."""
    simulator = start_simulator()
    (videos / "good.mp4").write_bytes(good)
    (videos / "good.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")

    airflow.prepare(
        text="Look https://example.com",
        video="good.mp4",
        captions="good.srt",
        made_with_ai=True,
        paid_partnership=True,
        dry_run=True,
    )

    parts = "text, video, captions in en, marked as made with AI, marked as a paid partnership"
    said = capsys.readouterr().out
    assert f"({parts}), and cost $0.200. Nothing was asked of X." in said
    assert simulator.book.requests == []


def test_no_captions(airflow: Publishing, start_simulator: Start, videos: Path, good: bytes) -> None:
    """What is no subtitle file is refused before anything is sent."""
    start_simulator()
    (videos / "good.mp4").write_bytes(good)
    (videos / "good.srt").write_bytes(good[:1000])
    with pytest.raises(AirflowFailException, match="SRT file in UTF-8"):
        airflow.prepare(text="Look", video="good.mp4", captions="good.srt")


def test_goes_on_after_reset(
    airflow: Publishing,
    start_simulator: Start,
    videos: Path,
    good: bytes,
    small_segments: None,
    impatient: None,
) -> None:
    """After a reset in mid-upload the next try goes on at the segment that X has not confirmed."""
    simulator = start_simulator(rules=[Rule(endpoint="append_media", fault="reset_before", nth=4)])
    (videos / "good.mp4").write_bytes(good)
    airflow.publish(text="Look", video="good.mp4")

    with pytest.raises(NetworkError):
        airflow.step("upload")
    state = airflow.state("upload")
    assert (state["error_type"], state["will_retry"], state["state"]) == ("connection", True, "waiting")
    assert airflow.record().upload.confirmed == 3
    airflow.post()

    segments = -(-len(good) // SEGMENT)
    assert segments > 4
    assert len(simulator.book.to("append_media")) == segments + 1
    assert len(simulator.book.to("initialize_media")) == 1
    assert len(simulator.posts) == 1


def test_progress_of_an_upload(
    airflow: Publishing,
    start_simulator: Start,
    videos: Path,
    good: bytes,
    small_segments: None,
    impatient: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Percent, bytes and the time left stand in log and XCom, also of an upload that broke off."""
    start_simulator(rules=[Rule(endpoint="append_media", fault="reset_before", nth=40)])
    (videos / "good.mp4").write_bytes(good)
    airflow.publish(text="Look", video="good.mp4")
    with pytest.raises(NetworkError):
        airflow.step("upload")

    told = airflow.xcom("upload", "upload", dag_id="twitter_post__main")
    assert 0 < told["percent"] < 100
    assert told["bytes_total"] == len(good)
    assert told["bytes_sent"] % SEGMENT == 0
    assert round(100 * told["bytes_sent"] / len(good)) == told["percent"]
    assert told["left_s"] >= 0
    said = capsys.readouterr().out
    assert f"Upload of {RUN}: {told['percent']}% ({told['bytes_sent']} of {len(good)} bytes, about " in said


def test_cleared_tasks_send_nothing_again(
    airflow: Publishing, start_simulator: Start, videos: Path, good: bytes, small_segments: None
) -> None:
    """Every task of a post that is cleared and runs again finds done what was done."""
    simulator = start_simulator()
    (videos / "good.mp4").write_bytes(good)
    airflow.publish(text="Look", video="good.mp4")
    for _ in range(2):
        airflow.step("upload")
    assert len(simulator.book.to("append_media")) == -(-len(good) // SEGMENT)
    for _ in range(2):
        airflow.step("wait_for_processing")
        airflow.step("upload")
    assert len(simulator.book.to("media_status")) <= 1
    airflow.post()
    asked = len(simulator.book.requests)
    airflow.prepare(text="Look", video="good.mp4")
    airflow.post()
    assert len(simulator.book.requests) == asked
    assert len(simulator.posts) == 1


def test_limit_comes_before_the_first_byte(
    airflow: Publishing, start_simulator: Start, videos: Path, good: bytes
) -> None:
    """While X lets the account create nothing, not a byte of the next video is sent."""
    simulator = start_simulator(limits={"create_post": 1}, window_s=900.0)
    (videos / "good.mp4").write_bytes(good)
    airflow.publish(text="One")
    airflow.post()
    airflow.publish(text="Two", video="good.mp4", run_id="manual__2")

    assert isinstance(airflow.step("wait_for_rate_limit", run_id="manual__2"), datetime)
    assert simulator.uploads == []
    assert simulator.book.to("initialize_media") == []


def test_processing_takes_a_while(
    airflow: Publishing, start_simulator: Start, videos: Path, good: bytes
) -> None:
    """While X processes the video, nobody holds a slot; it is asked again at the moment that X names, after 10 s."""
    simulator = start_simulator(processing_s=3600.0)
    (videos / "good.mp4").write_bytes(good)
    airflow.publish(text="Look", video="good.mp4")
    airflow.step("upload")

    waits = airflow.step("wait_for_processing")

    assert (waits - datetime.now(UTC)).total_seconds() > 9
    assert airflow.state("wait_for_processing")["state"] == "processing"
    assert simulator.posts == []


def test_expired_before_posting(
    airflow: Publishing, start_simulator: Start, videos: Path, good: bytes
) -> None:
    """Media that X has forgotten by the time of the post are made again, and there is one post."""
    simulator = start_simulator(rules=[Rule(endpoint="create_post", fault="expired_media", nth=1)])
    (videos / "good.mp4").write_bytes(good)
    airflow.publish(text="Look", video="good.mp4")
    for task_id in ("wait_for_rate_limit", "upload", "wait_for_processing"):
        airflow.step(task_id)

    assert isinstance(airflow.step("create_post"), datetime)
    airflow.post()

    assert len(simulator.uploads) == 2
    assert len(simulator.posts) == 1


def test_failed_twice(airflow: Publishing, start_simulator: Start, videos: Path, good: bytes) -> None:
    """A video that X cannot process is sent once more, and then the run ends, saying why."""
    simulator = start_simulator(rules=[Rule(endpoint="finalize_media", fault="failed_processing")])
    (videos / "good.mp4").write_bytes(good)
    airflow.publish(text="Look", video="good.mp4")
    airflow.step("upload")

    assert isinstance(airflow.step("wait_for_processing"), datetime)
    assert "could not process the video" in airflow.fails("wait_for_processing")

    assert airflow.state("wait_for_processing")["error_type"] == "video_rejected"
    assert len(simulator.uploads) == 2


def test_held_in_mid_upload(
    airflow: Publishing, start_simulator: Start, videos: Path, good: bytes, small_segments: None
) -> None:
    """No credits in mid-upload hold the account; after the release the upload goes on where it was."""
    simulator = start_simulator(rules=[Rule(endpoint="append_media", fault="credits", nth=3)])
    (videos / "good.mp4").write_bytes(good)
    airflow.publish(text="Look", video="good.mp4")

    assert isinstance(airflow.step("upload"), datetime)
    assert airflow.state("upload")["state"] == "held"
    airflow.release()
    airflow.post()

    assert len(simulator.book.to("append_media")) == -(-len(good) // SEGMENT) + 1
    assert len(simulator.posts) == 1


@pytest.mark.parametrize(
    ("film_of", "reason"),
    [
        ({"seconds": 0.2}, "Duration"),
        ({"codec": "mpeg4"}, "codec"),
        ({"layout": "5.1"}, "mono or stereo"),
        (None, "the file is no video"),
    ],
)
def test_rejected(
    airflow: Publishing, start_simulator: Start, videos: Path, film_of: dict[str, Any] | None, reason: str
) -> None:
    """A video that X would refuse ends the run before X is asked anything; the rule and the mend are named."""
    simulator = start_simulator()
    if film_of is None:
        (videos / "bad.mp4").write_bytes(b"no video" * 1000)
    else:
        film(videos / "bad.mp4", **film_of)

    with pytest.raises(AirflowFailException, match=f"(?i){reason}"):
        airflow.prepare(text="Look", video="bad.mp4")

    assert airflow.state("prepare", dag_id="twitter_publish")["error_type"] == "video_rejected"
    assert simulator.book.requests == []


def test_fitted(airflow: Publishing, start_simulator: Start, videos: Path) -> None:
    """With fit_video the same video is converted and posted; the original is kept."""
    simulator = start_simulator()
    film(videos / "old.mp4", codec="mpeg4", seconds=1.0)

    airflow.publish(text="Look", video="old.mp4", fit_video=True)
    airflow.post()

    video = airflow.record().details["video"]
    assert simulator.uploads[0].sha256 == video["sha256"] != video["original"]
    original = (videos / "old.mp4").read_bytes()
    assert (videos.parent / "media" / video["original"]).read_bytes() == original


def test_fitted_to_a_size(
    airflow: Publishing, start_simulator: Start, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A video becomes as small as is asked, with its progress shown; never below the least bit rate, which is said."""
    start_simulator()
    film(videos / "big.mp4", width=160, height=90, seconds=4.0, rate=25, noisy=True)

    airflow.prepare(text="Look", video="big.mp4", fit_video=True, target_size_mb=0.4)

    video = airflow.record().details["video"]
    assert video["size"] <= 400_000 < (videos / "big.mp4").stat().st_size
    said = capsys.readouterr().out
    for step in ("Fetching the video: ", "Fitting the video: 100 %", "Checking the video: "):
        assert step in said
    assert airflow.state("prepare", dag_id="twitter_publish")["state"] == "preparing"
    with pytest.raises(
        AirflowFailException, match=r"Target size: 20000 bytes leave .* X wants at least \d+ bytes"
    ):
        airflow.prepare(text="Less", video="big.mp4", fit_video=True, target_size_mb=0.02, run_id="manual__2")


@pytest.mark.parametrize(
    ("video", "error_type"),
    [
        ("../secret.mp4", "video_refused"),
        ("/etc/passwd", "video_refused"),
        ("https://127.0.0.1/video.mp4", "video_refused"),
        ("s3://bucket/video.mp4", "video_refused"),
        ("ftp://example.org/video.mp4", "video_refused"),
        ("missing.mp4", "video_refused"),
    ],
)
def test_not_from_there(
    airflow: Publishing, start_simulator: Start, videos: Path, video: str, error_type: str
) -> None:
    """What accounts.yaml does not allow is not fetched."""
    start_simulator()
    with pytest.raises(AirflowFailException):
        airflow.prepare(text="Look", video=video)
    assert airflow.state("prepare", dag_id="twitter_publish")["error_type"] == error_type
    assert RUN not in [record.key for record in airflow.records.all("main")]
