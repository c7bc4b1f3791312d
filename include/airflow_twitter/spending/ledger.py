"""The ledger of one connection: ledger/<connection>/<YYYY-MM-DD>.jsonl, one line a purchase, by UTC day of X's clock.

A purchase is known by its key and counts once however often it is recorded, so that whoever goes on after a crash
records again all that it finds committed. X bills the same post or user once within a UTC day: under the lock a
purchase is compared with everything that the day holds. Before a request its highest price is reserved; what is
reserved counts against the budgets until an answer says what it cost. A request that was never answered keeps its
reservation: X may have sold it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import unquote

import msgspec

from airflow_twitter.api.prices import PRICES, Prices, round_dollars
from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.posts.store import Store
from airflow_twitter.spending.budgets import BudgetReached, Budgets, Scope
from airflow_twitter.spending.entries import Day, Entry, Purchase, Summary
from airflow_twitter.times import utc_text

__all__ = ["Ledger", "Purchase", "Reservation", "Summary", "connections"]

FOLDER = "ledger"


@dataclass(frozen=True)
class Reservation:
    """What :meth:`Ledger.reserve` set aside, until it is released or a purchase takes its `place`."""

    place: str
    run: str
    at: datetime


class Ledger:
    """Read and write what one connection bought. Safe with many writers; one object is for one thread.

    Moments are aware and on X's clock. What writes may raise LockTimeout; what reads takes no lock.
    """

    def __init__(
        self, store: Store, conn_id: str, prices: Prices = PRICES, *, lock_timeout_s: float = 60.0
    ) -> None:
        self.conn_id = conn_id
        self.prices = prices
        self._store = store
        self._folder = f"{FOLDER}/{safe_segment(conn_id)}"
        self._lock_timeout_s = lock_timeout_s
        self._days: dict[date, Day] = {}

    def record(self, purchase: Purchase, reservation: Reservation | None = None) -> float:
        """Note a purchase and return the dollars that X bills for it; 0 when it has been noted before.

        Call it once what was bought is safely kept. What was reserved at its place is free again.
        """
        with self._locked():
            day = self._day(purchase.at, with_ids=True)
            if reservation is not None and _day_of(reservation.at) != _day_of(purchase.at):
                self._release(reservation)
            if purchase.key in day.keys:
                return 0.0
            entry = self._entry(purchase, day)
            self._append(day, entry, durable=True)
            return entry.dollars

    def knows(self, key: str, at: datetime) -> bool:
        """Tell whether the purchase `key` of this moment has been noted."""
        return key in self._day(at).keys

    def reserve(
        self,
        place: str,
        *,
        run: str,
        units: Mapping[str, int],
        at: datetime,
        budgets: Budgets,
        since: datetime,
    ) -> Reservation:
        """Set aside the most that a request may cost; raises BudgetReached when a budget does not hold it.

        `place` is the same whenever the same thing is asked for again: it is set aside once. `since` is when the
        `run` began. What other runs have set aside is spent for this one.
        """
        wanted = self.prices.cost(units)
        with self._locked():
            day = self._day(at, with_ids=True)
            for scope, budget in budgets.given():
                spent = self.spent(scope, at=at, run=run, since=since, without=place)
                if round_dollars(spent + wanted) > budget:
                    raise BudgetReached(self.conn_id, scope, budget, spent, wanted)
            entry = Entry(
                kind="reserved", key=place, at=utc_text(at), run=run, units=dict(units), dollars=wanted
            )
            # Lost in a power cut it would be missed by no one: what was bought is noted for good.
            self._append(day, entry, durable=False)
            return Reservation(place, run, at)

    def release(self, reservation: Reservation) -> None:
        """Give back what was set aside for a request that X refused: it sold nothing."""
        with self._locked():
            self._release(reservation)

    def unanswered(self, reservation: Reservation, requests: int = 1) -> None:
        """Note requests of which no answer came: X may have sold them, so what was set aside stays."""
        with self._locked():
            entry = Entry(
                kind="unanswered",
                key=reservation.place,
                at=utc_text(reservation.at),
                run=reservation.run,
                requests=requests,
            )
            self._append(self._day(reservation.at), entry, durable=False)

    def day(self, when: datetime | date) -> Summary:
        """Return what was bought on one UTC day."""
        return self._day(when).summary()

    def month(self, when: datetime | date) -> Summary:
        """Return what was bought in the UTC calendar month of a moment."""
        return self.between(_day_of(when).replace(day=1), _last_of_month(_day_of(when)))

    def between(self, first: date, last: date) -> Summary:
        """Return what was bought from one UTC day to another, both included."""
        days = [self._day(day) for day in self.days() if first <= day <= last]
        return sum((day.summary() for day in days), Summary())

    def spent(
        self, scope: Scope, *, at: datetime, run: str = "", since: datetime | None = None, without: str = ""
    ) -> float:
        """Return the dollars spent and set aside in the day or month of a moment, or by a `run` that began at `since`.

        What the place `without` has set aside that day is left out.
        """
        today = _day_of(at)
        if scope == "day":
            days: Iterable[date] = [today]
        elif scope == "month":
            days = [day for day in self.days() if (day.year, day.month) == (today.year, today.month)]
        else:
            # The run began on our clock, and X's may be behind: by that much its first purchase lies before.
            days = [day for day in self.days() if since is None or day >= _day_of(since) - timedelta(days=1)]
        whose = run if scope == "run" else None
        # What the same place reserved on an earlier day may have been sold then, and is sold again now.
        return round_dollars(
            sum(self._day(day).committed(run=whose, without=without if day == today else "") for day in days)
        )

    def days(self) -> list[date]:
        """Return the UTC days on which anything was asked for, oldest first."""
        return sorted(filter(None, map(_named, self._store.list(self._folder))))

    def _entry(self, purchase: Purchase, day: Day) -> Entry:
        units: dict[str, int] = {}
        repeated: dict[str, int] = {}
        new: dict[str, list[str]] = {}
        for kind, bought in purchase.items.items():
            if isinstance(bought, int):
                units[kind] = bought
                continue
            ids = list(dict.fromkeys(bought))
            new[kind] = [each for each in ids if each not in day.ids[kind]]
            units[kind] = len(new[kind])
            repeated[kind] = len(ids) - len(new[kind])
        return Entry(
            kind="bought",
            key=purchase.key,
            place=purchase.place,
            at=utc_text(purchase.at),
            run=purchase.run,
            requests=purchase.requests,
            dollars=self.prices.cost(units),
            units=_present(units),
            repeated=_present(repeated),
            ids={kind: ids for kind, ids in new.items() if ids},
        )

    def _release(self, reservation: Reservation) -> None:
        day = self._day(reservation.at)
        if reservation.place in day.reserved:
            entry = Entry(kind="released", key=reservation.place, at=utc_text(reservation.at))
            self._append(day, entry, durable=False)

    def _day(self, when: datetime | date, *, with_ids: bool = False) -> Day:
        """Return a day as it is now; who will add to it holds the lock."""
        date_ = _day_of(when)
        day = self._days.get(date_)
        if day is None or (with_ids and not day.with_ids):
            day = self._days[date_] = Day(f"{self._folder}/{date_.isoformat()}.jsonl", with_ids=with_ids)
        day.follow(self._store)
        return day

    def _append(self, day: Day, entry: Entry, *, durable: bool) -> None:
        self._store.append(day.key, msgspec.json.encode(entry) + b"\n", durable=durable)

    def _locked(self) -> AbstractContextManager[None]:
        return self._store.lock(self._folder, self._lock_timeout_s)


def connections(store: Store) -> list[str]:
    """Return the connections that have a ledger."""
    folders = {key.split("/")[1] for key in store.list(FOLDER) if key.count("/") == 2}
    return sorted(unquote(folder) for folder in folders)


def _present(counts: Mapping[str, int]) -> dict[str, int]:
    return {kind: count for kind, count in counts.items() if count}


def _day_of(when: datetime | date) -> date:
    return when.astimezone(UTC).date() if isinstance(when, datetime) else when


def _last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _named(key: str) -> date | None:
    """Return the day that a file is of, None for a file that is none of the ledger's."""
    try:
        return (
            date.fromisoformat(key.rpartition("/")[2].removesuffix(".jsonl"))
            if key.endswith(".jsonl")
            else None
        )
    except ValueError:
        return None
