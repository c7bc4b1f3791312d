"""What is said of a search before it buys."""

from __future__ import annotations

import pytest

from airflow_twitter.api.prices import PRICES
from airflow_twitter.spending.estimates import Asked, Counting, estimate


def counting(*posts: int, endpoint: str = "recent") -> Counting:
    """Counts that were asked for in so many requests."""
    asked = [Asked(str(number), "2026-12-01T12:00:00Z", count) for number, count in enumerate(posts)]
    return Counting(endpoint=endpoint, asked=asked, done=True)


@pytest.mark.parametrize(
    ("found", "page_max", "expand", "said"),
    [
        (counting(60), None, False, "60 posts on 3 full pages, for up to $0.30; counting them cost $0.005"),
        (
            counting(60),
            2,
            False,
            "40 of 60 posts on 2 full pages, for up to $0.20; counting them cost $0.005",
        ),
        (counting(60), None, True, "60 posts on 3 full pages, for up to $1.50; counting them cost $0.005"),
        (counting(0), None, False, "0 posts on one page, for up to $0.00; counting them cost $0.005"),
        (
            counting(1000, 234, endpoint="all"),
            None,
            False,
            "1,234 posts on 62 full pages, for up to $6.17; counting them cost $0.02",
        ),
        (None, 2, False, "40 posts on 2 full pages, for up to $0.20"),
        (
            None,
            None,
            False,
            "How many posts there are is not known: nothing was counted, and page_max sets no bound",
        ),
    ],
)
def test_said(found: Counting | None, page_max: int | None, expand: bool, said: str) -> None:
    """An estimate is what was counted, or what the pages can hold, at the highest price."""
    known = estimate(found, max_results=20, page_max=page_max, expand=expand, prices=PRICES)
    assert str(known) == said
