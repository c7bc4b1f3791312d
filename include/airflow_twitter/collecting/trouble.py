"""Trouble that outlasts an attempt: since when X gives no usable answer, and how small the pages have become.

An attempt sees little of it where X's window has room for one request or two: then it waits for the next window. So this
is kept beside the pages of the run, from one attempt and one wait to the next.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from airflow_twitter.api.errors import TransientError
from airflow_twitter.api.page_size import PageSize
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.posts.store import StoreError
from airflow_twitter.times import rfc3339

log = logging.getLogger(__name__)

LASTS = timedelta(hours=1)
"""Trouble that goes on for so long does not pass by itself,"""

TRIES = 5
"""if so many requests were made meanwhile: a run may have waited for X's window most of that time."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What ``trouble.json`` holds: `tries` failed since `since` (UTC), in a run that was cleared so many times."""

    clear_number: int
    tries: int = 0
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    size: tuple[int, int, int] | None = None


class Trouble:
    """Count what fails between two answers of X to one run; a run that is cleared begins anew.

    `size` is that of its pages. `lasting` is the error with which it became clear that trouble does not pass: network
    trouble or 5xx alone for an hour, in five tries at least; whoever is to wait for X raises it.
    """

    def __init__(self, run: CollectRun, max_results: int) -> None:
        self._store = run.store
        self._key = f"{run.staging.folder}/trouble.json"
        self._clear_number: int = run.context["dag_run"].clear_number or 0
        kept = self._read()
        self._on_disk = kept is not None
        self._tries, self._since = (kept.tries, kept.since) if kept else (0, None)
        self.size = PageSize(max_results, kept.size if kept else None)
        self.lasting: TransientError | None = None

    def failed(self, error: TransientError) -> None:
        """Count a try that brought no usable answer."""
        now = datetime.now(UTC)
        self._tries += 1
        self._since = self._since or now
        if now - self._since >= LASTS and self._tries >= TRIES:
            self.lasting = error
        self._keep()

    def answered(self) -> None:
        """Count an answer: whatever trouble there was has passed."""
        self._tries, self._since, self.lasting = 0, None, None
        if self._on_disk:
            self._keep()

    def __str__(self) -> str:
        since = rfc3339(self._since) if self._since else "-"
        return (
            f"X has given no usable answer since {since}, to {self._tries} requests: this does not pass by itself, so "
            "it is not tried again. What was bought is kept; clear the run once X answers again."
        )

    def _keep(self) -> None:
        """Write down what is to be remembered; that it cannot be is no reason to stop."""
        size = self.size.state
        try:
            if self._tries or size:
                kept = Kept(clear_number=self._clear_number, tries=self._tries, since=self._since, size=size)
                self._store.put(self._key, msgspec.json.encode(kept) + b"\n")
            else:
                self._store.delete(self._key)
            self._on_disk = bool(self._tries or size)
        except (OSError, StoreError) as error:
            log.warning("How long X has been in trouble cannot be written down: %s", error)

    def _read(self) -> Kept | None:
        """Return what this run's attempts before have seen; damage counts as nothing."""
        try:
            kept = msgspec.json.decode(self._store.read(self._key), type=Kept)
        except (OSError, ValueError, RecursionError, StoreError):
            return None
        return kept if kept.clear_number == self._clear_number else None
