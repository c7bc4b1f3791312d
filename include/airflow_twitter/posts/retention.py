"""What may be thrown away: staged pages of runs that are done with, old quarantine, and what killed processes left.

A run's staged pages are what lets it be validated and merged again without buying it again, and, when it is
partial, what lets another run go on with it. They go when the run was merged long enough ago.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import unquote

import msgspec

from airflow_twitter.posts import coverage
from airflow_twitter.posts.coverage import CoveredWindow, Query
from airflow_twitter.posts.holding import alone
from airflow_twitter.posts.recheck import Plan
from airflow_twitter.posts.staging import WINDOW, Staging, find_window
from airflow_twitter.posts.store import Store, set_aside_at
from airflow_twitter.posts.windows import Window

log = logging.getLogger(__name__)

IsActive = Callable[[str, str], bool]
"""Tells of a (dag_id, run_id) whether it is queued or running."""


@dataclass(frozen=True)
class Retention:
    """How long things are kept, in seconds since a run was merged, or a file was written.

    `staging_s` is for runs that are done with, `partial_s` for partial ones that can still be continued.
    """

    staging_s: float
    partial_s: float
    quarantine_s: float


@dataclass
class Cleaned:
    """What was removed, or would be: `runs` are folders of staging, `quarantine` keys; the rest are counts.

    `kept` says how many runs were kept, by reason.
    """

    runs: list[str] = field(default_factory=list)
    bytes: int = 0
    quarantine: list[str] = field(default_factory=list)
    leftovers: int = 0
    kept: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Run:
    """A staged run; without ids nobody can tell whether it is active."""

    folder: str
    dag_id: str | None
    run_id: str | None
    fate: str
    done_at: datetime | None


def clean(
    store: Store, retention: Retention, *, now: datetime, is_active: IsActive, dry_run: bool = False
) -> Cleaned:
    """Remove what is older than it is to be kept, and return what that was; with `dry_run` only return it.

    A staged run is never removed while it is active, unmerged, or used by a task. Damaged files that were set aside
    count as quarantine.
    """
    cleaned = Cleaned()
    kept: Counter[str] = Counter()
    for run in _staged_runs(store):
        reason = _why_keep(run, retention, now)
        if reason is None and not dry_run:
            reason = _remove(store, run, is_active, cleaned)
        if reason is not None:
            kept[reason] += 1
        elif dry_run:
            _note(store, run, cleaned)
    before = now - timedelta(seconds=retention.quarantine_s)
    for key, since in _set_aside(store):
        if since < before:
            cleaned.quarantine.append(key)
            if not dry_run:
                store.delete(key)
    if not dry_run:
        cleaned.leftovers = store.sweep()
    cleaned.kept = dict(kept)
    return cleaned


def _why_keep(run: _Run, retention: Retention, now: datetime) -> str | None:
    """Return why a run is kept, None when it may go."""
    if run.done_at is None:
        return run.fate
    kept_s = retention.partial_s if run.fate == "partial" else retention.staging_s
    return run.fate if (now - run.done_at).total_seconds() <= kept_s else None


def _remove(store: Store, run: _Run, is_active: IsActive, cleaned: Cleaned) -> str | None:
    """Remove a run unless somebody uses it; return why it was kept, None when it is gone."""
    with alone(store, run.folder) as free:
        # Asked under the lock: a run that starts later waits for it, and finds that its pages are gone.
        if not free or run.dag_id is None or run.run_id is None or is_active(run.dag_id, run.run_id):
            return "in use"
        _note(store, run, cleaned)
        store.delete_tree(run.folder)
    log.info("Removed %s: %s, done at %s.", run.folder, run.fate, run.done_at)
    return None


def _note(store: Store, run: _Run, cleaned: Cleaned) -> None:
    cleaned.runs.append(run.folder)
    cleaned.bytes += sum(store.size(key) for key in store.list(run.folder))


def _staged_runs(store: Store) -> Iterator[_Run]:
    queries, _ = coverage.queries(store)
    recorded = {
        Staging(store, window.dag_id, window.run_id).folder: (query, window)
        for query in queries
        for window in query.windows
        if window.run_id
    }
    folders = sorted({"/".join(key.split("/")[:3]) for key in store.list("staging") if key.count("/") > 2})
    windows = {folder: find_window(store, folder) for folder in folders}
    continued = {
        (folder.split("/")[1], window.continues)
        for folder, window in windows.items()
        if window is not None and window.continues and folder in recorded
    }
    by_fingerprint = {(query.slug, query.fingerprint): query for query in queries}
    for folder in folders:
        known = recorded.get(folder)
        if known is not None:
            query, window = known
            is_continued = (folder.split("/")[1], window.run_id) in continued
            yield _Run(
                folder, window.dag_id, window.run_id, _fate(query, window, is_continued), window.recorded_at
            )
        else:
            yield _check(store, folder) or _unrecorded(folder, windows[folder], by_fingerprint)


def _check(store: Store, folder: str) -> _Run | None:
    """Return a check of posts that was begun and never ended, None when the folder is of another kind of run."""
    dag_id, run_id = (_original(part) for part in folder.split("/")[1:3])
    try:
        plan = msgspec.json.decode(store.read(f"{folder}/{WINDOW}"), type=Plan)
        return _Run(folder, dag_id, run_id, "check", datetime.fromisoformat(plan.decided_at))
    except (OSError, ValueError, RecursionError):
        return None


def _fate(query: Query, window: CoveredWindow, is_continued: bool) -> str:
    if window.state == "complete" or is_continued:
        return "merged"
    return "partial" if window in coverage.still_partial(query.windows) else "merged"


def _unrecorded(folder: str, window: Window | None, queries: dict[tuple[str, str], Query]) -> _Run:
    """Return a run that coverage does not name: it is done with only when complete windows hold all of its own.

    Old records are joined to blocks, which have lost the names of their runs.
    """
    dag_id, run_id = (_original(part) for part in folder.split("/")[1:3])
    query = None if window is None else queries.get((window.slug, window.fingerprint))
    if window is None or query is None or not dag_id or not run_id:
        return _Run(folder, dag_id, run_id, "unmerged", None)
    if coverage.lies_in(coverage.covered(query.windows), window.since, window.until):
        return _Run(folder, dag_id, run_id, "merged", window.decided_at)
    return _Run(folder, dag_id, run_id, "unmerged", None)


def _original(segment: str) -> str | None:
    """Return the id that slugs.safe_segment made a folder's name of, None when it was cut."""
    return None if "%~" in segment else unquote(segment, errors="surrogatepass")


def _set_aside(store: Store) -> Iterator[tuple[str, datetime]]:
    """Yield what lies aside, and since when: a damaged file may have been written long before it was found."""
    for key in store.list():
        found_at = set_aside_at(key)
        if found_at is not None and not key.startswith("staging/"):
            yield key, found_at
        elif key.startswith("quarantine/"):
            yield key, store.modified_at(key)
