"""Which requests a rule takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_twitter.simulator import Rule
from airflow_twitter.simulator.rules import FAULTS, RuleBook


@pytest.mark.parametrize(
    ("which", "taken"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 3}, [3]),
        ({"nth": (2, 4)}, [2, 3, 4]),
        ({"nth": (5, None)}, [5, 6]),
        ({"every": 2}, [2, 4, 6]),
        ({"nth": (3, None), "every": 3}, [3, 6]),
    ],
)
def test_rules_take_by_number(which: dict[str, Any], taken: list[int]) -> None:
    """nth is a number or a range, every a step, and both together hold together."""
    rule = Rule(endpoint="search_recent", fault="html", **which)
    assert [number for number in range(1, 7) if rule.takes(number)] == taken


def test_requests_are_counted_by_endpoint_from_when_the_rule_came() -> None:
    """Other endpoints do not count, * counts all, and a late rule begins at one."""
    one, every = Rule(endpoint="usage", nth=2, fault="html"), Rule(endpoint="*", nth=3, fault="credits")
    book = RuleBook([one, every])
    seen = [
        [rule.fault for rule in book.taken(endpoint)]
        for endpoint in ("usage", "search_all", "usage", "usage")
    ]
    assert seen == [[], [], ["html", "credits"], []]
    book.add([Rule(endpoint="usage", nth=1, fault="forbidden")])
    assert [rule.fault for rule in book.taken("usage")] == ["forbidden"]
    book.restart()
    assert [rule.fault for rule in book.taken("usage")] == ["forbidden"]
    book.clear()
    assert book.rules == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "search", "fault": "html"},
        {"endpoint": "usage", "fault": "htm"},
        {"endpoint": "usage", "fault": "slow", "params": {"delay": 1}},
        {"endpoint": "usage", "fault": "server_error", "params": {"status": 418}},
        {"endpoint": "usage", "fault": "malformed", "params": {"kinds": ["upside_down"]}},
        {"endpoint": "usage", "fault": "duplicate"},
        {"endpoint": "usage", "fault": "html", "nth": 0},
        {"endpoint": "usage", "fault": "html", "nth": (1, "2")},
        {"endpoint": "usage", "fault": "html", "every": 0},
    ],
)
def test_a_rule_that_cannot_hold_is_refused(wrong: dict[str, Any]) -> None:
    """A misspelt endpoint, fault, parameter or value is named at once."""
    with pytest.raises(ValueError, match=r"No endpoint|No fault|no parameter|takes no|counted from 1"):
        Rule(**wrong)


def test_rules_survive_json() -> None:
    """The JSON form gives the same rule again."""
    for name, fault in FAULTS.items():
        endpoint = fault.only[0] if fault.only else "search_all"
        rule = Rule(endpoint=endpoint, fault=name, nth=(2, None), every=2, params=fault.params)
        assert Rule.from_json(json.loads(json.dumps(rule.to_json()))) == rule
