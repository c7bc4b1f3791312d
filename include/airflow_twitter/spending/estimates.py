"""What a search will buy, told by X's counts before it is run."""

from __future__ import annotations

import msgspec

from airflow_twitter.api.prices import Prices, round_dollars
from airflow_twitter.spending.budgets import BudgetReached, Scope, dollars
from airflow_twitter.spending.pages import page_units


class Asked(msgspec.Struct, frozen=True):
    """One request for counts that was answered: its `key` in the ledger, X's clock (UTC text), how many posts."""

    key: str
    at: str
    posts: int


class Counting(msgspec.Struct, kw_only=True):
    """How far a run's counting has come, as ``estimate.json`` holds it; no request in it is made again."""

    endpoint: str
    asked: list[Asked] = []
    next_token: str | None = None
    done: bool = False

    @property
    def unit(self) -> str:
        """The kind of unit that one request is."""
        return f"counts_{self.endpoint}_request"


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a search will buy, as far as is known; None is not known.

    `posts` come on `pages` full pages and cost up to `dollars`; `found` is how many there are, where the run may
    not fetch them all. `counts_requests` were made to know that, for `counts_dollars`.
    """

    posts: int | None
    pages: int | None
    dollars: float | None
    found: int | None
    counts_requests: int
    counts_dollars: float

    def __str__(self) -> str:
        if self.posts is None or self.dollars is None:
            return "How many posts there are is not known: nothing was counted, and page_max sets no bound"
        of = f" of {self.found:,}" if self.found is not None and self.found > self.posts else ""
        price = f"{self.posts:,}{of} posts on {_pages(self.pages)}, for up to {dollars(self.dollars)}"
        return (
            f"{price}; counting them cost {dollars(self.counts_dollars)}" if self.counts_requests else price
        )


def _pages(count: int | None) -> str:
    return "one page" if count == 1 else f"{count:,} full pages"


class EstimateTooHigh(BudgetReached):
    """The whole search may cost more than is left of a budget; none of its posts was bought."""

    def __init__(self, conn_id: str, scope: Scope, budget: float, spent: float, estimate: Estimate) -> None:
        super().__init__(conn_id, scope, budget, spent, estimate.dollars or 0.0)
        self.estimate = estimate

    @property
    def needed(self) -> float:
        """Dollars that a run would need."""
        return round_dollars(self.spent + self.wanted)

    def __str__(self) -> str:
        return (
            f"The search is estimated at {self.estimate}. The budget of the {self.scope} for {self.conn_id} is "
            f"{dollars(self.budget)}, of which {dollars(self.spent)} is spent."
        )


def estimate(
    counting: Counting | None, *, max_results: int, page_max: int | None, expand: bool, prices: Prices
) -> Estimate:
    """Return the most that a search will buy: what was counted, or what its pages can hold."""
    found = None if counting is None else sum(asked.posts for asked in counting.asked)
    bounds = [
        bound for bound in (found, None if page_max is None else page_max * max_results) if bound is not None
    ]
    posts = min(bounds, default=None)
    requests = 0 if counting is None else len(counting.asked)
    return Estimate(
        posts=posts,
        pages=None if posts is None else max(1, -(-posts // max_results)),
        dollars=None if posts is None else prices.cost(page_units(posts, expand=expand)),
        found=found,
        counts_requests=requests,
        counts_dollars=0.0 if counting is None else prices.cost({counting.unit: requests}),
    )
