"""Days of ids, observations, and the form of staging."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_twitter.posts.lines import (
    LAST_SERIAL_ID,
    Post,
    id_month,
    id_time,
    media_number,
    newer,
    observed_at,
    post_day,
    read_posts,
    staged_lines,
)
from airflow_twitter.times import utc_text


def test_day_of_a_snowflake_id() -> None:
    """The id of a known moment gives that moment, and the UTC day of it."""
    assert id_time(1585841080431321088) == datetime(2022, 10, 28, 3, 49, 11, 734000, tzinfo=UTC)
    assert post_day(1585841080431321088) == "2022-10-28"
    assert id_month(1585841080431321088) == "2022-10"


def test_day_changes_at_midnight_utc(id_at: Callable[..., int]) -> None:
    """The last millisecond of a day belongs to it, the next one to the next day."""
    midnight = id_at("2026-11-02T00:00:00Z")
    assert post_day(midnight - 1) == "2026-11-01"
    assert post_day(midnight) == "2026-11-02"


def test_id_decides_the_day_whatever_created_at_says(id_at: Callable[..., int]) -> None:
    """One post always lies in one day, even if fields of it change."""
    number = id_at("2026-11-01T12:00:00Z")
    assert post_day(number, datetime(2020, 1, 1, tzinfo=UTC)) == "2026-11-01"


def test_old_ids_need_created_at() -> None:
    """Ids of before November 2010 hold no time."""
    assert id_time(LAST_SERIAL_ID) is None
    assert id_time(LAST_SERIAL_ID + 1) is not None
    assert post_day(20, datetime(2006, 3, 21, 20, 50, 14, tzinfo=UTC)) == "2006-03-21"
    assert post_day(20, datetime(2006, 3, 21, 23, 0, tzinfo=timezone(timedelta(hours=-2)))) == "2006-03-22"
    assert post_day(20) == "undated"
    assert id_month(20) == "undated"


def test_largest_ids_have_a_day() -> None:
    """19 digits never overflow."""
    assert post_day(9_999_999_999_999_999_999) == "2086-05-23"


def test_media_keys() -> None:
    """The number of a media key is what follows its kind."""
    assert media_number("3_1580661436132757506") == 1580661436132757506
    for key in (
        "",
        "_",
        "3_",
        "_1",
        "3_x",
        "x_1",
        "3-1",
        "3_1_2",
        "3_" + "1" * 20,
        "3_1\n",
        "³_1",
        "1580661436132757506",
    ):
        with pytest.raises(ValueError, match="media key"):
            media_number(key)


def test_observed_at_is_ours(make_post: Callable[..., Post]) -> None:
    """The last member of the line counts, whatever the text holds."""
    trap = ',"_fetched_at":"2030-01-01T00:00:00.000000Z"'
    assert (
        observed_at(bytes(make_post(5, "2026-11-22T08:00:00.000000Z", trap).line))
        == "2026-11-22T08:00:00.000000Z"
    )
    assert (
        observed_at(b'{"_fetched_at": "2026-01-01T00:00:00.000000Z", "id": "5"}\n')
        == "2026-01-01T00:00:00.000000Z"
    )
    assert observed_at(b'{"id":"5"}\n') == ""


@given(st.integers(0, 2), st.integers(0, 2), st.sampled_from("ab"), st.sampled_from("ab"))
def test_newer_does_not_depend_on_the_order(first: int, second: int, one_text: str, other_text: str) -> None:
    """Of two observations the same one stays, whichever came first."""
    one = b'{"id":"5","text":"%s","_fetched_at":"2026-11-2%dT00:00:00.000000Z"}\n' % (
        one_text.encode(),
        first,
    )
    other = b'{"id":"5","text":"%s","_fetched_at":"2026-11-2%dT00:00:00.000000Z"}\n' % (
        other_text.encode(),
        second,
    )
    assert newer(one, other) == newer(other, one)
    if first != second:
        assert newer(one, other) == (one if first > second else other)


def test_equal_observations_keep_the_first(make_post: Callable[..., Post]) -> None:
    """A post that is known in just this form is not replaced."""
    line = make_post(5).line
    assert newer(line, bytes(bytearray(line))) is line


def test_staged_lines_are_read_again(make_post: Callable[..., Post]) -> None:
    """Posts of several days and pages come back as they were, in their order."""
    pages = [
        [make_post("2026-11-02T00:00:01Z"), make_post("2026-11-02T00:00:00Z", text="\u2028 ü 🧾")],
        [],
        [make_post("2026-11-01T00:00:00Z"), make_post("2026-11-02T00:00:00Z"), make_post(20)],
    ]
    file = io.BytesIO(b"".join(map(staged_lines, pages)))
    read = [Post(post.id, post.day, bytes(post.line)) for post in read_posts(file)]
    assert read == [post for page in pages for post in page]
    assert {type(post.id) for post in read} == {int}


def test_cut_staged_lines_are_an_error(make_post: Callable[..., Post]) -> None:
    """Half a file is never taken for a whole one."""
    content = staged_lines([make_post(5), make_post(6)])
    with pytest.raises(ValueError, match="too early"):
        list(read_posts(io.BytesIO(content[:-1])))


def test_utc_text_sorts_as_time_does() -> None:
    """Every moment has the same form, with or without fractions, in UTC."""
    assert (
        utc_text(datetime(2026, 11, 22, 10, tzinfo=timezone(timedelta(hours=2))))
        == "2026-11-22T08:00:00.000000Z"
    )
    with pytest.raises(ValueError, match="time zone"):
        utc_text(datetime(2026, 11, 22, 10))
