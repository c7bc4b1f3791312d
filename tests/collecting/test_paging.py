"""Paging: which page comes next follows from the window and the committed pages alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from airflow_twitter.collecting.paging import (
    PageRequest,
    PagingError,
    below_oldest,
    carried_token,
    is_complete,
    is_empty,
    next_page,
    next_token,
    oldest_id,
)
from airflow_twitter.collecting.request import search_request
from airflow_twitter.posts.staging import PageHeader
from airflow_twitter.posts.windows import Window

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def window(**changes: Any) -> Window:
    """A window of three days of `sevdesk`."""
    request = search_request({"keyword": "sevdesk"}, NOW)
    names = {name: getattr(request, name) for name in request.__struct_fields__ if hasattr(Window, name)}
    decided = Window(
        **{name: value for name, value in names.items() if name in Window.__struct_fields__},
        since=NOW - timedelta(days=3),
        until=NOW - timedelta(hours=1),
        source="new",
        decided_at=NOW,
    )
    return msgspec.structs.replace(decided, **changes)


def page(number: int, asked: str | None, then: str | None, **changes: Any) -> PageHeader:
    """The header of a committed page, whose oldest post has the id 1000 - 10 * number."""
    known: dict[str, Any] = {
        "number": number,
        "asked_token": asked,
        "next_token": then,
        "fingerprint": "f",
        "fetched_at": "2026-11-22T12:00:00Z",
        "oldest_id": str(1000 - 10 * number),
        "result_count": 10,
    }
    return PageHeader(**{**known, **changes})


def test_first_page() -> None:
    """The walk begins at the window's end."""
    assert next_page(window(), []) == PageRequest(1, None, None)
    assert next_token(window(), []) is None
    assert not is_complete(window(), [])


def test_follows_the_token() -> None:
    """The next page is asked for with the last page's token."""
    pages = [page(1, None, "t1"), page(2, "t1", "t2")]
    assert next_page(window(), pages) == PageRequest(3, "t2", None)
    assert next_token(window(), pages) == "t2"


def test_missing_token_is_the_end() -> None:
    """Only a missing token ends the walk."""
    pages = [page(1, None, "t1"), page(2, "t1", None)]
    assert next_page(window(), pages) is None
    assert is_complete(window(), pages)


def test_empty_page_is_not_the_end() -> None:
    """A page without posts but with a token is followed."""
    pages = [page(1, None, "t1", oldest_id=None)]
    assert next_page(window(), pages) == PageRequest(2, "t1", None)
    assert not is_complete(window(), pages)


def test_page_max() -> None:
    """The walk stops after page_max pages, and that is not the end unless X says so."""
    limited = window(page_max=2)
    pages = [page(1, None, "t1"), page(2, "t1", "t2")]

    assert next_page(limited, pages[:1]) == PageRequest(2, "t1", None)
    assert next_page(limited, pages) is None
    assert not is_complete(limited, pages)
    assert is_complete(limited, [page(1, None, "t1"), page(2, "t1", None)])


def test_window_without_length() -> None:
    """A window that spans no time, overlap included, is complete without a page; an overlap is looked at."""
    nothing = window(since=NOW, until=NOW, overlap_s=0.0)
    assert is_empty(nothing)
    assert is_complete(nothing, [])
    assert next_page(nothing, []) is None
    assert next_page(window(since=NOW, until=NOW, overlap_s=60.0), []) == PageRequest(1, None, None)


@pytest.mark.parametrize("token", ["t1", "t2"])
def test_circular_token(token: str) -> None:
    """A token that was asked for before is not followed: the walk goes on below the oldest post."""
    pages = [page(1, None, "t1"), page(2, "t1", "t2"), page(3, "t2", token)]
    assert next_page(window(), pages) == PageRequest(4, None, "970")


def test_pages_below_an_id() -> None:
    """After a page below an id its token is sent with that id again, as it belongs to it."""
    pages = [page(1, None, "t1"), page(2, None, "u1", until_id="990")]
    assert next_page(window(), pages) == PageRequest(3, "u1", "990")


def empty(number: int, asked: str | None, then: str | None, **changes: Any) -> PageHeader:
    """The header of a committed page without posts."""
    return page(number, asked, then, **{"oldest_id": None, "result_count": 0, **changes})


def test_circle_without_posts() -> None:
    """A token that leads nowhere, without a post to go below, begins the window anew, and only once."""
    pages = [empty(1, None, "t1"), empty(2, "t1", "t1")]
    assert next_page(window(), pages) == PageRequest(3, None, None)
    with pytest.raises(PagingError, match="What is committed is kept"):
        next_page(window(), [*pages, empty(3, None, "t1")])


