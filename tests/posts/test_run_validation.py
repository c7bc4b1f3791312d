"""All pages of a run: good posts staged, bad ones in quarantine, and a report of both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_twitter.posts.lines import read_posts
from airflow_twitter.posts.run_validation import Report, validate_run
from airflow_twitter.posts.staging import PageHeader, Staging
from airflow_twitter.posts.store import Store

NAMES = {"slug": "sevdesk", "dag_id": "dag", "run_id": "run"}


@pytest.fixture
def staging(store: Store) -> Staging:
    """Return the staging folder of a run."""
    return Staging(store, "dag", "run")


def commit(staging: Staging, number: int, body: Any) -> None:
    """Commit a page."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    header = PageHeader(
        number=number,
        asked_token=None,
        next_token=None,
        fingerprint="f",
        fetched_at=f"2026-11-22T08:00:0{number}.000000Z",
        result_count=4,
    )
    staging.commit(header, content)


def test_a_run_of_several_pages(staging: Staging) -> None:
    """Good posts are staged with what came with them, the bad one is not, and the report counts them."""
    users = [{"id": "7", "username": "a"}]
    commit(
        staging,
        1,
        {"data": [{"id": "5", "text": "a"}, {"id": "x", "text": "b"}], "includes": {"users": users}},
    )
    commit(
        staging, 2, {"data": [{"id": "4", "text": "c"}, {"id": "5", "text": "a"}], "errors": [{"title": "t"}]}
    )
    commit(staging, 3, {"meta": {"result_count": 0}})
    report = validate_run(staging, **NAMES)
    assert (report.pages, report.posts, report.bad, report.errors, report.users) == (3, 2, 1, 1, 1)
    assert report.bad_share == pytest.approx(1 / 3)
    with staging.store.open(staging.validated_key()) as file:
        posts = [(post.id, json.loads(bytes(post.line))) for post in read_posts(file)]
    assert [number for number, _ in posts] == [5, 4, 5]
    assert [line["_page"] for _, line in posts] == [1, 2, 2]
    assert posts[0][1]["_fetched_at"] == "2026-11-22T08:00:01.000000Z"
    with staging.store.open(staging.validated_key("users")) as file:
        assert [post.id for post in read_posts(file)] == [7]
    assert report.quarantine is not None
    records = [json.loads(line) for line in staging.store.read(report.quarantine).splitlines()]
    assert [(record["page"], record["kind"]) for record in records] == [(1, "posts"), (2, "errors")]


def test_a_run_without_posts(staging: Staging) -> None:
    """An empty page is a run with nothing in it, and nothing refused."""
    commit(staging, 1, {"meta": {"result_count": 0}})
    report = validate_run(staging, **NAMES)
    assert (report.posts, report.bad_share, report.quarantine) == (0, 0.0, None)
    with staging.store.open(staging.validated_key()) as file:
        assert list(read_posts(file)) == []


def test_what_is_no_page_counts_as_bad_and_harms_no_other(staging: Staging) -> None:
    """Its posts are lost to validation, not to staging, and the other pages are good."""
    commit(staging, 1, b"<html>")
    commit(staging, 2, {"data": [{"id": "5", "text": "a"}]})
    report = validate_run(staging, **NAMES)
    assert (report.posts, report.bad) == (1, 4)
    assert staging.body(1) == b"<html>"


def test_validating_again_gives_the_same_bytes(staging: Staging) -> None:
    """A run can be validated again for nothing, with the same result."""
    commit(staging, 1, {"data": [{"id": "5", "text": "a"}, {"id": "x"}]})
    files = []
    for _ in range(2):
        report = validate_run(staging, **NAMES)
        files.append({key: staging.store.read(key) for key in staging.store.list()})
        assert (staging.read("report.json", dict) or {})["posts"] == report.posts == 1
    assert files[0] == files[1]


def test_share_of_bad_posts() -> None:
    """The share counts what was refused among all, and a run without posts has none."""
    assert Report().bad_share == 0.0
    assert Report(posts=3, bad=1).bad_share == 0.25
    assert Report(bad=1).bad_share == 1.0
