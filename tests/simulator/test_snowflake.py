"""Ids and times."""

from __future__ import annotations

import itertools

from airflow_twitter.simulator.snowflake import FIRST_SNOWFLAKE_MS, LAST_SEQUENTIAL_ID, id_at, ms_of


def test_ids_and_times_agree() -> None:
    """Id to time and back is exact in this age, and both rise together through 2010."""
    assert id_at(1_795_176_000_000) == (1_795_176_000_000 - 1_288_834_974_657) << 22
    assert ms_of(id_at(1_795_176_000_123, 77)) == 1_795_176_000_123
    moments = [FIRST_SNOWFLAKE_MS + step for step in (-(10**9), -1000, -1, 0, 1, 1000)]
    given = [id_at(moment) for moment in moments]
    assert all(one <= other for one, other in itertools.pairwise(given))
    assert given[2] <= LAST_SEQUENTIAL_ID < given[3]
