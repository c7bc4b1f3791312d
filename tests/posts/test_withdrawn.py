"""Posts that X no longer shows, in whatever order that is learned."""

from __future__ import annotations

import json
import tempfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_twitter.posts import dataset
from airflow_twitter.posts.lines import Post, id_month, post_day
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.withdrawn import Withdrawal, read, withdraw

IDS = [(1_699_970_000_000 - 1_288_834_974_657 + offset * 3_600_000 << 22) + 1 for offset in range(3)]
KEY = f"posts/tea/{post_day(IDS[0])}.jsonl"
OBSERVATIONS = st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, 9), st.booleans()), max_size=8)


def moment(minute: int) -> str:
    """A moment as it is stored."""
    return f"2026-11-22T08:{minute:02}:00.000000Z"


def post(number: int, minute: int) -> Post:
    """A post, as it was seen at a minute."""
    content = {
        "id": str(number),
        "text": f"at {minute}",
        "_fetched_at": moment(minute),
        "_run_id": "r",
        "_page": 1,
    }
    return Post(number, post_day(number), json.dumps(content, separators=(",", ":")).encode() + b"\n")


def observe(store: Store, number: int, minute: int, is_gone: bool, *, redact: bool = False) -> None:
    """Learn that X showed a post at a minute, or did not."""
    if is_gone:
        with dataset.lock(store, "tea"):
            gone = {number: Withdrawal(str(number), moment(minute), "deleted")}
            withdraw(store, KEY, gone, redact=redact)
    else:
        dataset.merge(store, "tea", [post(number, minute)])


def stored(store: Store) -> dict[str, str]:
    """The text of each stored post."""
    if not store.exists(KEY):
        return {}
    return {line["id"]: line["text"] for line in map(json.loads, store.read(KEY).splitlines())}


@given(OBSERVATIONS)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_newest_observation_wins(observations: list[Any]) -> None:
    """Whatever the order, a post is there exactly when it was shown later than it was last found gone."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        for number, minute, is_gone in observations:
            observe(store, number, minute, is_gone)

        expected = {}
        for number in IDS:
            shown = [minute for each, minute, gone in observations if each == number and not gone]
            gone = [minute for each, minute, gone in observations if each == number and gone]
            if shown and max(shown) > max(gone, default=-1):
                expected[str(number)] = f"at {max(shown)}"
        assert stored(store) == expected


def test_other_lines_stay_as_they_are(store: Store) -> None:
    """Byte for byte; and a day of which nothing is left has no file."""
    dataset.merge(store, "tea", [post(number, 1) for number in IDS])
    lines = store.read(KEY).splitlines(keepends=True)
    observe(store, IDS[1], 2, True)
    assert store.read(KEY).splitlines(keepends=True) == [lines[0], lines[2]]
    for number in IDS:
        observe(store, number, 2, True)
    assert not store.exists(KEY)
    assert read(store, KEY, IDS).keys() == set(IDS)


def test_redacted_and_shown_again(store: Store) -> None:
    """A redacted post stays empty for older pages, and is filled by a later observation."""
    observe(store, IDS[0], 1, False)
    observe(store, IDS[0], 5, True, redact=True)
    observe(store, IDS[0], 4, False)
    assert stored(store) == {str(IDS[0]): ""}
    observe(store, IDS[0], 6, False)
    assert stored(store) == {str(IDS[0]): "at 6"}


def test_damaged_lines(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A line that cannot be read is told and passed over, in the record; in a day it stays for a merge to report."""
    observe(store, IDS[0], 1, False)
    store.put(KEY, store.read(KEY) + b'{"id":"17, this is no JSON\n')
    store.put(f"withdrawn/posts/{post_day(IDS[0])}.jsonl", b"{\n")

    observe(store, IDS[0], 5, True)

    assert "cannot be read" in caplog.text
    assert store.read(KEY) == b'{"id":"17, this is no JSON\n'


def test_known_to_every_dataset(store: Store) -> None:
    """What one keyword's check found gone is not brought by older pages of another, nor among its referenced posts."""
    observe(store, IDS[0], 5, True)
    older, newer = post(IDS[0], 4), post(IDS[0], 6)
    of_month = [Post(each.id, id_month(each.id), each.line) for each in (older, newer)]

    assert dataset.merge(store, "books", [older]).new == 0
    assert dataset.merge_includes(store, "books", "posts", of_month[:1]).new == 0
    assert dataset.merge(store, "books", [newer]).new == 1
    assert dataset.merge_includes(store, "books", "posts", of_month[1:]).new == 1
