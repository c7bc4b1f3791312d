"""What goes wrong: rules of the simulator, alone and in mixes that follow from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_twitter.simulator import Rule, Topic
from airflow_twitter.simulator.malformed import KINDS
from airflow_twitter.simulator.rules import COLLECTING, FAULTS

DAYS_3 = 3 * 86400.0
TOPICS = {
    "one": Topic(total=1, span_s=DAYS_3),
    "few": Topic(total=9, span_s=DAYS_3),
    "some": Topic(total=60, span_s=DAYS_3),
    "many": Topic(total=170, span_s=DAYS_3),
}
KEYWORDS = ("nothing", *TOPICS)

COLLECTING_FAULTS = tuple(
    name for name, fault in FAULTS.items() if not fault.only or set(fault.only) & set(COLLECTING)
)
"""The faults that can happen to a search, or to what it needs."""


@dataclass(frozen=True)
class Mix:
    """A run with what goes wrong in it; `read_timeout_s` is the client's, in real seconds."""

    name: str
    rules: tuple[Rule, ...]
    search: Mapping[str, Any]
    limits: Mapping[str, int] = field(default_factory=dict)
    window_s: float = 900.0
    continues: bool = False
    read_timeout_s: float = 20.0

    @property
    def keyword(self) -> str:
        """The keyword that is searched for."""
        return str(self.search["keyword"])


def random_mix(seed: int) -> Mix:
    """Return the mix of a seed: one to five rules, and a search of nothing or up to 170 posts."""
    chance = random.Random(f"mix {seed}")
    endpoint = chance.choice(("recent", "recent", "recent", "recent", "all"))
    search: dict[str, Any] = {
        "keyword": chance.choice((*KEYWORDS, "some", "some", "many")),
        "max_results": chance.choice((10, 20, 20, 50, 100)),
        "page_max": chance.choice((None, None, None, None, 1, 2, 4)),
        "expand": chance.random() < 0.15,
        "vocabulary": chance.choice(("tweet", "post")),
        "endpoint": endpoint,
        "estimate": chance.choice(("off", "off", "warn", "enforce")),
    }
    limit = chance.choice((450, 450, 450, 5, 2, 1))
    rules = tuple(_rule(chance, endpoint) for _ in range(chance.randint(1, 5)))
    return Mix(
        f"mix {seed}", rules, search, limits={f"search_{endpoint}": limit}, continues=chance.random() < 0.5
    )


def _rule(chance: random.Random, name: str) -> Rule:
    fault = chance.choice(COLLECTING_FAULTS)
    endpoint = chance.choice((f"search_{name}",) * 7 + ("token", "token", f"counts_{name}", "*"))
    first = chance.randint(1, 8)
    when: dict[str, Any] = chance.choice(
        (
            {"nth": first},
            {"nth": first},
            {"nth": (first, first + chance.randint(1, 4))},
            {"every": chance.randint(2, 5)},
            {"nth": (first, None)},
        )
    )
    params = _PARAMS[fault](chance) if fault in _PARAMS else {}
    return Rule(endpoint=endpoint, fault=fault, params=params, **when)


def _rate_limited(chance: random.Random) -> dict[str, Any]:
    reset = chance.choice(("window", "missing", "past", "absurd", 700))
    return {"reset": reset, "v1": chance.random() < 0.2, "daily": chance.random() < 0.2}


_PARAMS: Mapping[str, Callable[[random.Random], dict[str, Any]]] = {
    "cut": lambda chance: {"share": chance.choice((0.0, 0.5, 0.9))},
    "truncated_json": lambda chance: {"share": chance.choice((0.0, 0.5, 0.99))},
    "slow": lambda chance: {"delay_s": 0.004, "pieces": chance.choice((1, 3))},
    "clock_skew": lambda chance: {"skew_s": chance.choice((-90.0, 300.0))},
    "rate_limited": _rate_limited,
    "usage_cap": lambda chance: {"period": chance.choice(("Monthly", "Daily"))},
    "server_error": lambda chance: {
        "status": chance.choice((500, 502, 503, 504)),
        "html": chance.random() < 0.3,
        "above": chance.choice((0, 0, 12)),
    },
    "short_page": lambda chance: {"keep": chance.randint(0, 5)},
    "malformed": lambda chance: {"kinds": chance.sample(list(KINDS), 2), "at": chance.randint(0, 3)},
    "late_index": lambda chance: {"lag_s": chance.choice((10.0, 30.0))},
    "partial_errors": lambda chance: {"count": chance.randint(1, 3)},
}
