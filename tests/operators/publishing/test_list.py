"""A list of posts is checked as a whole, with its videos, before any of it goes on its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from tests.publishing.films import film
from tests.publishing_in_memory import RUN, Publishing, form, texts

from airflow_twitter.accounts import list_check
from airflow_twitter.accounts.post_list import PostListError
from airflow_twitter.accounts.videos import bring_video
from airflow_twitter.publishing.errors import SourceUnreachableError
from airflow_twitter.simulator import Simulator

Start = Callable[..., Simulator]
LIST = "twitter_publish_list"
SRT = "1\n00:00:00,000 --> 00:00:01,000\nHello\n"


@pytest.fixture
def videos(data_folder: Path) -> Path:
    """The folder that videos may lie in, with some that are good and some that are not."""
    folder = data_folder / "videos"
    folder.mkdir(parents=True)
    film(folder / "good.mp4", seconds=1.0)
    film(folder / "portrait.mp4", seconds=1.0, width=180, height=320)
    film(folder / "old.mp4", seconds=1.0, codec="mpeg4")
    whole = (folder / "good.mp4").read_bytes()
    (folder / "same.mp4").write_bytes(whole)
    (folder / "cut.mp4").write_bytes(
        film(folder / "first.mp4", seconds=2.0, moov_first=True).read_bytes()[:9000]
    )
    (folder / "none.mp4").write_bytes(b"no video" * 100)
    (folder / "good.srt").write_text(SRT)
    (folder / "bad.srt").write_text("Hello")
    return folder


def check(
    airflow: Publishing,
    posts: Any,
    *,
    name: str = "posts.json",
    run_id: str = RUN,
    author: str = "ann",
    **params: Any,
) -> Any:
    """Execute the check of a list."""
    data = posts if isinstance(posts, bytes) else json.dumps(posts).encode()
    airflow.store.put(f"lists/{name}", data)
    given = {"file": name, "account": "main", "approval": False, "dry_run": False, **params}
    return airflow.task(LIST, "check", given, run_id=run_id, author=author)


def refused(airflow: Publishing, posts: Any, **options: Any) -> list[str]:
    """Return everything that is wrong in a list, without what it is called."""
    with pytest.raises(AirflowFailException) as caught:
        check(airflow, posts, **options)
    first, *faults = str(caught.value).splitlines()
    assert "was refused as a whole, nothing of it was queued" in first
    assert airflow.xcom("check", "faults", dag_id=LIST) == faults
    assert airflow.runs == {}
    assert airflow.records.all("main") == []
    return faults


def test_right(airflow: Publishing, start_simulator: Start) -> None:
    """Each post of a list becomes a run of twitter_publish, in the order of the list."""
    simulator = start_simulator()
    runs = check(airflow, [{"text": "One"}, {"text": "Two", "approval": True}])

    assert [run["run_id"] for run in runs] == [f"{RUN}__001", f"{RUN}__002"]
    assert runs[0]["asked_at"] < runs[1]["asked_at"]
    assert [(run["post"]["text"], run["post"]["approval"]) for run in runs] == [("One", False), ("Two", True)]
    assert simulator.book.requests == []


def test_everything_that_is_wrong(airflow: Publishing, start_simulator: Start, videos: Path) -> None:
    """Fields, accounts, dates, texts, videos and captions: every fault of every row at once, in the list's order."""
    simulator = start_simulator()
    faults = refused(
        airflow,
        [
            {"text": "One", "video": "good.mp4"},
            {"text": "a" * 281, "video": "none.mp4", "captions": "bad.srt"},
            {"text": "b", "account": "no", "video": "none.mp4"},
            {"txt": "c"},
            {"text": "d", "expires_at": "2020-01-01T00:00:00Z"},
            {"text": "e", "video": "cut.mp4"},
            {"text": "f", "video": "old.mp4"},
            {"text": "g", "video": "missing.mp4"},
            {"text": "h", "video": "https://127.0.0.1/v.mp4"},
            {"text": "i", "video": "good.mp4", "captions": "../../../etc/passwd"},
            {"text": "$a $b"},
        ],
    )

    assert [fault.partition(":")[0] for fault in faults] == [
        "post 2, captions",
        "post 2, text",
        "post 2, video",
        "post 3, account",
        "post 4, text",
        "post 4, txt",
        "post 5, expires_at",
        "post 6, video",
        "post 7, video",
        "post 8, video",
        "post 9, video",
        "post 10, captions",
        "post 11, text",
    ]
    said = "\n".join(faults)
    for words in (
        "post 3, account: there is no 'no' in accounts.yaml",
        "post 6, video: Whole file",
        "post 7, video: Video codec: it is mpeg4",
        "post 8, video: There is no file missing.mp4",
        "may not be fetched from 127.0.0.1",
        "post 11, text: Cashtags",
    ):
        assert words in said
    assert simulator.book.requests == []


