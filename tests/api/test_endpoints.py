"""The endpoints as data."""

from __future__ import annotations

import pytest

from airflow_twitter.api.endpoints import ALL, RECENT, find_endpoint
from airflow_twitter.api.errors import ConfigError


def test_endpoints_are_found_by_name() -> None:
    """ "recent" and "all" name the two searches."""
    assert find_endpoint("recent") is RECENT
    assert find_endpoint("all") is ALL


def test_unknown_endpoint_names_the_known_ones() -> None:
    """A wrong name says what may be chosen."""
    with pytest.raises(ConfigError, match='"recent" and "all"'):
        find_endpoint("search")


def test_recent_reaches_a_week_and_all_has_no_end() -> None:
    """Reach, page size and pace differ as X documents."""
    assert (RECENT.reach_s, RECENT.max_results, RECENT.limit, RECENT.min_interval_s) == (604800, 100, 450, 0)
    assert (ALL.reach_s, ALL.max_results, ALL.limit, ALL.min_interval_s) == (None, 500, 300, 1)
