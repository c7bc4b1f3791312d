"""published.json holds every published post once, whoever writes at the same time."""

from __future__ import annotations

import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.decisions import mark_deleted, mark_posted
from airflow_twitter.publishing.published import KEY, tell_published
from airflow_twitter.publishing.record import Content, Record
from airflow_twitter.publishing.records import Records

TEXT = 'Line one\nline two \u2028 "quoted" \U0001f600'


def publish(records: Records, key: str, post_id: str, account: str = "acme") -> Record:
    """Have a post marked as posted."""
    records.open(account, key, Content(text=f"{TEXT} {key}"))
    return mark_posted(records, account, key, post_id, by="ann")


def entries(store: Store) -> list[dict[str, Any]]:
    """Return what published.json holds; it has one line for each entry, beside the brackets."""
    content = store.read(KEY)
    found: list[dict[str, Any]] = json.loads(content)
    assert len(content.splitlines()) == len(found) + 2
    return found


def test_posts_by_time_across_months(records: Records, store: Store, clock: Any) -> None:
    """Posts of several months and accounts stand in the order in which they were posted."""
    for number in range(4):
        account = ("acme", "other")[number % 2]
        tell_published(store, publish(records, f"run {number}", str(100 + number), account))
        clock.pass_s(20 * 86_400)
    assert [entry["post_id"] for entry in entries(store)] == ["100", "101", "102", "103"]
    assert [entry["account"] for entry in entries(store)] == ["acme", "other", "acme", "other"]
    first = entries(store)[0]
    assert first["text"] == f"{TEXT} run 0"
    assert first["post_url"] == "https://x.com/i/status/100"
    assert (first["found"], first["simulated"], first["deleted_at"]) == (True, False, None)


def test_told_again_changes_nothing(records: Records, store: Store) -> None:
    """A retry of the last task writes no second line."""
    record = publish(records, "run", "100")
    tell_published(store, record)
    before = store.read(KEY)
    tell_published(store, record)
    assert store.read(KEY) == before


def test_deleted_post_says_so(records: Records, store: Store, clock: Any) -> None:
    """A deletion renews the line of its post."""
    tell_published(store, publish(records, "run", "100"))
    tell_published(store, publish(records, "run 2", "101"))
    clock.pass_s(40 * 86_400)
    tell_published(store, mark_deleted(records, "acme", "run", by="ann"))
    assert [entry["deleted_at"] is None for entry in entries(store)] == [False, True]


def test_what_is_not_out_is_not_told(records: Records, store: Store) -> None:
    """A post that waits is none."""
    tell_published(store, records.open("acme", "run", Content(text="a text")))
    assert not store.exists(KEY)


def _write(folder: Path, number: int) -> None:
    start = datetime(2026, 11, 20, tzinfo=UTC)
    records = Records(Store(folder), now=lambda: start + timedelta(days=number * 3))
    for turn in range(8):
        record = publish(records, f"{number}.{turn}", str(1000 + number * 100 + turn))
        tell_published(records.store, record)
        entries(records.store)


def test_many_writers(store: Store) -> None:
    """Processes that publish at once, in two months, lose no line, and readers always see a whole file."""
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(store.root, number)) for number in range(5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=120)
    assert [writer.exitcode for writer in writers] == [0] * 5
    assert len(entries(store)) == 40
