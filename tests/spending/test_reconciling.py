"""What was noted, beside what X counts."""

from __future__ import annotations

from datetime import date

import pytest

from airflow_twitter.spending.entries import Summary
from airflow_twitter.spending.reconciling import compare, compare_days, reasons

DAY = date(2026, 12, 1)


def noted(posts: int, **more: int) -> Summary:
    """A day on which so many posts were bought."""
    units = {"post_read": posts, "own_post_read": more.pop("own", 0)}
    return Summary(
        units=units, reserved_posts=more.get("reserved_posts", 0), unanswered=more.get("unanswered", 0)
    )


@pytest.mark.parametrize(
    ("summary", "counted", "difference", "differs"),
    [
        (noted(1000), 1000, 0, False),
        (noted(1000), 1020, 20, False),
        (noted(1000), 1021, 21, True),
        (noted(1000), 979, -21, True),
        (noted(1), 11, 10, False),
        (noted(1), 12, 11, True),
        (noted(1000, reserved_posts=100, unanswered=1), 1100, 0, False),
        (noted(1000, reserved_posts=100, unanswered=1), 1000, 0, False),
        (noted(1000, reserved_posts=100, unanswered=1), 1200, 100, True),
        (noted(1000, own=50), 1050, 0, False),
        (noted(0), 0, 0, False),
    ],
)
def test_difference(summary: Summary, counted: int, difference: int, differs: bool) -> None:
    """A difference is what neither the ledger nor a request without an answer explains, and more than a few."""
    found = compare("2026-12-01", [summary], counted)
    assert (found.difference, found.differs(0.02)) == (difference, differs)
    assert not compare("2026-12-01", [summary], counted, judged=False).differs(0.0)


def test_words() -> None:
    """It is said what was noted, what X counts, and what may explain the rest."""
    assert str(compare("d", [noted(1000)], 1000)) == "d: 1,000 posts were noted, X counts 1,000."
    assert str(compare("d", [noted(10)], 40)) == "d: 10 posts were noted, X counts 40; 30 are not noted."
    assert str(compare("d", [noted(40)], 10)) == "d: 40 posts were noted, X counts 10; 30 are not counted."
    assert str(compare("d", [noted(100, reserved_posts=100, unanswered=2)], 150)) == (
        "d: 100 posts were noted, X counts 150; up to 100 more may have been sold, in 2 requests without an answer."
    )
    assert str(compare("d", [noted(0)], 40, judged=False)) == (
        "d: 0 posts were noted, X counts 40; X may still be counting."
    )


def test_reasons() -> None:
    """Each kind of difference has its reasons; no difference has none."""
    more, fewer, same = (
        compare("d", [noted(0)], 40),
        compare("d", [noted(40)], 0),
        compare("d", [noted(1)], 1),
    )
    assert len(reasons([more, same, fewer, more])) == 2
    assert "another program" in reasons([more])[0]
    assert "counts late" in reasons([fewer])[0]
    assert reasons([same]) == []


def test_days() -> None:
    """Connections of one project are counted together, from the first day that was noted; today is not judged."""
    one = {date(2026, 11, 30): noted(5), date(2026, 11, 29): noted(1)}
    other = {date(2026, 11, 30): noted(7)}
    counted = {"2026-11-28": 99, "2026-11-29": 1, "2026-11-30": 12, "2026-12-01": 3}
    found = compare_days([one, other], counted, since=date(2026, 11, 28), today=DAY)
    assert [(each.when, each.noted, each.counted, each.judged) for each in found] == [
        ("2026-12-01", 0, 3, False),
        ("2026-11-30", 12, 12, True),
        ("2026-11-29", 1, 1, True),
    ]
    none_noted = compare_days([], counted, since=date(2026, 11, 28), today=DAY)
    assert [each.when for each in none_noted] == ["2026-12-01"]


def test_days_that_x_does_not_name() -> None:
    """What was noted on a day that X was asked about and does not name differs; what lies before is not compared."""
    noted_by_us = {date(2026, 11, 27): noted(3), date(2026, 11, 29): noted(500)}
    found = compare_days([noted_by_us], {"2026-11-30": 0}, since=date(2026, 11, 28), today=DAY)
    assert [(each.when, each.noted, each.counted, each.difference) for each in found] == [
        ("2026-11-30", 0, 0, 0),
        ("2026-11-29", 500, 0, -500),
    ]
