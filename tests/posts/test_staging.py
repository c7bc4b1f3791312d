"""Committed pages: kept exactly, checked when read, and the only record of how far a run has come."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from airflow_twitter.posts.staging import PageHeader, Staging, StagingError
from airflow_twitter.posts.store import Store

BODY = '{"data":[{"id":"1","text":"ü\u2028"}],\r\n"meta":{}}\n'.encode()


def header(number: int, **values: Any) -> PageHeader:
    """Return the header of a page."""
    given = {
        "asked_token": None if number == 1 else f"token {number - 1}",
        "next_token": f"token {number}",
        "fingerprint": "0123456789abcdef",
        "fetched_at": "2026-11-22T08:00:00.000000Z",
    }
    return PageHeader(number=number, **{**given, **values})


@pytest.fixture
def staging(store: Store) -> Staging:
    """Return the staging folder of a run with an unkind id."""
    return Staging(store, "twitter_search__sevdesk", "manual__2026-11-22T08:00:00+00:00 / ../x")


def page_file(staging: Staging, number: int) -> Path:
    """Return where a page lies."""
    return Path(staging.store.url(f"{staging.folder}/pages/{number:05d}.page"))


def test_a_page_is_read_as_it_was_committed(staging: Staging) -> None:
    """Bytes, token and fingerprint come back, with size and checksum."""
    key = staging.commit(header(1, request_id="r", result_count=1, newest_id="1", oldest_id="1"), BODY)
    assert key == f"{staging.folder}/pages/00001.page"
    (read,) = staging.pages()
    assert (read.next_token, read.fingerprint, read.request_id) == ("token 1", "0123456789abcdef", "r")
    assert read.size == len(BODY)
    assert len(read.sha256) == 64
    assert staging.body(1) == BODY


def test_a_page_is_one_file(staging: Staging) -> None:
    """The raw bytes and the token after them lie in one file, a header line and X's bytes."""
    staging.commit(header(1), BODY)
    first, rest = page_file(staging, 1).read_bytes().split(b"\n", 1)
    assert msgspec.json.decode(first)["next_token"] == "token 1"
    assert rest == BODY


def test_runs_have_their_own_folders(store: Store) -> None:
    """Neither another run nor another DAG sees a page."""
    Staging(store, "a", "run").commit(header(1), BODY)
    assert Staging(store, "a", "run 2").pages() == []
    assert Staging(store, "b", "run").pages() == []
    assert len(Staging(store, "a", "run").pages()) == 1


def test_pages_are_in_order_beyond_five_digits(staging: Staging) -> None:
    """Numbers count, not names."""
    for number in (100_001, 99_999, 100_000):
        staging.commit(header(number), BODY)
    assert [page.number for page in staging.pages()] == [99_999, 100_000, 100_001]


def test_same_page_may_be_committed_again_but_no_other(staging: Staging) -> None:
    """A retry that commits what is there is harmless; what was bought is never overwritten."""
    staging.commit(header(1), BODY)
    staging.commit(header(1, fetched_at="2026-11-22T09:00:00.000000Z"), BODY)
    assert staging.pages()[0].fetched_at == "2026-11-22T08:00:00.000000Z"
    with pytest.raises(StagingError, match="committed already"):
        staging.commit(header(1), b"{}")
    with pytest.raises(StagingError, match="committed already"):
        staging.commit(header(1, next_token=None), BODY)
    assert staging.body(1) == BODY


def test_a_hole_is_an_error(staging: Staging) -> None:
    """A missing page in the middle is named."""
    for number in (1, 2, 4):
        staging.commit(header(number), BODY)
    with pytest.raises(StagingError, match="Page 3 is missing"):
        staging.pages()


def test_pages_of_another_query_are_an_error(staging: Staging) -> None:
    """Pages cannot be taken for those of a query that was changed."""
    staging.commit(header(1), BODY)
    assert len(staging.pages("0123456789abcdef")) == 1
    with pytest.raises(StagingError, match="another query"):
        staging.pages("fedcba9876543210")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: b"",
        lambda content: content[:10],
        lambda content: b"\0" * len(content),
        lambda content: b"\xff" + content,
        lambda content: content.replace(b'"number":1', b'"number":2'),
    ],
)
def test_a_damaged_page_is_set_aside(staging: Staging, damage: Callable[[bytes], bytes]) -> None:
    """Its bytes are kept under a new name, which the error tells, and its number is free."""
    staging.commit(header(1), BODY)
    path = page_file(staging, 1)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StagingError, match=r"00001\.page\.damaged-"):
        staging.pages()
    (kept,) = os.listdir(path.parent)
    assert kept.startswith("00001.page.damaged-")
    assert staging.pages() == []
    staging.commit(header(1), BODY)
    assert len(staging.pages()) == 1


def test_changed_bytes_are_noticed_when_they_are_read(staging: Staging) -> None:
    """A body of the same size with other bytes does not pass."""
    staging.commit(header(1), BODY)
    path = page_file(staging, 1)
    path.write_bytes(path.read_bytes().replace(b'"id":"1"', b'"id":"2"'))
    with pytest.raises(StagingError, match="not those that were committed"):
        staging.body(1)
    assert staging.pages() == []


def test_discarded_pages_are_gone_and_the_window_stays(staging: Staging) -> None:
    """What is fetched again leaves nothing of before, except the window."""
    staging.write("window.json", {"since": "2026-11-01T00:00:00Z"})
    staging.write("report.json", {"posts": 1})
    staging.store.put(staging.validated_key(), b"")
    staging.commit(header(1), BODY)
    staging.discard_pages()
    assert staging.pages() == []
    assert staging.read("report.json", dict) is None
    with pytest.raises(StagingError, match="is damaged or missing"), staging.validated():
        pass
    assert staging.read("window.json", dict) == {"since": "2026-11-01T00:00:00Z"}
    staging.discard_pages()


def test_window_and_report_come_back(staging: Staging) -> None:
    """Both are None before they are written, and objects after that."""
    assert staging.read("window.json", dict) is None
    assert staging.read("report.json", dict) is None
    staging.write("window.json", {"query": "ü 🧾", "page_max": None})
    staging.write("report.json", {"bad": 0.5})
    assert staging.read("window.json", dict) == {"query": "ü 🧾", "page_max": None}
    assert staging.read("report.json", dict) == {"bad": 0.5}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a":"\xff"}'])
def test_a_damaged_window_is_an_error(staging: Staging, content: bytes) -> None:
    """A run never decides its window anew because the old one cannot be read."""
    staging.write("window.json", {})
    Path(staging.store.url(f"{staging.folder}/window.json")).write_bytes(content)
    with pytest.raises(StagingError, match=r"window\.json is damaged"):
        staging.read("window.json", dict)


def test_headers_cannot_be_changed() -> None:
    """A header is a record."""
    with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
        header(1).next_token = None  # type: ignore[misc]


def test_pages_are_numbered_from_one(staging: Staging) -> None:
    """There is no page 0."""
    with pytest.raises(StagingError, match="numbered from 1"):
        staging.commit(header(0), BODY)