def test_said_twice(airflow: Publishing, start_simulator: Start, videos: Path) -> None:
    """The same text and video stands in a list once: other spaces, file names or captions make no other post."""
    start_simulator()
    post = {"text": "Caf\u00e9 \u2615", "video": "good.mp4"}
    faults = refused(
        airflow,
        [
            post,
            {"text": "Cafe\u0301  \u2615", "video": "same.mp4", "captions": "good.srt"},
            {**post, "video": "portrait.mp4"},
            {**post, "text": "Other"},
            {**post, "made_with_ai": True},
            {**post, "allow_duplicate": True},
        ],
    )
    assert faults == ["post 2, text: post 1 says the same", "post 5, text: post 1 says the same"]


def test_published_or_queued_before(airflow: Publishing, start_simulator: Start, videos: Path) -> None:
    """What the account has posted, or has in its queue, is named with the run; what it never posted is no obstacle."""
    start_simulator()
    airflow.publish(text="Posted", video="good.mp4", run_id="manual__a")
    airflow.post(run_id="manual__a")
    airflow.publish(text="Queued", run_id="manual__b")
    airflow.prepare(text="Tried", run_id="manual__c", dry_run=True)
    posts = [{"text": "Posted", "video": "same.mp4"}, {"text": "Queued"}, {"text": "Tried"}, {"text": "New"}]

    with pytest.raises(AirflowFailException) as caught:
        check(airflow, posts, run_id="manual__9")
    _, first, second = str(caught.value).splitlines()
    url = airflow.record("manual__a").post_url
    assert first == f"post 1, text: the run manual__a has the same text and video (posted, {url})"
    assert second == "post 2, text: the run manual__b has the same text and video (queued)"
    allowed = [{**post, "allow_duplicate": True} for post in posts]
    assert len(check(airflow, allowed, run_id="manual__9")) == 4


def test_checked_again(airflow: Publishing, start_simulator: Start) -> None:
    """A list whose posts are in the queue can be checked again by the same run; by another one it is refused."""
    start_simulator()
    posts = [{"text": "One"}, {"text": "Two"}]
    for run in check(airflow, posts):
        airflow.publish(**run["post"], run_id=run["run_id"])

    assert len(check(airflow, posts)) == 2
    with pytest.raises(AirflowFailException, match=f"the run {RUN}__001 has the same"):
        check(airflow, posts, run_id="manual__2")


