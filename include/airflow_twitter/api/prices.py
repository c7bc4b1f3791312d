"""What X charges for reading, in dollars. Prices change: they are settings with defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """Hold X's pay-per-use prices in dollars, as of August 2026 (docs.x.com/x-api/getting-started/pricing).

    The same post or user read again within one UTC day is billed once, which X calls a soft guarantee;
    `cost` therefore gives an upper bound.
    """

    post_read: float = 0.005
    user_read: float = 0.010
    counts_recent_request: float = 0.005
    counts_all_request: float = 0.010

    def cost(
        self,
        *,
        posts: int = 0,
        users: int = 0,
        counts_recent_requests: int = 0,
        counts_all_requests: int = 0,
    ) -> float:
        """Return what so many reads and requests cost at most, in dollars."""
        return (
            posts * self.post_read
            + users * self.user_read
            + counts_recent_requests * self.counts_recent_request
            + counts_all_requests * self.counts_all_request
        )


PRICES = Prices()
