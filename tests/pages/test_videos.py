"""The video of a post in a browser: for users with the right, as it is, and as nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_twitter.accounts.addresses import frame_url, video_url
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.media import keep
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records

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


@pytest.mark.parametrize(
    ("dags", "role", "status"), [(["twitter_post__other"], "VIEWER", 404), (None, "", 401)]
)
def test_rights(get: Get, stored: Store, dags: list[str] | None, role: str, status: int) -> None:
    """Without a login, or the right on the account's DAG, there is no video."""
    answer = get(path_of(video_url("main", KEY)), dags=dags, role=role)
    assert answer.status_code == status
    assert VIDEO not in answer.content


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


def test_cleaned_away(get: Get, stored: Store) -> None:
    """After its retention the video is gone, and the post's record stays."""
    stored.delete_tree("media")
    assert get(path_of(video_url("main", KEY))).status_code == 404
