"""What reading costs."""

from __future__ import annotations

import pytest

from airflow_twitter.api.prices import PRICES, Prices


def test_cost_adds_up() -> None:
    """A run of 100 posts, 10 authors and two counts costs what the price list says."""
    cost = PRICES.cost(posts=100, users=10, counts_recent_requests=1, counts_all_requests=1)
    assert cost == pytest.approx(0.5 + 0.1 + 0.005 + 0.010)


def test_prices_can_be_replaced() -> None:
    """Prices are settings."""
    assert Prices(post_read=1.0).cost(posts=3) == 3.0
    assert PRICES.cost() == 0.0
