"""Compare what the ledgers noted with what X says it sold, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from airflow_twitter.spending.entries import Summary

SLACK_POSTS = 10
"""Below so many posts a difference means nothing: X calls its counting once a day a soft guarantee."""


@dataclass(frozen=True)
class Comparison:
    """The posts that were read in some time, as noted and as X counts them.

    `noted_most` adds what may have been bought besides: requests without an answer, and reads of own posts, of
    which X does not say whether it counts them. `judged` is False while X may still be counting.
    """

    when: str
    noted: int
    noted_most: int
    counted: int
    unanswered: int
    judged: bool = True

    @property
    def difference(self) -> int:
        """Posts that X counts beyond what may have been bought; negative when it counts fewer than were noted."""
        if self.counted > self.noted_most:
            return self.counted - self.noted_most
        return min(0, self.counted - self.noted)

    def differs(self, tolerance: float) -> bool:
        """Tell whether the difference is more than this share of the larger number, and more than a few posts."""
        allowed = max(SLACK_POSTS, tolerance * max(self.counted, self.noted))
        return self.judged and abs(self.difference) > allowed

    def __str__(self) -> str:
        text = f"{self.when}: {self.noted:,} posts were noted, X counts {self.counted:,}"
        if self.counted > self.noted and self.noted_most > self.noted:
            text += f"; up to {self.noted_most - self.noted:,} more may have been sold, {self._besides()}"
        if not self.judged:
            text += "; X may still be counting"
        elif self.difference:
            text += f"; {abs(self.difference):,} are {'not noted' if self.difference > 0 else 'not counted'}"
        return f"{text}."

    def _besides(self) -> str:
        if self.unanswered:
            return f"in {unanswered(self.unanswered)}"
        return "in reads of own posts or requests under way"


def unanswered(count: int) -> str:
    """Write how many requests had no answer."""
    return "one request without an answer" if count == 1 else f"{count:,} requests without an answer"


def compare(when: str, noted: Iterable[Summary], counted: int, *, judged: bool = True) -> Comparison:
    """Compare what connections of one project noted with X's figure for it."""
    total = sum(noted, Summary())
    return Comparison(
        when=when,
        noted=total.posts,
        noted_most=total.posts + total.reserved_posts + total.units.get("own_post_read", 0),
        counted=counted,
        unanswered=total.unanswered,
        judged=judged,
    )


def compare_days(
    ledgers: Iterable[Mapping[date, Summary]], counted: Mapping[str, int], *, since: date, today: date
) -> list[Comparison]:
    """Compare the days from the first one that was noted on, newest first; `counted` is X's, by ISO date.

    `since` is the first day that X was asked about: one from then on that it does not name, it sold nothing on. Today
    is not judged: X counts late.
    """
    ledgers = list(ledgers)
    noted = {day for days in ledgers for day in days}
    first = min(noted, default=today)
    named = {date.fromisoformat(day): posts for day, posts in counted.items()}
    return [
        compare(
            str(day),
            [days.get(day, Summary()) for days in ledgers],
            named.get(day, 0),
            judged=day < today,
        )
        for day in sorted(named.keys() | {day for day in noted if since <= day < today}, reverse=True)
        if day >= first
    ]


def reasons(comparisons: Iterable[Comparison]) -> list[str]:
    """Return what differences usually come from."""
    found = list(comparisons)
    told = []
    if any(each.difference > 0 for each in found):
        told.append(
            "X counts more than was noted: another program, or another data folder, uses the same project; a connection "
            "of the project has no ledger here; or answers were lost on the way and asked for again on another day."
        )
    if any(each.difference < 0 for each in found):
        told.append(
            "X counts fewer than were noted: it counts late, or does not count posts that came along with others "
            "(expand)."
        )
    return told
