"""Pages, counts and usage from the simulator, with time that passes only when slept."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from tests.api.asking import KEY, SEARCH, SECRET, OpenClient, walk

from airflow_twitter.api import errors
from airflow_twitter.api.auth import BearerAuth
from airflow_twitter.api.client import Page, XClient
from airflow_twitter.api.endpoints import ALL, RECENT, Endpoint
from airflow_twitter.simulator import Rule, Simulator


def ids(page: Page) -> list[str]:
    """Return the ids of a page's posts."""
    return [post["id"] for post in json.loads(page.body).get("data", [])]


@pytest.mark.parametrize("endpoint", [RECENT, ALL], ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize("vocabulary", ["tweet", "post"])
def test_pages_hold_every_post_once(
    simulator: Simulator, open_client: OpenClient, endpoint: Endpoint, vocabulary: str
) -> None:
    """A walk over either search in either vocabulary finds what X holds, newest first."""
    client = open_client(simulator.url, BearerAuth(KEY, SECRET), vocabulary=vocabulary)
    pages = list(walk(client, endpoint))
    assert [page.result_count for page in pages] == [10, 10, 5]
    assert [post_id for page in pages for post_id in ids(page)] == simulator.truth("accounting")
    assert (pages[0].newest_id, pages[-1].oldest_id) == (ids(pages[0])[0], ids(pages[-1])[-1])
    assert len(simulator.book.to("token")) == 1


def test_page_tells_limit_clock_and_request(client: XClient, clock: Any) -> None:
    """What X says beside the posts comes along."""
    page = client.search(RECENT, SEARCH)
    assert (page.limit.limit, page.limit.remaining) == (450, 449)
    assert page.limit.reset_at is not None
    assert clock.noon < page.limit.reset_at <= clock.noon + timedelta(minutes=15)
    assert page.server_time == clock.noon
    assert page.request_id
    assert page.partial_errors == ()


@pytest.mark.parametrize(
    ("vocabulary", "history", "included"),
    [("tweet", "edit_history_tweet_ids", "tweets"), ("post", "edit_history_post_ids", "posts")],
)
def test_vocabulary_decides_how_x_answers(
    simulator: Simulator, open_client: OpenClient, vocabulary: str, history: str, included: str
) -> None:
    """Fields are asked for in one vocabulary, and includes only with expand."""
    client = open_client(simulator.url, BearerAuth(KEY, SECRET), vocabulary=vocabulary)
    plain = json.loads(client.search(RECENT, {**SEARCH, "max_results": "100"}).body)
    assert all(history in post and "created_at" in post for post in plain["data"])
    assert "includes" not in plain
    assert not [entry for entry in simulator.book.requests if entry.users]
    full = json.loads(client.search(RECENT, {**SEARCH, "max_results": "100"}, expand=True).body)
    assert full["includes"]["users"]
    assert set(full["includes"]) <= {"users", "media", included}
    assert all("author_id" in post for post in full["data"])


def test_own_fields_replace_ours(client: XClient, simulator: Simulator) -> None:
    """A caller who names fields gets these and no others."""
    client.search(RECENT, {**SEARCH, "tweet.fields": "lang"})
    fields = {name: value for name, value in simulator.book.requests[-1].params.items() if "." in name}
    assert fields == {"tweet.fields": "lang"}


def test_partial_errors_come_with_the_page(client: XClient, simulator: Simulator) -> None:
    """A 200 with errors beside its data is a page."""
    simulator.add_rules([Rule(endpoint="search_recent", fault="partial_errors", nth=1)])
    page = client.search(RECENT, SEARCH)
    assert page.result_count == 10
    assert len(page.partial_errors) == 1


def test_counts_tell_the_posts_without_buying_them(client: XClient, simulator: Simulator) -> None:
    """Counts of both endpoints add up to what a search would find."""
    for endpoint in (RECENT, ALL):
        counts = client.counts(endpoint, {"query": "accounting", "granularity": "day"})
        assert counts.total == sum(bucket.count for bucket in counts.buckets) == 25
    assert simulator.book.sold == []


def test_usage_tells_what_the_month_has_cost(client: XClient) -> None:
    """Usage follows what was bought."""
    client.search(RECENT, SEARCH)
    usage = client.usage()
    assert usage.project_usage == 10
    assert usage.project_cap is not None
    assert usage.cap_reset_day is not None
    assert usage.daily == {}
    (counted,) = [count for count in client.usage(days=3).daily.values() if count]
    assert counted == 10


def test_each_request_is_one_log_line(client: XClient, caplog: pytest.LogCaptureFixture) -> None:
    """Method, path, status, time and what is left of the window; no query string."""
    caplog.set_level(logging.INFO, logger="airflow_twitter.api")
    client.search(RECENT, SEARCH)
    line = caplog.messages[-1]
    assert line.startswith("GET /2/tweets/search/recent -> 200 in 0.00 s, 449 of 450 requests left until 12:")
    assert "accounting" not in caplog.text


def test_answer_without_limits_or_date_is_still_a_page(
    server: Any, open_client: OpenClient, clock: Any
) -> None:
    """Unknown limits are None, and without a Date our own clock counts."""
    server.answer(200, {"meta": {"result_count": 0}}, date=None)
    page = open_client(server.url).search(RECENT, SEARCH)
    assert (page.limit.limit, page.limit.remaining, page.limit.reset_at) == (None, None, None)
    assert page.server_time == clock.noon


def test_full_archive_is_asked_once_a_second(client: XClient, simulator: Simulator, clock: Any) -> None:
    """A second lies before every request to the full archive, also the first; recent search has none."""
    client.authenticate()
    for _ in walk(client, ALL):
        pass
    assert len(simulator.book.to("search_all")) == 3
    assert clock.slept == [1.0, 1.0, 1.0]
    for _ in walk(client, RECENT):
        pass
    assert clock.slept == [1.0, 1.0, 1.0]


def test_full_archive_waits_only_for_what_is_missing(client: XClient, clock: Any) -> None:
    """Time that has passed since the last answer counts."""
    client.search(ALL, SEARCH)
    clock.passed_s += 0.75
    client.search(ALL, SEARCH)
    clock.passed_s += 5.0
    client.search(ALL, SEARCH)
    assert clock.slept == [1.0, 0.25]


def test_full_archive_keeps_its_pace_when_trying_again(
    client: XClient, simulator: Simulator, clock: Any
) -> None:
    """Tries count as requests: jitter may be short, the second is not."""
    client.authenticate()
    simulator.add_rules([Rule(endpoint="search_all", fault="server_error", nth=(1, 4))])
    client.search(ALL, SEARCH)
    assert len(simulator.book.to("search_all")) == 5
    assert sum(clock.slept) >= 5.0


def test_unknown_vocabulary_is_refused() -> None:
    """A wrong setting fails when the client is made."""
    with pytest.raises(errors.ConfigError, match="vocabulary"):
        XClient("https://api.x.com", BearerAuth(KEY, SECRET), vocabulary="toot")


def test_connection_is_kept_alive(server: Any, open_client: OpenClient) -> None:
    """Pages come over one connection, and the client can be used as a context manager."""
    for _ in range(3):
        server.answer(200, {"meta": {"result_count": 0}})
    with open_client(server.url) as client:
        for _ in range(3):
            client.search(RECENT, SEARCH)
    assert server.connections == 1
