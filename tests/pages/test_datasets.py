"""What is told of a dataset and its coverage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_twitter.pages.datasets import (
    EXACT_BYTES,
    EXACT_FILES,
    read_coverage,
    read_dataset,
    summarise,
)
from airflow_twitter.posts.coverage import CoveredWindow, Query, record
from airflow_twitter.posts.store import Store, StoreError

LINE = b'{"id":"1","text":"' + b"x" * 80 + b'"}\n'
T = datetime(2026, 11, 1, tzinfo=UTC)


def window(since: int, until: int, state: str = "complete", **values: Any) -> CoveredWindow:
    """Return a window between two hours, recorded at its end."""
    given = {"dag_id": "d", "run_id": f"{since}-{until}-{state}", "recorded_at": T + timedelta(hours=until)}
    return CoveredWindow(
        since=T + timedelta(hours=since), until=T + timedelta(hours=until), state=state, **(given | values)
    )


def test_a_small_dataset_is_counted(tmp_path: Path) -> None:
    """A small dataset is counted exactly; its days are its files, the undated one aside."""
    store = Store(tmp_path)
    for day, posts in (("2026-11-02", 3), ("2026-10-30", 2), ("undated", 1)):
        store.put(f"posts/tea/{day}.jsonl", LINE * posts)
    store.put("posts/tea/2026-11-02.jsonl.damaged-20261103T000000.0Z", LINE * 99)
    found = read_dataset(store, "tea")
    assert (found.posts, found.exact, found.size) == (6, True, 6 * len(LINE))
    assert (found.oldest_day, found.newest_day, found.export) == ("2026-10-30", "2026-11-02", None)


def test_a_keyword_without_posts_has_an_empty_dataset(tmp_path: Path) -> None:
    """Before anything is collected the dataset is empty, not an error."""
    found = read_dataset(Store(tmp_path), "tea")
    assert (found.posts, found.exact, found.size, found.oldest_day) == (0, True, 0, None)


@pytest.mark.parametrize("files", [1, EXACT_FILES + 1])
def test_a_large_dataset_is_estimated_from_a_little_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    """Beyond a megabyte, or many days, the count is an estimate to two digits, and one file alone is opened."""
    store = Store(tmp_path)
    lines = (EXACT_BYTES // len(LINE) + 1000) // files
    for number in range(files):
        store.put(f"posts/tea/{T + timedelta(days=number):%Y-%m-%d}.jsonl", LINE * lines)
    opened: list[str] = []
    open_file = Store.open
    monkeypatch.setattr(Store, "open", lambda store, key: opened.append(key) or open_file(store, key))
    found = read_dataset(store, "tea")
    assert not found.exact
    assert found.posts == pytest.approx(lines * files, rel=0.05)
    assert len(opened) == 1


def test_a_dataset_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A folder of posts that is a link to elsewhere is refused, and a linked day file is not counted."""
    store = Store(tmp_path / "data")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "2026-11-01.jsonl").write_bytes(LINE)
    store.put("posts/tea/2026-11-02.jsonl", LINE)
    (store.root / "posts" / "tea" / "2026-11-01.jsonl").symlink_to(outside / "2026-11-01.jsonl")
    with pytest.raises(StoreError):
        read_dataset(store, "tea")
    (store.root / "posts" / "coffee").symlink_to(outside)
    with pytest.raises(StoreError):
        read_dataset(store, "coffee")


def test_coverage_is_read_by_query(tmp_path: Path) -> None:
    """Each query of a keyword is told apart; files that are no coverage are passed by, damaged ones named."""
    store = Store(tmp_path)
    record(store, "tea", "tea", "recent", window(0, 24))
    record(store, "tea", "tea", "all", window(0, 24))
    store.put("coverage/tea/notes.txt", b"x")
    store.put(f"coverage/tea/{'0' * 16}.json", b'{"query": 1}')
    read, unreadable = read_coverage(store)
    assert sorted((query.slug, query.query, query.endpoint) for query in read) == [
        ("tea", "tea", "all"),
        ("tea", "tea", "recent"),
    ]
    assert unreadable == [("tea", f"coverage/tea/{'0' * 16}.json")]


@pytest.mark.parametrize(
    ("windows", "partial"),
    [
        pytest.param([window(0, 24, "partial")], 1, id="alone"),
        pytest.param([window(0, 24, "partial"), window(0, 24)], 0, id="completed"),
        pytest.param(
            [window(6, 12, "partial"), window(0, 8), window(8, 24)], 0, id="covered by two together"
        ),
        pytest.param([window(0, 24, "partial"), window(0, 8)], 1, id="covered in part"),
        pytest.param(
            [window(0, 24, "partial", run_id="1"), window(5, 24, run_id="2", continues="1")],
            0,
            id="gone on with, out of reach of its beginning",
        ),
        pytest.param(
            [
                window(0, 24, "partial", run_id="1"),
                window(0, 24, "partial", run_id="2", continues="1"),
                window(5, 24, run_id="3", continues="2"),
            ],
            0,
            id="gone on with twice",
        ),
        pytest.param(
            [window(0, 24, "partial"), window(23, 24, recorded_at=T + timedelta(days=9))],
            1,
            id="a shorter one of the same end",
        ),
        pytest.param([window(0, 24)], 0, id="complete"),
    ],
)
def test_a_window_is_partial_until_a_complete_one_covers_it(
    windows: list[CoveredWindow], partial: int
) -> None:
    """Only windows of which something is still missing count as partial."""
    assert len(summarise(Query("tea", "0" * 16, "tea", "recent", windows)).partial) == partial


def test_the_newest_complete_window_and_the_gaps_are_found() -> None:
    """The newest complete window is the one that ends last, however old its record; holes lie between blocks."""
    found = summarise(
        Query("tea", "0" * 16, "tea", "recent", [window(48, 72), window(0, 24), window(72, 96, "partial")])
    )
    assert found.newest_complete is not None
    assert found.newest_complete.until == T + timedelta(hours=72)
    assert found.gaps == [(T + timedelta(hours=24), T + timedelta(hours=48))]
    assert found.last is not None
    assert found.last.run_id == "72-96-partial"
