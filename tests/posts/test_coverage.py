"""What is known of a query: half-open windows, blocks, gaps, and where to go on."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_twitter.posts import coverage
from airflow_twitter.posts.coverage import (
    CoverageError,
    CoveredWindow,
    contiguous_end,
    covered,
    fingerprint,
    gaps,
)
from airflow_twitter.posts.store import Store

START = datetime(2026, 11, 1, tzinfo=UTC)
QUERY = ("sevdesk lang:de", "recent")
PRINT = fingerprint(*QUERY)


def at(hours: float) -> datetime:
    """Return a moment, in hours since the start."""
    return START + timedelta(hours=hours)


def window(since: float, until: float, run_id: str = "run", **values: Any) -> CoveredWindow:
    """Return a window, complete unless it is said otherwise."""
    given = {"state": "complete", "dag_id": "dag", "recorded_at": START}
    return CoveredWindow(since=at(since), until=at(until), run_id=run_id, **{**given, **values})


def record(store: Store, *recorded: CoveredWindow) -> None:
    """Record windows of one query."""
    for each in recorded:
        coverage.record(store, "sevdesk", *QUERY, each)


def test_fingerprints_tell_queries_and_endpoints_apart() -> None:
    """The same query has the same 16 digits, another query or endpoint others."""
    assert len(PRINT) == 16
    assert int(PRINT, 16) >= 0
    assert fingerprint(*QUERY) == PRINT
    others = [
        ("sevdesk", "recent"),
        ("sevdesk lang:de", "all"),
        ("sevdesk lang:en", "recent"),
        ("🧾\ud800", "all"),
    ]
    assert len({PRINT, *(fingerprint(*other) for other in others)}) == 5


def test_nothing_is_known_before(store: Store) -> None:
    """Without a record there is no end to go on from."""
    assert coverage.windows(store, "sevdesk", PRINT) == []
    assert contiguous_end([]) is None
    assert coverage.find_run(store, "sevdesk", PRINT, "dag", "run") is None


def test_records_are_kept_by_query(store: Store) -> None:
    """What one query covers says nothing of another, even of the same slug."""
    record(store, window(0, 1, posts=5, pages=1))
    coverage.record(store, "sevdesk", "sevdesk", "recent", window(1, 2))
    assert coverage.windows(store, "sevdesk", PRINT) == [window(0, 1, posts=5, pages=1)]
    assert store.list() == sorted(
        coverage.coverage_key("sevdesk", each) for each in (PRINT, fingerprint("sevdesk", "recent"))
    )


def test_a_window_without_posts_is_covered(store: Store) -> None:
    """That nothing was said is known, too."""
    record(store, window(0, 1, posts=0, pages=1))
    assert contiguous_end(coverage.windows(store, "sevdesk", PRINT)) == at(1)


def test_a_run_has_one_record(store: Store) -> None:
    """A run that is merged again, or goes on, replaces what it recorded before."""
    record(store, window(0, 1, "a", state="partial", next_token="t"), window(1, 2, "b"))
    assert contiguous_end(coverage.windows(store, "sevdesk", PRINT)) == at(2)
    found = coverage.find_run(store, "sevdesk", PRINT, "dag", "a")
    assert found is not None
    assert (found.state, found.next_token) == ("partial", "t")
    record(store, window(0, 1, "a"))
    windows = coverage.windows(store, "sevdesk", PRINT)
    assert [each.run_id for each in windows] == ["b", "a"]
    assert covered(windows) == [(at(0), at(2))]
    assert coverage.find_run(store, "sevdesk", PRINT, "another dag", "a") is None


def test_partial_windows_cover_nothing() -> None:
    """Pages come newest first, so a partial window has a hole below its oldest post."""
    assert contiguous_end([window(0, 1), window(1, 5, state="partial", next_token="t")]) == at(1)


def test_windows_that_meet_are_one_block() -> None:
    """The end of one window is the start of the next, without a gap between."""
    windows = [window(2, 3), window(0, 1), window(1, 2)]
    assert covered(windows) == [(at(0), at(3))]
    assert gaps(windows) == []
    assert contiguous_end(windows) == at(3)


def test_holes_are_told() -> None:
    """What lies between two blocks is a gap, however small."""
    windows = [window(0, 1), window(1.001, 2), window(1.5, 4), window(7, 9), window(8, 8)]
    assert covered(windows) == [(at(0), at(1)), (at(1.001), at(4)), (at(7), at(9))]
    assert gaps(windows) == [(at(1), at(1.001)), (at(4), at(7))]
    assert contiguous_end(windows) == at(9)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), max_size=20))
def test_blocks_hold_what_the_windows_hold(spans: list[tuple[int, int]]) -> None:
    """Every hour in a window is in exactly one block, and no other hour is."""
    blocks = covered(window(since, since + length) for since, length in spans)
    hours = {hour for since, length in spans for hour in range(since, since + length)}
    in_blocks = [hour for hour in range(60) if any(since <= at(hour) < until for since, until in blocks)]
    assert set(in_blocks) == hours
    assert all(before[1] < after[0] for before, after in pairwise(blocks))


def test_times_are_aware_and_in_order() -> None:
    """A naive time, or a window that ends before it begins, is refused."""
    with pytest.raises(ValueError, match="time zone"):
        CoveredWindow(
            since=datetime(2026, 11, 1),
            until=at(1),
            state="complete",
            dag_id="d",
            run_id="r",
            recorded_at=START,
        )
    with pytest.raises(ValueError, match="cannot end"):
        window(2, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"query":"q","endpoint":"recent","windows":[{"since":"2026-11-01T00:00:00"}]}',
        b"\xff",
    ],
)
def test_damaged_coverage_is_not_guessed(
    store: Store, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    """Reading it fails, before anything is bought twice; the next record keeps it aside and begins anew."""
    record(store, window(0, 1, "a"))
    key = coverage.coverage_key("sevdesk", PRINT)
    Path(store.url(key)).write_bytes(content)
    with pytest.raises(CoverageError, match="is damaged"):
        coverage.windows(store, "sevdesk", PRINT)
    assert store.read(key) == content
    with caplog.at_level(logging.ERROR):
        record(store, window(1, 2, "b"))
    (aside,) = [name for name in store.list() if ".damaged-" in name]
    assert store.read(aside) == content
    assert aside in caplog.text
    assert [each.run_id for each in coverage.windows(store, "sevdesk", PRINT)] == ["b"]


def test_many_runs_are_joined(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file stays small over years: old complete windows become blocks, and nothing covered is forgotten."""
    monkeypatch.setattr(coverage, "MAX_RUNS", 20)
    record(store, window(0, 1, "stopped", state="partial", next_token="t"))
    record(store, *(window(hour, hour + 1, f"run {hour}") for hour in range(60) if hour != 30))
    windows = coverage.windows(store, "sevdesk", PRINT)
    assert len(windows) <= 20
    assert covered(windows) == [(at(0), at(30)), (at(31), at(60))]
    assert gaps(windows) == [(at(30), at(31))]
    assert coverage.find_run(store, "sevdesk", PRINT, "dag", "stopped") is not None
    assert coverage.find_run(store, "sevdesk", PRINT, "dag", "run 59") is not None


def test_processes_that_record_at_once_lose_nothing(store: Store) -> None:
    """Each run's record is there, whoever else writes."""
    code = """
import sys
from datetime import UTC, datetime, timedelta
from airflow_twitter.posts.coverage import CoveredWindow, record
from airflow_twitter.posts.store import Store
start = datetime(2026, 11, 1, tzinfo=UTC)
for hour in range(int(sys.argv[2]), 30, 3):
    since = start + timedelta(hours=hour)
    record(Store(sys.argv[1]), "sevdesk", "sevdesk lang:de", "recent", CoveredWindow(
        since=since, until=since + timedelta(hours=1), state="complete", dag_id="dag", run_id=str(hour),
        recorded_at=start))
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", code, store.root, str(number)]) for number in range(3)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    windows = coverage.windows(store, "sevdesk", PRINT)
    assert len(windows) == 30
    assert covered(windows) == [(at(0), at(30))]
