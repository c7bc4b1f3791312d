"""A person can say that a post is out, is not out, or is not to go out."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_twitter.publishing.decisions import (
    TooLateError,
    cancel,
    mark_deleted,
    mark_not_posted,
    mark_posted,
    post_id_of,
)
from airflow_twitter.publishing.errors import BusyError, DuplicateError
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState


@pytest.fixture
def opened(records: Records) -> Records:
    """Return records with one post, `first` of `acme`."""
    records.open("acme", "first", Content(text="a text"))
    return records


def sent(records: Records, clock: Any) -> None:
    """Bring the post into the state after a lost answer."""
    with records.change("acme", "first") as record:
        record.intent.sent_at = clock()
        record.intent.sends = 1
        record.note(PostState.UNKNOWN, "Not to be seen.")


@pytest.mark.parametrize(
    "link",
    [
        "123",
        " https://x.com/somebody/status/123 ",
        "https://twitter.com/somebody/status/123?s=20",
        "x.com/i/status/123/",
        "https://x.com/i/web/status/123",
        "https://mobile.twitter.com/somebody/status/123#m",
        "https://x.com/somebody/status/123/video/1",
    ],
)
def test_link_of_a_post(link: str) -> None:
    """Ids and addresses, as people copy them."""
    assert post_id_of(link) == "123"


@pytest.mark.parametrize(
    "link",
    ["", "abc", "https://x.com/somebody", "https://example.com/a/status/1", "-1", "1" * 20, "\u0661\u0662"],
)
def test_no_link_of_a_post(link: str) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(ValueError, match=r"https://x\.com/name/status/123"):
        post_id_of(link)


def test_mark_posted(opened: Records, clock: Any) -> None:
    """The unknown post becomes a published one, with who said so; again it is the same."""
    sent(opened, clock)
    for _ in range(2):
        record = mark_posted(opened, "acme", "first", "https://x.com/somebody/status/123", by="ann")
    assert (record.state, record.post_id, record.found) == (PostState.POSTED, "123", True)
    assert record.history[-1].by == "ann"
    assert opened.index.owner_of("acme", "123") == "first"
    with pytest.raises(DuplicateError):
        mark_posted(opened, "acme", "first", "124", by="ann")


def test_mark_posted_without_link(opened: Records, clock: Any) -> None:
    """Whoever does not have the address can still say that the post is out, and give it later."""
    sent(opened, clock)
    record = mark_posted(opened, "acme", "first", by="ann")
    assert (record.state, record.out, record.post_id) == (PostState.POSTED, True, None)
    with pytest.raises(TooLateError, match="not known"):
        cancel(opened, "acme", "first", by="ann")
    assert mark_posted(opened, "acme", "first", "123", by="ann").post_id == "123"
    assert mark_posted(opened, "acme", "first", by="ann").post_id == "123"


def test_one_post_is_not_marked_for_two(opened: Records) -> None:
    """Two records cannot share a post."""
    opened.open("acme", "second", Content(text="another"))
    mark_posted(opened, "acme", "first", "123", by="ann")
    with pytest.raises(DuplicateError, match="first"):
        mark_posted(opened, "acme", "second", "123", by="ann")


def test_mark_not_posted(opened: Records, clock: Any) -> None:
    """The unknown post may be sent again; a published one may not."""
    sent(opened, clock)
    record = mark_not_posted(opened, "acme", "first", by="ann")
    assert (record.state, record.intent.sent_at) == (PostState.QUEUED, None)
    mark_posted(opened, "acme", "first", "123", by="ann")
    with pytest.raises(TooLateError):
        mark_not_posted(opened, "acme", "first", by="ann")


def test_cancel(opened: Records) -> None:
    """A post that was not sent is cancelled."""
    assert cancel(opened, "acme", "first", by="ann").state is PostState.CANCELLED


def test_cancel_too_late(opened: Records, clock: Any) -> None:
    """What is out is named with its link; what may be out is told to be unknown."""
    sent(opened, clock)
    with pytest.raises(TooLateError) as caught:
        cancel(opened, "acme", "first", by="ann")
    assert caught.value.record.state is PostState.UNKNOWN
    mark_posted(opened, "acme", "first", "123", by="ann")
    with pytest.raises(TooLateError, match="status/123"):
        cancel(opened, "acme", "first", by="ann")


def test_nothing_is_decided_while_it_is_being_sent(opened: Records) -> None:
    """A worker in the act comes first."""
    with opened.hold("acme", "first"):
        for decide in (cancel, mark_not_posted):
            with pytest.raises(BusyError):
                decide(opened, "acme", "first", by="ann")
        with pytest.raises(BusyError):
            mark_posted(opened, "acme", "first", "123", by="ann")


def test_deleted(opened: Records, clock: Any) -> None:
    """A deleted post keeps its id and says when."""
    mark_posted(opened, "acme", "first", "123", by="ann")
    record = mark_deleted(opened, "acme", "first", by="ann")
    assert (record.state, record.post_id, record.deleted_at) == (PostState.DELETED, "123", clock())