def test_what_was_checked_goes_out(
    airflow: Publishing, start_simulator: Start, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is replaced or removed after the check changes nothing: the video that was checked is posted."""
    simulator = start_simulator()
    posts = [
        {"text": "One", "video": "good.mp4", "captions": "good.srt"},
        {"text": "Two", "video": "old.mp4"},
    ]
    runs = check(airflow, [{**post, "fit_video": True} for post in posts])
    (videos / "good.mp4").write_bytes(b"replaced")
    (videos / "good.srt").unlink()
    (videos / "old.mp4").unlink()

    for run in runs:
        airflow.publish(**run["post"], run_id=run["run_id"])
        airflow.post(run_id=run["run_id"])

    assert texts(simulator) == ["One", "Two"]
    same = (videos / "same.mp4").read_bytes()
    one, captions, two = simulator.uploads
    assert one.total_bytes == len(same)
    assert one.captions == {"en": captions.id}
    assert two.sha256 == airflow.record(runs[1]["run_id"]).details["video"]["sha256"]
    with pytest.raises(AirflowFailException):
        airflow.prepare(**{**runs[1]["post"], "text": "Three"}, run_id="manual__3")


def test_another_wish_is_brought_anew(airflow: Publishing, start_simulator: Start, videos: Path) -> None:
    """What was checked for one video is not taken for another, nor when it is gone from the data folder."""
    start_simulator()
    (run,) = check(airflow, [{"text": "One", "video": "good.mp4"}])
    airflow.prepare(**{**run["post"], "video": "portrait.mp4"}, run_id=run["run_id"])
    assert airflow.record(run["run_id"]).details["video"]["height"] == 320
    airflow.store.delete(airflow.record(run["run_id"]).details["video"]["key"])
    airflow.prepare(**run["post"], run_id=run["run_id"])
    assert airflow.record(run["run_id"]).details["video"]["height"] == 180


def test_progress(
    airflow: Publishing, start_simulator: Start, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many of how many were checked, the share, the time left and what is being done stand in log and XCom."""
    start_simulator()
    check(airflow, [{"text": "One", "video": "good.mp4"}, {"text": "See https://example.com"}])

    progress = airflow.xcom("check", "progress", dag_id=LIST)
    assert {name: progress[name] for name in ("checked", "total", "percent", "left_s")} == {
        "checked": 2,
        "total": 2,
        "percent": 100,
        "left_s": 0,
    }
    said = capsys.readouterr().out
    for words in ("Checked 0 of 2 posts", "post 1: fetching the video", "Checked 1 of 2 posts (50 %, about "):
        assert words in said
    assert "posts.json, 2 posts, all of them right, $0.215 in all" in said


def test_unreachable_alone_is_tried_again(
    airflow: Publishing, start_simulator: Start, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A video that may be there later has Airflow try again; beside any other fault the list is refused at once."""
    start_simulator()

    def bring(store: Any, account: Any, post: Any, tell: Any) -> Any:
        if post["video"] == "later.mp4":
            raise SourceUnreachableError("videos.example.com answered 503; try again later.")
        return bring_video(store, account, post, tell)

    monkeypatch.setattr(list_check, "bring_video", bring)
    posts = [{"text": "One", "video": "good.mp4"}, {"text": "Two", "video": "later.mp4"}]
    with pytest.raises(PostListError, match="answered 503"):
        check(airflow, posts)
    assert refused(airflow, [*posts, {"text": ""}]) == [
        "post 2, video: videos.example.com answered 503; try again later.",
        "post 3, text: a post without a video needs a text",
    ]


def test_the_same_video_is_looked_at_once(
    airflow: Publishing, start_simulator: Start, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A video of many posts of an account is fetched and decoded once; another account has rules of its own."""
    start_simulator()
    airflow.accounts("- account: main\n- account: other\n  video_folders: [elsewhere]\n")
    seen: list[str] = []

    def bring(store: Any, account: Any, post: Any, tell: Any) -> Any:
        seen.append(account.account)
        return bring_video(store, account, post, tell)

    monkeypatch.setattr(list_check, "bring_video", bring)
    posts = [{"text": str(number), "video": "good.mp4"} for number in range(5)]
    faults = refused(airflow, [*posts, {"text": "x", "video": "good.mp4", "account": "other"}])
    assert seen == ["main", "other"]
    assert [fault[:6] for fault in faults] == ["post 6"]


@pytest.mark.parametrize(("bounds", "reason"), [({"max_s": -1.0}, "within"), ({"bytes_max": 1}, "GiB")])
def test_bounded(
    airflow: Publishing,
    start_simulator: Start,
    videos: Path,
    monkeypatch: pytest.MonkeyPatch,
    bounds: dict[str, Any],
    reason: str,
) -> None:
    """A list whose videos take too long, or too much room, is refused, and says what to do."""
    start_simulator()
    monkeypatch.setattr(list_check, "ListCheck", lambda **given: _ListCheck(**given, **bounds))
    posts = [{"text": "One", "video": "good.mp4"}, {"text": "Two", "video": "portrait.mp4"}]
    (fault,) = refused(airflow, posts)
    assert reason in fault
    assert "Divide the list" in fault


_ListCheck = list_check.ListCheck


def test_nobody_may_approve(airflow: Publishing, start_simulator: Start) -> None:
    """An account whose only approver queued the list refuses it; for others it is fine."""
    start_simulator()
    airflow.accounts("- account: main\n  approval: always\n  approvers: [ann]\n")
    (fault,) = refused(airflow, [{"text": "One"}])
    assert fault.startswith("post 1, approval: ann queued this post, and nobody else may approve it")
    assert len(check(airflow, [{"text": "One"}], author="bob")) == 1


def test_no_connection(airflow: Publishing) -> None:
    """An account without a connection cannot post: its rows are refused."""
    airflow.accounts("- account: main\n  connection: not_there\n")
    (fault,) = refused(airflow, [{"text": "One"}])
    assert fault.startswith("post 1, account: There is no connection not_there")


def test_lines_of_a_table(airflow: Publishing, start_simulator: Start) -> None:
    """In a file with lines a fault names the line as a spreadsheet counts it."""
    start_simulator()
    assert refused(airflow, b'text,account\n"One\nmore",\nTwo,no\n', name="posts.csv") == [
        "post 2 (line 4), account: there is no 'no' in accounts.yaml"
    ]


@pytest.mark.parametrize("name", ["missing.json", "../accounts.json", "/etc/passwd", ".hidden.json"])
def test_cannot_be_read(airflow: Publishing, name: str) -> None:
    """A list lies in its folder, and nowhere else."""
    given = {"file": name, "account": "main", "approval": False, "dry_run": False}
    with pytest.raises(AirflowFailException, match="cannot be read"):
        airflow.task(LIST, "check", given)


def test_fields_of_the_form(airflow: Publishing, start_simulator: Start) -> None:
    """Approval and dry run of the list's own form hold for posts that say nothing of it."""
    start_simulator()
    runs = check(airflow, [{"text": "One"}, {"text": "Two", "dry_run": False}], dry_run=True)
    assert [run["post"]["dry_run"] for run in runs] == [True, False]
    assert runs[0]["post"] == {**form(text="One"), "dry_run": True}
