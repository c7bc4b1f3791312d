"""One run's share of its connection's request window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from airflow.sdk.exceptions import AirflowRescheduleException
from msgspec.structs import replace

from airflow_twitter.collecting.claims import GRACE_S, Claim, Claims, wants
from airflow_twitter.collecting.fair_share import away_s
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.posts.windows import Window


class Share:
    """Tell a run when it is its turn to ask, so that no keyword takes a window from the others.

    As a context it ends the run's claim with the task, and keeps it while the task waits.

    :param limit: what is known of the connection's window.
    :param run: the run, and
    :param window: the span of time that it collects.
    :param pages: the run's committed pages; the list grows.
    """

    def __init__(
        self, limit: SharedLimit, run: CollectRun, window: Window, pages: Sequence[object] = ()
    ) -> None:
        self._limit = limit
        self._claims = Claims(run.store, limit.conn_id, limit.endpoint)
        self._key = self._claims.key(run.dag_id, run.run_id)
        self._keyword = window.slug
        self._pages = pages
        self._seen = len(pages)
        self._claim = self._claims.read(self._key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        now = datetime.now(UTC)
        if self._claim is not None:
            self._count(now)
        if isinstance(error, AirflowRescheduleException):
            self.claim(now, error.reschedule_date)
        else:
            self.end()
            self._claims.current(now, clean=True)

    def claim(self, now: datetime, back_at: datetime) -> None:
        """Say that the run wants a share, and means to be back at `back_at` at the latest."""
        until = back_at + timedelta(seconds=GRACE_S)
        claim = self._claim or self._new(now)
        since = now if claim.until is None else claim.since
        self._keep(replace(claim, since=since, until=until))

    def end(self) -> None:
        """Say that the run wants no more."""
        if self._claim is None:
            return
        if self._claim.window is None:
            self._claims.drop(self._key)
        else:
            self._keep(replace(self._claim, until=None))

    def turn(self, now: datetime) -> datetime | None:
        """Return None when the run may ask now, else when it should look again, without a slot until then.

        While nobody knows of a window that has begun, somebody must begin it.
        """
        claim = self._count(now)
        room = self._limit.room(now)
        if room is None:
            return None
        claims = [*({**self._claims.current(now, clean=True), self._key: claim}).values()]
        away = away_s(
            self._keyword,
            wants(claims, room.window, now),
            room.remaining,
            (room.ends_at - now).total_seconds(),
            runs=sum(1 for each in claims if each.wants(now)),
            looked=claim.looked,
        )
        if away is None:
            return None
        self._claim = replace(claim, looked=claim.looked + 1)
        return now + timedelta(seconds=away)

    def _count(self, now: datetime) -> Claim:
        """Bring the claim up to date: what the run has taken of the window that lasts now."""
        seen, self._seen = self._seen, len(self._pages)
        claim = self._claim or self._new(now)
        room = self._limit.room(now)
        window = None if room is None else room.window
        if window != claim.window:
            before = seen if window else self._seen
            claim = replace(claim, window=window, before=before, looked=0)
        if self._seen > seen:
            claim = replace(claim, served=now, looked=0)
        taken = max(0, self._seen - claim.before)
        claim = replace(claim, taken=taken, until=now + timedelta(seconds=GRACE_S))
        if self._claim is None or self._claim.window != claim.window:
            self._claims.write(self._key, claim)
        self._claim = claim
        return claim

    def _new(self, now: datetime) -> Claim:
        return Claim(keyword=self._keyword, since=now, until=now, before=self._seen)

    def _keep(self, claim: Claim) -> None:
        self._claim = claim
        self._claims.write(self._key, claim)
