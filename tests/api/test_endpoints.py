"""The endpoints as data."""

from __future__ import annotations

from airflow_twitter.api.endpoints import ALL, RECENT


def test_recent_reaches_a_week_and_all_has_no_end() -> None:
    """Reach, page size and pace differ as X documents."""
    assert (RECENT.reach_s, RECENT.max_results, RECENT.min_interval_s) == (604800, 100, 0)
    assert (ALL.reach_s, ALL.max_results, ALL.min_interval_s) == (None, 500, 1)