def test_page_that_was_seen_before() -> None:
    """Behind a page that brings no older post the walk goes on below the oldest one, whatever the token says."""
    pages = [page(1, None, "t1"), page(2, "t1", "t2", oldest_id="990")]
    assert next_page(window(), pages) == PageRequest(3, None, "990")
    continued = window(start_token="t1", start_until_id="990")
    assert next_page(continued, pages[1:]) == PageRequest(2, None, "990")


def test_tokens_that_led_nowhere_twice() -> None:
    """After two such tokens a run goes by post ids; behind an empty page there is but its token."""
    pages = [
        page(1, None, "t1"),
        page(2, None, "u1", until_id="990"),
        page(3, None, "u2", until_id="980"),
    ]
    assert next_page(window(), pages[:2]) == PageRequest(3, "u1", "990")
    assert next_page(window(), pages) == PageRequest(4, None, "970")
    assert next_page(window(), [*pages, empty(4, None, "u3", until_id="970")]) == PageRequest(5, "u3", "970")


def test_empty_pages_are_bounded() -> None:
    """An attempt gives up after 50 empty pages in a row; the next one goes on behind them."""
    pages = [empty(number, f"t{number - 1}", f"t{number}") for number in range(1, 51)]
    assert next_page(window(), pages[:49]) == PageRequest(50, "t49", None)
    with pytest.raises(PagingError, match="50 empty pages in a row"):
        next_page(window(), pages)
    assert next_page(window(), pages, 50) == PageRequest(51, "t50", None, 50)
    assert next_page(window(), [*pages[:49], page(50, "t49", "t50")]) == PageRequest(51, "t50", None)


def test_what_was_tried_in_vain() -> None:
    """Another attempt may go below the same post once more."""
    pages = [page(1, None, "t1"), page(2, "t1", "t1"), empty(3, None, "t1", until_id="980")]
    with pytest.raises(PagingError):
        next_page(window(), pages)
    assert next_page(window(), pages, 3) == PageRequest(4, None, "980", 3)


@pytest.mark.parametrize(
    ("pages", "carried"),
    [
        ([page(1, None, "t1")], "t1"),
        ([page(1, None, "t1"), page(2, "t1", "t1")], None),
        ([page(1, None, "t1"), page(2, None, "t2", until_id="990")], None),
        ([], None),
    ],
)
def test_token_for_another_run(pages: list[PageHeader], carried: str | None) -> None:
    """A token is carried over unless it leads round in a circle, or belongs to a query with an until_id."""
    assert carried_token(window(), pages, next_token(window(), pages)) == carried


def test_circle_below_the_same_post() -> None:
    """Going below a post that was gone below already is an error and no endless loop."""
    pages = [
        page(1, None, "t1"),
        page(2, "t1", "t1"),
        page(3, None, "u1", until_id="980", oldest_id=None),
        page(4, "u1", "u1", until_id="980", oldest_id=None),
    ]
    assert next_page(window(), pages[:2]) == PageRequest(3, None, "980")
    with pytest.raises(PagingError):
        next_page(window(), pages)


def test_oldest_id_is_a_number() -> None:
    """The oldest id is the smallest number, not the first in the alphabet, and may be a continued run's."""
    pages = [page(1, None, "t1", oldest_id="1000"), page(2, "t1", "t2", oldest_id="999")]
    assert oldest_id(window(), pages) == "999"
    assert oldest_id(window(start_until_id="98"), pages) == "98"
    assert oldest_id(window(), []) is None


def test_continued_window() -> None:
    """A run that continues another begins with its token, or below its oldest post when X rejects that."""
    continued = window(start_token="t9", start_until_id="500")

    assert next_page(continued, []) == PageRequest(1, "t9", None)
    assert next_token(continued, []) == "t9"
    assert not is_complete(continued, [])
    assert below_oldest(continued, []) == PageRequest(1, None, "500")
    assert next_page(window(start_until_id="500"), []) == PageRequest(1, None, "500")


def test_params() -> None:
    """X is asked for the window's times, or for what lies below an id in place of the end."""
    known = {"query": "sevdesk", "max_results": "100", "start_time": "2026-11-19T11:59:00Z"}
    end = {"end_time": "2026-11-22T11:00:00Z"}

    assert PageRequest(1, None, None).params(window(), NOW) == known | end
    assert PageRequest(2, "t1", None).params(window(), NOW) == known | end | {"next_token": "t1"}
    assert PageRequest(3, None, "980").params(window(), NOW) == known | {"until_id": "980"}
    assert PageRequest(4, "u1", "980").params(window(), NOW) == known | {
        "until_id": "980",
        "next_token": "u1",
    }


def test_params_at_the_edge_of_recent_search() -> None:
    """A start that X no longer takes is left out on later pages."""
    later = NOW + timedelta(days=4)
    assert "start_time" not in PageRequest(2, "t1", None).params(window(), later)
