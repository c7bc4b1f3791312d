"""Who may go on with a run that ended before its window did: one other run, and only when nothing of it is lost."""

from __future__ import annotations

from typing import Any

import msgspec

from airflow_twitter.dag_runs import is_active
from airflow_twitter.posts import coverage
from airflow_twitter.posts.staging import CONTINUED_BY, WINDOW, Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.windows import Window, WindowError


class ContinuedBy(msgspec.Struct, frozen=True):
    """The run that goes on with this one, as ``continued_by.json`` in the staging folder of this one holds it."""

    run_id: str


def take_over(ti: Any, store: Store, run_id: str) -> None:
    """Note in the staging folder of `run_id` that the run of `ti` goes on with it; again, it changes nothing.

    Raises WindowError while that run is at work, when another one goes on with it (what is left would be bought
    twice), and while pages of it, or of a run that it went on with itself, wait to be merged: the window would look
    complete without their posts.
    """
    if is_active(ti, ti.dag_id, run_id):
        raise WindowError(
            f"Run {run_id} is still at work. Nothing was bought. Continue it once it has ended, or let it go on."
        )
    _refuse_unmerged(store, ti.dag_id, run_id)
    staging = Staging(store, ti.dag_id, run_id)
    with store.lock(f"{staging.folder}/{CONTINUED_BY}"):
        held = staging.read(CONTINUED_BY, ContinuedBy)
        if held is not None and held.run_id != ti.run_id:
            raise WindowError(
                f"Run {held.run_id} goes on with run {run_id} already: both would buy the same posts. Nothing was "
                f"bought. Clear run {held.run_id}, or continue that one."
            )
        staging.write(CONTINUED_BY, ContinuedBy(ti.run_id))


def refuse_continued(staging: Staging) -> None:
    """Raise WindowError when another run goes on with this one, which would buy the same posts."""
    held = staging.read(CONTINUED_BY, ContinuedBy)
    if held is not None:
        raise WindowError(
            f"Run {held.run_id} goes on where this run stopped: both would buy the same posts. Nothing was bought. "
            f"Clear run {held.run_id} instead, or continue it. To buy the whole window once more, run with refetch=true."
        )


def _refuse_unmerged(store: Store, dag_id: str, run_id: str | None) -> None:
    while run_id is not None:
        staging = Staging(store, dag_id, run_id)
        window = staging.read(WINDOW, Window)
        if window is None:
            # Cleaned away, as only merged runs are.
            return
        recorded = coverage.find_run(store, window.slug, window.fingerprint, dag_id, run_id)
        pages = len(staging.pages())
        if pages > (0 if recorded is None else recorded.pages):
            raise WindowError(
                f"Run {run_id} has {pages} pages that are not in the dataset: its validate or merge has not succeeded. "
                f"Nothing was bought. Clear {run_id} from its task validate on (its log says what was wrong), then "
                "continue it."
            )
        run_id = window.continues
