"""The bill: what was sold, by UTC day.

The same post or user is billed once within a day (https://docs.x.com/x-api/getting-started/pricing). Included
posts and authors are sold like those that were searched for; an account's reads of its own posts have a price of
their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from airflow_twitter.simulator.book import Entry
from airflow_twitter.simulator.costs import COSTS

COUNTS = ("counts_recent", "counts_all")


@dataclass
class Bill:
    """What was sold on one day: ids of posts, of accounts' own posts and of users, requests for counts, and the
    dollars of what accounts did.
    """

    posts: set[str] = field(default_factory=set)
    own_posts: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    counts_recent: int = 0
    counts_all: int = 0
    of_accounts: float = 0.0

    @property
    def dollars(self) -> float:
        """What the day costs."""
        amount = (
            len(self.posts) * COSTS["post_read"]
            + len(self.own_posts) * COSTS["own_read"]
            + len(self.users) * COSTS["user_read"]
            + self.counts_recent * COSTS["counts_recent"]
            + self.counts_all * COSTS["counts_all"]
            + self.of_accounts
        )
        return round(amount, 6)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form: numbers, not ids."""
        return {
            "posts": len(self.posts),
            "users": len(self.users),
            "counts_recent": self.counts_recent,
            "counts_all": self.counts_all,
            "dollars": self.dollars,
        }


def bills(entries: Iterable[Entry]) -> dict[str, Bill]:
    """Return the bill of each day on which something was asked for, by its date: ``2026-11-22``.

    An answer that was lost on its way was sold.
    """
    days: dict[str, Bill] = {}
    for entry in entries:
        bill = days.setdefault(entry.at[:10], Bill())
        bill.posts.update(entry.ids, entry.referenced)
        bill.own_posts.update(entry.read)
        bill.users.update(entry.users)
        bill.counts_recent += entry.counted and entry.endpoint == "counts_recent"
        bill.counts_all += entry.counted and entry.endpoint == "counts_all"
        bill.of_accounts += entry.cost
    return days
