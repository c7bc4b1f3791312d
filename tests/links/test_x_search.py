"""The link from a search to the same search on x.com."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.airflow_in_memory import at

from airflow_twitter.collecting.request import search_request
from airflow_twitter.links.x_search import XSearchLink, x_search_url
from airflow_twitter.operators.search import TwitterSearchOperator
from airflow_twitter.posts.deciding import RunTimes, decide

NOW = at("11-22 12:00:00")


def url(**search: Any) -> str:
    """The address of a search of two days."""
    request = search_request(search, NOW)
    run = RunTimes((NOW - timedelta(days=3), NOW - timedelta(days=1)))
    return x_search_url(decide(request, run, covered_until=None, now=NOW))


def test_same_search() -> None:
    """The link opens the query with the window's times, newest first."""
    parts = urlsplit(url(keyword="sevdesk"))

    assert (parts.scheme, parts.netloc, parts.path) == ("https", "x.com", "/search")
    since, until = (int((NOW - timedelta(days=days)).timestamp()) for days in (3, 1))
    assert parse_qs(parts.query) == {"q": [f"sevdesk since_time:{since} until_time:{until}"], "f": ["live"]}


@pytest.mark.parametrize("keyword", ["a&b=c", "50% off", "#tag", "c++", "会計 🧾", "<script>", "x;y"])
def test_any_keyword(keyword: str) -> None:
    """Signs that mean something in an address reach x.com as they are, and none opens another parameter."""
    parts = urlsplit(url(keyword=keyword))

    assert parts.fragment == ""
    params = parse_qs(parts.query)
    assert set(params) == {"q", "f"}
    assert params["q"][0].split(" since_time:")[0] == search_request({"keyword": keyword}, NOW).query


def test_link_of_an_operator() -> None:
    """The operator's link is the address of its window, and empty before there is one."""
    operator = TwitterSearchOperator(task_id="search", search={"keyword": "sevdesk"})
    (link,) = operator.operator_extra_links
    key: Any = SimpleNamespace()

    assert isinstance(link, XSearchLink)
    assert link.get_link(operator, ti_key=key) == ""
    operator.search_url = "https://x.com/search?q=sevdesk"
    assert link.get_link(operator, ti_key=key) == "https://x.com/search?q=sevdesk"
