"""What the runs want of a connection's request window, so that keywords can share it.

One small file per run, written by its owner alone, so that no two writers meet. It is a hint: nothing but fairness
is lost with it, and it runs out by itself when its run dies.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from airflow_twitter.collecting.fair_share import Want
from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.posts.store import Store, StoreError
from airflow_twitter.times import Moment

log = logging.getLogger(__name__)

FOLDER = "quota"

GRACE_S = 300.0
"""So long after its run meant to be back a claim still counts: runs also wait for the connection's one slot."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A run's claim: it has taken some requests of a window, and wants more until `until` (None: no more).

    `window` is when that window ends on X's clock; `before` is how many pages the run had when it began, so that a
    killed run knows afterwards what it took. `since` is when the run began to wait, `served` when it last got a
    page, `looked` how often in a row it then came in vain. Times are aware UTC.
    """

    keyword: str
    since: Moment
    until: Moment | None
    served: Moment | None = None
    window: Moment | None = None
    before: int = 0
    taken: int = 0
    looked: int = 0

    def wants(self, now: datetime) -> bool:
        """Tell whether the run still wants something."""
        return self.until is not None and now < self.until

    def is_over(self, now: datetime) -> bool:
        """Tell whether the claim says nothing about this window or a later one."""
        return not self.wants(now) and (self.window is None or self.window + timedelta(seconds=GRACE_S) < now)


class Claims:
    """The claims on one connection and endpoint."""

    def __init__(self, store: Store, conn_id: str, endpoint: str) -> None:
        self._store = store
        self.folder = f"{FOLDER}/{safe_segment(conn_id)}/{safe_segment(endpoint)}"

    def key(self, dag_id: str, run_id: str) -> str:
        """Return the key of a run's claim."""
        return f"{self.folder}/{safe_segment(f'{dag_id} {run_id}')}"

    def read(self, key: str) -> Claim | None:
        """Return a claim; None when there is none or it cannot be read."""
        try:
            return msgspec.json.decode(self._store.read(key), type=Claim)
        except (OSError, StoreError, ValueError, RecursionError):
            return None

    def write(self, key: str, claim: Claim) -> None:
        """Keep a claim; what cannot be kept is only logged."""
        try:
            self._store.put(key, msgspec.json.encode(claim))
        except (OSError, StoreError) as error:
            log.warning("%s cannot be written (%s): keywords may share less fairly.", key, error)

    def drop(self, key: str) -> None:
        """Delete a claim, if it can be deleted."""
        with contextlib.suppress(OSError, StoreError):
            self._store.delete(key)

    def current(self, now: datetime, *, clean: bool = False) -> dict[str, Claim]:
        """Return every claim that counts, by key; delete the others when asked to."""
        found: dict[str, Claim] = {}
        keys: list[str] = []
        with contextlib.suppress(StoreError):
            keys = self._store.list(self.folder)
        for key in keys:
            claim = self.read(key)
            if claim is not None and not claim.is_over(now):
                found[key] = claim
            elif clean:
                self.drop(key)
        return found


def wants(claims: Iterable[Claim], window: datetime, now: datetime) -> Mapping[str, Want]:
    """Return what each keyword that wants more has had in a window, all its runs together."""
    by_keyword: dict[str, list[Claim]] = {}
    for claim in claims:
        by_keyword.setdefault(claim.keyword, []).append(claim)
    return {
        keyword: Want(
            taken=sum(claim.taken for claim in own if claim.window == window),
            since=_waits_since(own).timestamp(),
        )
        for keyword, own in by_keyword.items()
        if any(claim.wants(now) for claim in own)
    }


def _waits_since(claims: list[Claim]) -> datetime:
    served = [claim.served for claim in claims if claim.served is not None]
    return max(served) if served else min(claim.since for claim in claims)
