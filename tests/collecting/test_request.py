"""Requests: the form's fields become one checked search request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_twitter.api.errors import QueryError
from airflow_twitter.collecting.form import FormError
from airflow_twitter.collecting.request import search_request
from airflow_twitter.posts.windows import SearchRequest

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def asked(**values: Any) -> SearchRequest:
    """The request that a form makes at noon."""
    return search_request({"keyword": "sevdesk", **values}, NOW)


def test_defaults() -> None:
    """A keyword alone searches recent posts for it, 100 a page, every page, for a day at most."""
    request = asked()

    assert (request.keyword, request.slug, request.query) == ("sevdesk", "sevdesk", "sevdesk")
    assert (request.endpoint, request.reach_s) == ("recent", 7 * 86400)
    assert (request.max_results, request.page_max) == (100, None)
    assert (request.start_time, request.end_time) == (None, None)
    assert request.deadline == NOW + timedelta(hours=24)
    assert not request.expand


def test_phrase_and_language() -> None:
    """Several words are quoted, the language is added, and the slug names the keyword alone."""
    request = asked(keyword="Accounting Software", language="de")
    assert request.query == '"Accounting Software" lang:de'
    assert request.slug == asked(keyword="Accounting Software").slug


def test_query_in_place_of_the_keyword() -> None:
    """A raw query is sent; the keyword still names the dataset."""
    request = asked(query="from:sevdesk -is:reply")
    assert (request.query, request.slug) == ("from:sevdesk -is:reply", "sevdesk")


def test_each_query_has_its_own_coverage() -> None:
    """The same slug with another query, language or endpoint has another fingerprint; page sizes do not matter."""
    others = [asked(query="from:sevdesk"), asked(language="de"), asked(endpoint="all")]
    fingerprints = {request.fingerprint for request in (asked(), *others)}

    assert len(fingerprints) == 4
    assert {request.slug for request in others} == {"sevdesk"}
    assert asked(max_results=10, page_max=1, expand=True).fingerprint == asked().fingerprint


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T08:30:00Z", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20T08:30:00+02:00", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20T08:30:00", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20 08:30", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T08:30:00.000Z", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
    ],
)
def test_form_times(text: str, moment: datetime) -> None:
    """Times are read as the form's field writes them and as people do; without a zone they are UTC."""
    request = asked(start_time=text, end_time=text)
    assert request.start_time == request.end_time == moment
    assert request.start_time is not None
    assert request.start_time.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "PT6H",
        "2026-13-01",
        "2026-11-20/2026-11-21",
        "0001-01-01",
        "9999-12-31T23:59:59-12:00",
        "1969-12-31",
    ],
)
@pytest.mark.parametrize("field", ["start_time", "end_time"])
def test_no_moment(field: str, text: str) -> None:
    """What is no moment, or none that arithmetic survives, is refused by the name of its field."""
    with pytest.raises(FormError, match=f"^{field}: '{text}' is not a moment"):
        asked(**{field: text})


@pytest.mark.parametrize(
    ("deadline", "moment"),
    [
        (None, NOW + timedelta(hours=24)),
        ("", NOW + timedelta(hours=24)),
        ("PT6H", NOW + timedelta(hours=6)),
        ("P2D", NOW + timedelta(days=2)),
        ("PT1H30M", NOW + timedelta(hours=1, minutes=30)),
        (90, NOW + timedelta(seconds=90)),
        ("90", NOW + timedelta(seconds=90)),
        (0, NOW),
        ("2026-11-22T18:00:00Z", datetime(2026, 11, 22, 18, tzinfo=UTC)),
        ("2026-11-22T18:00:00+01:00", datetime(2026, 11, 22, 17, tzinfo=UTC)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
    ],
)
def test_deadline(deadline: Any, moment: datetime) -> None:
    """A deadline is a duration or seconds from now, or a moment; empty it is 24 hours."""
    assert asked(deadline=deadline).deadline == moment


@pytest.mark.parametrize("deadline", ["soon", "6 hours", "P9999Y", 10**12, 10**30, "2026-11-22/2026-11-23"])
def test_no_deadline(deadline: Any) -> None:
    """What is neither a duration nor a moment is refused, and so is an endless one."""
    with pytest.raises(FormError, match=r"^deadline: .* is neither a duration like PT6H"):
        asked(deadline=deadline)


def test_page_size_of_the_endpoint() -> None:
    """500 posts a page are for the full archive only."""
    assert asked(endpoint="all", max_results=500).max_results == 500
    with pytest.raises(FormError, match="max_results: 101 is more than the 100 posts") as caught:
        asked(max_results=101)
    assert caught.value.field == "max_results"


@pytest.mark.parametrize(
    "keyword", ["is:reply", "-sevdesk", "   ", 'say "hello', "a\nb", "x" * 499 + " OR y" * 20]
)
def test_query_that_x_refuses(keyword: str) -> None:
    """A query that X would refuse is refused here, before anything is sent; an odd quote is no query."""
    if keyword == 'say "hello':
        assert asked(keyword=keyword).query == '"say hello"'
        return
    with pytest.raises((QueryError, FormError)):
        asked(keyword=keyword)


def test_query_length_of_the_endpoint() -> None:
    """Recent search takes 512 characters, the full archive 1024."""
    query = " OR ".join(["word"] * 100)
    with pytest.raises(QueryError, match="512"):
        asked(query=query)
    assert asked(query=query, endpoint="all").query == query
