"""What a post can say: every field checked, in one place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_twitter.accounts.form import FIELDS, PostFormError, moment, parse_post

POST = {"account": "main", "text": "Hello"}


def test_defaults() -> None:
    """What is not said has its default, and every field is there."""
    post = parse_post(POST)

    assert list(post) == list(FIELDS)
    assert (post["text"], post["video"], post["approval"], post["dry_run"]) == ("Hello", None, False, False)


def test_empty_is_nothing() -> None:
    """An empty text in the form stands for nothing where nothing is allowed."""
    post = parse_post({**POST, "video": " ", "publish_at": ""})
    assert (post["video"], post["publish_at"]) == (None, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"account": "main"}, "text"),
        ({"text": "Hello"}, "account"),
        ({**POST, "account": "../main"}, "account"),
        ({**POST, "account": "main\n"}, "account"),
        ({**POST, "text": 5}, "text"),
        ({**POST, "text": " "}, "text"),
        ({**POST, "text": "a" * 4001}, "text"),
        ({**POST, "vidoe": "a.mp4"}, "vidoe"),
        ({**POST, "dry_run": "yes"}, "dry_run"),
        ({**POST, "publish_at": "tomorrow"}, "publish_at"),
        ({**POST, "publish_at": "2026-02-30T00:00:00Z"}, "publish_at"),
        ({**POST, "captions": "a.srt"}, "captions"),
        ({**POST, "captions_language": "German"}, "captions_language"),
        ({**POST, "target_size_mb": 5}, "target_size_mb"),
        ({**POST, "fit_video": True, "target_size_mb": -1}, "target_size_mb"),
        ({**POST, "fit_video": True, "target_size_mb": float("nan")}, "target_size_mb"),
        ({**POST, "publish_at": "2026-12-02T00:00:00Z", "expires_at": "2026-12-01T00:00:00Z"}, "expires_at"),
    ],
)
def test_mistake(values: dict[str, Any], field: str) -> None:
    """A field that is wrong is named."""
    with pytest.raises(PostFormError) as caught:
        parse_post(values)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_video_without_text() -> None:
    """A video needs no text."""
    assert parse_post({"account": "main", "text": "", "video": "a.mp4"})["text"] == ""


@pytest.mark.parametrize(
    "text", ["2026-12-01T12:00:00Z", "2026-12-01T13:00:00+01:00", "2026-12-01T12:00:00", "2026-12-01T12:00Z"]
)
def test_moment(text: str) -> None:
    """A moment is read in every way in which the form or a program writes it, as UTC."""
    post = {"publish_at": text}
    assert moment(post, "publish_at") == datetime(2026, 12, 1, 12, tzinfo=UTC)
