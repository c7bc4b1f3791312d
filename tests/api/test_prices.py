"""What reading and writing costs."""

from __future__ import annotations

import pytest

from airflow_twitter.api.prices import PRICES, Prices


def test_cost_adds_up() -> None:
    """A run of 100 posts, 10 authors and two counts costs what the price list says."""
    units = {"post_read": 100, "user_read": 10, "counts_recent_request": 1, "counts_all_request": 1}
    assert PRICES.cost(units) == 0.5 + 0.1 + 0.005 + 0.010


def test_cost_has_no_dust() -> None:
    """Many small prices add up to round sums, so that a budget can be met exactly."""
    assert PRICES.cost({"own_post_read": 3}) == 0.003
    assert Prices(post_read=0.1).cost({"post_read": 3}) == 0.3


def test_prices_can_be_replaced() -> None:
    """Prices are settings."""
    assert Prices(post_read=1.0).cost({"post_read": 3}) == 3.0
    assert PRICES.cost({}) == 0.0


def test_unknown_units_are_refused() -> None:
    """Nothing is sold for free because its name is misspelt."""
    with pytest.raises(KeyError, match="posts_read"):
        PRICES.cost({"posts_read": 1})
