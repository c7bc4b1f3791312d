"""What X charges, in dollars. Prices change: these are the defaults of ``dags/spending.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """Hold X's pay-per-use prices in dollars, as of August 2026 (docs.x.com/x-api/getting-started/pricing).

    A unit is one post or user read, one request for counts, one post created, one piece of media given metadata.
    The same post or user read again within one UTC day is billed once, which X calls a soft guarantee.
    """

    post_read: float = 0.005
    user_read: float = 0.010
    own_post_read: float = 0.001
    counts_recent_request: float = 0.005
    counts_all_request: float = 0.010
    post_created: float = 0.015
    post_with_url_created: float = 0.200
    post_deleted: float = 0.010
    media_metadata: float = 0.005

    def cost(self, units: Mapping[str, int]) -> float:
        """Return what so many units of each kind cost, in dollars; raises KeyError for an unknown kind."""
        prices = asdict(self)
        return round_dollars(sum(count * prices[kind] for kind, count in units.items()))


def round_dollars(amount: float) -> float:
    """Return an amount without the dust that adding floats leaves: whole millionths of a dollar."""
    return round(amount, 6)


PRICES = Prices()
