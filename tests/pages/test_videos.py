"""The video of a post in a browser: for users with the right, as it is, and as nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from airflow_twitter.accounts.addresses import frame_url, video_url
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.media import keep
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.retention import clean_media
from airflow_twitter.publishing.states import PostState

Get = Callable[..., Any]
KEY = "manual__2026-12-01T12:00:00+00:00_abc"
VIDEO = bytes(range(256)) * 40


@pytest.fixture
def stored(world: Any, data_folder: Path) -> Store:
    """A post with a video."""
    for dag_id in ("twitter_post__main", "twitter_post__other"):
        world.dag(dag_id)
    store = Store(data_folder)
    video = keep(store, [VIDEO])
    store.put(f"media/frames/{video.sha256}.jpg", b"\xff\xd8picture")
    Records(store).open("main", KEY, Content(text="Look", media_sha256=video.sha256))
    Records(store).open("main", "text", Content(text="No video"))
    return store


def path_of(url: str) -> str:
    """The path of an address below Airflow's."""
    return url[url.index("/twitter/") :]


def test_video(get: Get, stored: Store) -> None:
    """The video comes as it is, as a video and nothing else; a browser may ask for a part of it."""
    answer = get(path_of(video_url("main", KEY)), dags=["twitter_post__main"])

    assert answer.status_code == 200
    assert answer.content == VIDEO
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["accept-ranges"] == "bytes"


def test_frame(get: Get, stored: Store) -> None:
    """So does the picture."""
    answer = get(path_of(frame_url("main", KEY)))
    assert (answer.content, answer.headers["content-type"]) == (b"\xff\xd8picture", "image/jpeg")


ETAG = f'"{hashlib.sha256(VIDEO).hexdigest()}"'


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-1", 206, 0, 2),
        ("bytes=100-", 206, 100, len(VIDEO)),
        ("bytes=-50", 206, len(VIDEO) - 50, len(VIDEO)),
        (f"bytes=10-{10 * len(VIDEO)}", 206, 10, len(VIDEO)),
        (f"bytes={len(VIDEO) - 1}-", 206, len(VIDEO) - 1, len(VIDEO)),
        (f"bytes={len(VIDEO)}-", 416, 0, 0),
        ("bytes=" + ",".join(["0-"] * 200), 200, 0, len(VIDEO)),
    ],
)
def test_ranges(get: Get, stored: Store, asked: str, status: int, start: int, end: int) -> None:
    """A player gets the part that it asks for, or is told how long the video is."""
    answer = get(path_of(video_url("main", KEY)), range=asked)

    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(VIDEO)}"
        return
    assert answer.content == VIDEO[start:end]
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["etag"] == ETAG
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(VIDEO)}"


@pytest.mark.parametrize(("known", "status"), [(ETAG, 206), ('"another"', 200), (f"W/{ETAG}", 200)])
def test_goes_on_with_the_same_video(get: Get, stored: Store, known: str, status: int) -> None:
    """A player that goes on gets the rest of the same video, or all of another one."""
    answer = get(path_of(video_url("main", KEY)), range="bytes=5000-", if_range=known)
    assert (answer.status_code, answer.content) == (status, VIDEO[5000:] if status == 206 else VIDEO)


def test_head(get: Get, stored: Store) -> None:
    """What there is can be asked without fetching it."""
    answer = get(path_of(video_url("main", KEY)), method="HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(VIDEO))


@pytest.mark.parametrize("what", ["video", "frame"])
@pytest.mark.parametrize(
    ("dags", "role", "status"),
    [(["twitter_post__other"], "VIEWER", 403), (None, "GUEST", 403), (None, "", 401)],
)
def test_rights(get: Get, stored: Store, dags: list[str] | None, role: str, status: int, what: str) -> None:
    """Without a login, or the right on the account's DAG, there is no video, and no word of whether there is one."""
    path = path_of(video_url("main", KEY)).removesuffix("video") + what
    answer = get(path, dags=dags, role=role)
    assert answer.status_code == status
    assert VIDEO not in answer.content
    nothing = get(path.replace("_abc", "_none"), dags=dags, role=role)
    assert (nothing.status_code, nothing.content) == (answer.status_code, answer.content)


BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "sec_fetch_dest": "document"}


def test_login_and_back(get: Get, stored: Store) -> None:
    """Who opens the address without being logged in is led to Airflow's login, which leads back to the video."""
    path = path_of(video_url("main", KEY))
    answer = get(path, role="", **BROWSER)

    assert answer.status_code == 303
    login = urlsplit(answer.headers["location"])
    assert login.path == "/api/v2/auth/login"
    back = parse_qs(login.query)["next"][0]
    led = get(answer.headers["location"], role="")
    assert (led.status_code, quote(back, safe="") in led.headers["location"]) == (307, True)
    assert get(back).content == VIDEO
    for player in (
        {},
        {**BROWSER, "sec_fetch_dest": "video"},
        {"accept": "text/html", "sec_fetch_dest": "iframe"},
    ):
        assert get(path, role="", **player).status_code == 401


def test_refusals_are_sentences_in_a_browser(get: Get, stored: Store) -> None:
    """Who opens what is not for him, or is not there, reads a sentence."""
    path = path_of(video_url("main", KEY))
    refused = get(path, dags=["twitter_post__other"], **BROWSER)
    assert refused.status_code == 403
    assert "<p>You may not see the posts of main" in refused.text
    assert get(path_of(video_url("main", "<b>nothing")), **BROWSER).status_code == 404
    stored.delete_tree("media")
    gone = get(path, **BROWSER)
    assert gone.status_code == 410
    assert "<p>The video of this post has been cleaned away." in gone.text


@pytest.mark.parametrize(
    "path",
    [
        "/twitter/posts/main/text/video",
        "/twitter/posts/main/nothing/video",
        "/twitter/posts/other/text/frame",
        "/twitter/posts/main/..%2F..%2Fsecret/video",
        "/twitter/posts/MAIN/text/video",
        f"/twitter/posts/main/{'a' * 300}/video",
    ],
)
def test_nothing_there(get: Get, stored: Store, path: str) -> None:
    """What there is not is not found, and no path leads elsewhere."""
    assert get(path).status_code in (404, 422)


def test_until_retention_ends(get: Get, stored: Store) -> None:
    """The video can be seen while the post is on its way, however old, and then until its time is over."""
    path, records = path_of(video_url("main", KEY)), Records(stored)
    later = datetime.now(UTC) + timedelta(days=40)
    clean_media(stored, now=later, keep_s=30 * 86_400.0)
    assert get(path).status_code == 200
    records.note("main", KEY, PostState.POSTED, "Created.")
    clean_media(stored, now=datetime.now(UTC), keep_s=30 * 86_400.0)
    assert get(path).status_code == 200
    clean_media(stored, now=later, keep_s=30 * 86_400.0)
    assert get(path).status_code == 410
    assert get(path_of(frame_url("main", KEY))).status_code == 410
    assert records.find("main", KEY) is not None


@pytest.mark.parametrize("sha256", ["../../secret", "/etc/passwd", "x", "frames/" + "0" * 64])
def test_no_hash_leads_elsewhere(get: Get, stored: Store, sha256: str) -> None:
    """A record that somebody tampered with opens no other file."""
    Records(stored).open("main", "bad", Content(text="x", media_sha256=sha256))
    assert get(path_of(video_url("main", "bad"))).status_code == 404
