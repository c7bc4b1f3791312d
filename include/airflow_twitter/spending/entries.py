"""The lines of the ledger, and what one UTC day of them adds up to."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import msgspec

from airflow_twitter.api.prices import round_dollars
from airflow_twitter.posts.bounds import LongLine, line_blocks
from airflow_twitter.posts.keys import WithMend
from airflow_twitter.posts.store import Store, StoreError

log = logging.getLogger(__name__)

Bought = Mapping[str, Sequence[str] | int]
"""Kind of unit (a field of Prices) -> the ids of the resources that were read, or how many units there were."""


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """What one answered request bought.

    `key` names it for ever: the same key counts once. `place` is what was reserved for it, by default the key.
    `run` is whoever bought, by default as ``<dag_id>/<run_id>``; `at` is aware and on X's clock.
    """

    key: str
    run: str
    at: datetime
    items: Bought
    place: str = ""
    requests: int = 1


class LedgerError(WithMend, StoreError):
    """Report a day of the ledger that cannot be read."""


class EntryHead(msgspec.Struct, frozen=True, kw_only=True):
    """One line without its ids, which are most of the work of reading it.

    It says what was bought, reserved for a request that is under way, released, or lost without an answer. `units` are
    those that X bills, `repeated` those that were bought earlier on the same UTC day.
    """

    kind: Literal["bought", "reserved", "released", "unanswered"]
    key: str
    at: str
    run: str = ""
    place: str = ""
    requests: int = 0
    dollars: float = 0.0
    units: dict[str, int] = {}
    repeated: dict[str, int] = {}


class Entry(EntryHead, frozen=True, kw_only=True, omit_defaults=True):
    """One line, as it is written."""

    ids: dict[str, list[str]] = {}


@dataclass(frozen=True)
class Summary:
    """What was bought in some time. Dollars are those of units that X bills.

    `reserved` is the most that requests under way, and those that were never answered, may have cost besides, for
    `reserved_posts` among other things.
    """

    units: Mapping[str, int] = field(default_factory=dict)
    repeated: Mapping[str, int] = field(default_factory=dict)
    requests: int = 0
    dollars: float = 0.0
    reserved: float = 0.0
    reserved_posts: int = 0
    unanswered: int = 0

    @property
    def posts(self) -> int:
        """Posts read that X bills: the same one twice in a UTC day counts once."""
        return self.units.get("post_read", 0)

    @property
    def users(self) -> int:
        """Users read that X bills."""
        return self.units.get("user_read", 0)

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            units=dict(Counter(self.units) + Counter(other.units)),
            repeated=dict(Counter(self.repeated) + Counter(other.repeated)),
            requests=self.requests + other.requests,
            dollars=round_dollars(self.dollars + other.dollars),
            reserved=round_dollars(self.reserved + other.reserved),
            reserved_posts=self.reserved_posts + other.reserved_posts,
            unanswered=self.unanswered + other.unanswered,
        )


@dataclass(frozen=True)
class Reserved:
    """Money set aside for one place: a request for it is under way, or one was `lost` and may have been sold."""

    run: str
    dollars: float
    posts: int
    under_way: bool
    lost: bool


_NOT_RESERVED = Reserved("", 0.0, 0, under_way=False, lost=False)


class Day:
    """One day's file, read as far as it goes and followed as others add whole lines to it."""

    def __init__(self, key: str, *, with_ids: bool) -> None:
        self.key = key
        self.with_ids = with_ids
        kind: type[EntryHead] = Entry if with_ids else EntryHead
        self._decoder: msgspec.json.Decoder[EntryHead] = msgspec.json.Decoder(kind)
        self._forget()

    def _forget(self) -> None:
        self.keys: set[str] = set()
        self.ids: dict[str, set[str]] = defaultdict(set)
        self.reserved: dict[str, Reserved] = {}
        self._units: Counter[str] = Counter()
        self._repeated: Counter[str] = Counter()
        self._of_runs: dict[str, float] = defaultdict(float)
        self._requests = 0
        self._dollars = 0.0
        self._unanswered = 0
        self._read = 0

    def follow(self, store: Store) -> None:
        """Read what was added since; a line that cannot be read is left out, and said."""
        try:
            if store.size(self.key) < self._read:
                self._forget()
            with store.open(self.key) as file:
                file.seek(self._read)
                for block in line_blocks(file):
                    self._apply_lines(block[: block.rfind(b"\n") + 1], store)
        except FileNotFoundError:
            self._forget()
        except (OSError, LongLine) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise LedgerError(
                f"{store.url(self.key)} cannot be read ({reason}), so that nobody knows what was bought.",
                "Nothing is bought until it can be, or is moved away.",
            ) from None

    def _apply_lines(self, whole: bytes, store: Store) -> None:
        for line in whole.split(b"\n")[:-1]:
            try:
                self.apply(self._decoder.decode(line))
            except (ValueError, RecursionError):
                log.warning("A line of %s cannot be read and is left out.", store.url(self.key))
        self._read += len(whole)

    def apply(self, entry: EntryHead) -> None:
        """Add one line's meaning."""
        match entry.kind:
            case "bought":
                self._buy(entry)
            case "reserved":
                self._reserve(entry)
            case "released":
                # X refused this request, but one before it may have been sold.
                held = self.reserved.pop(entry.key, None)
                if held and held.lost:
                    self.reserved[entry.key] = replace(held, under_way=False)
            case "unanswered":
                self._unanswered += entry.requests
                if held := self.reserved.get(entry.key):
                    self.reserved[entry.key] = replace(held, under_way=False, lost=True)

    def _reserve(self, entry: EntryHead) -> None:
        held = self.reserved.get(entry.key, _NOT_RESERVED)
        # Asked for again though nothing came of it: the request before was never answered.
        self._unanswered += held.under_way
        lost = held.lost or held.under_way
        amount, posts = entry.dollars, entry.units.get("post_read", 0)
        if lost:
            amount, posts = max(amount, held.dollars), max(posts, held.posts)
        self.reserved[entry.key] = Reserved(entry.run, amount, posts, under_way=True, lost=lost)

    def _buy(self, entry: EntryHead) -> None:
        self.reserved.pop(entry.place or entry.key, None)
        if entry.key in self.keys:
            return
        self.keys.add(entry.key)
        self._units.update(entry.units)
        self._repeated.update(entry.repeated)
        self._of_runs[entry.run] += entry.dollars
        self._requests += entry.requests
        self._dollars += entry.dollars
        if isinstance(entry, Entry):
            for kind, ids in entry.ids.items():
                self.ids[kind].update(ids)

    def summary(self) -> Summary:
        """Return what the day adds up to."""
        return Summary(
            units=dict(self._units),
            repeated=dict(self._repeated),
            requests=self._requests,
            dollars=round_dollars(self._dollars),
            reserved=round_dollars(sum(held.dollars for held in self.reserved.values())),
            reserved_posts=sum(held.posts for held in self.reserved.values()),
            unanswered=self._unanswered,
        )

    def committed(self, *, run: str | None = None, without: str = "") -> float:
        """Return the dollars bought and reserved, of one run or of all, without what one place has reserved."""
        bought = self._dollars if run is None else self._of_runs.get(run, 0.0)
        reserved = sum(
            held.dollars
            for place, held in self.reserved.items()
            if place != without and run in (None, held.run)
        )
        return bought + reserved
