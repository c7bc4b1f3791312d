"""How numbers, times and addresses are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from markupsafe import Markup

from airflow_twitter.pages.formats import away, breakable, dag_path, moment, number, run_path, size

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


def test_moments_are_utc() -> None:
    """A moment of any zone is written in UTC, for people and for machines."""
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))
    assert moment(berlin, seconds=True) == '<time datetime="2026-11-22T18:00:00Z">2026-11-22 18:00:00</time>'
    assert moment(berlin).endswith(">2026-11-22 18:00</time>")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "now"),
        (45, "in 45 s"),
        (-119, "119 s ago"),
        (150, "in 2 min"),
        (-7200, "2 h ago"),
        (259200, "in 3 d"),
    ],
)
def test_distances_in_time_are_short(seconds: float, text: str) -> None:
    """How far off a moment is comes in one unit, with its direction."""
    assert away(NOW + timedelta(seconds=seconds), NOW) == text


def test_sizes_and_counts_are_readable() -> None:
    """Sizes have a unit and one digit behind the point, counts their thousands apart."""
    assert [size(count) for count in (0, 999, 12_400, 3_100_000, 7_250_000_000)] == [
        "0 B",
        "999 B",
        "12.4 kB",
        "3.1 MB",
        "7.2 GB",
    ]
    assert number(1_204_000) == "1,204,000"


def test_addresses_stay_below_the_dag() -> None:
    """Slashes, dots and signs of an id are encoded, so that an address names that run and no other."""
    assert dag_path("a/../b") == "../dags/a%2F..%2Fb"
    assert (
        run_path("d", "manual__2026-11-22T18:00:00+00:00")
        == "../dags/d/runs/manual__2026-11-22T18%3A00%3A00%2B00%3A00"
    )
    assert run_path("d", "?x=<y>#z") == "../dags/d/runs/%3Fx%3D%3Cy%3E%23z"


def test_breaks_do_not_unescape() -> None:
    """A name that may break between its parts is still escaped."""
    assert breakable("a_<b>") == Markup("a_<wbr>&lt;b&gt;")
