"""Rules: which request is to go wrong, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

from airflow_twitter.simulator.malformed import KINDS

ENDPOINTS = ("token", "search_recent", "search_all", "counts_recent", "counts_all", "usage")

# Every fault: what happens, and its parameters with their defaults.
FAULTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    # On the wire
    "reset_before": ("the connection is reset before any answer; nothing was sold", {}),
    "lost_answer": ("the page was made and sold, then the connection is reset", {}),
    "cut": ("the answer stops after a share of its body, the connection closes", {"share": 0.5}),
    "slow": ("the answer comes late; with pieces, bit by bit over delay_s", {"delay_s": 5.0, "pieces": 1}),
    # In the body of a 200
    "truncated_json": ("the body is whole for HTTP and cut off as JSON", {"share": 0.5}),
    "html": ("a page of HTML with status 200", {}),
    # Refusals
    "rate_limited": (
        "429; reset is window, missing, past, absurd or seconds from now; v1 answers code 88; daily says that "
        "the 24-hour limit is exhausted",
        {"reset": "window", "v1": False, "daily": False},
    ),
    "usage_cap": ("429 of the plan's cap, with requests left in the window", {"period": "Monthly"}),
    "credits": ("402, no credits", {}),
    "unauthorized": ("401, once", {}),
    "token_revoked": ("401, and the token stays invalid until a new one is asked for", {}),
    "bad_credentials": ("403 code 99", {}),
    "not_enrolled": ("403 client-not-enrolled", {}),
    "unsupported_authentication": ("403, token of the wrong kind", {}),
    "forbidden": ("403 about:blank", {}),
    "server_error": ("500, 502, 503 or 504; html answers as the edge does", {"status": 503, "html": False}),
    "rejected_token": ("400 that names the pagination token", {}),
    # In the page
    "short_page": ("only the first posts of the page, with a token to the rest", {"keep": 3}),
    "empty_page": ("no posts, with a token to the same place", {}),
    "repeated_page": ("the posts of the answer before, with a token to where this page would start", {}),
    "self_token": ("the page, with the token that it was asked with", {}),
    "malformed": ("posts of the page are broken; see malformed.KINDS", {"kinds": ["no_id"], "at": 0}),
    "late_index": (
        "posts younger than lag_s, and the newest `hide`, are not found yet",
        {"lag_s": 0.0, "hide": 0},
    ),
    "partial_errors": ("`errors` beside the data", {"count": 1}),
    "changed_metrics": ("the posts have more likes than before", {"likes": 1000}),
    # In the head
    "clock_skew": ("Date and resets are those of a clock that is ahead", {"skew_s": 300.0}),
    "no_limit_headers": ("the answer has no x-rate-limit headers", {}),
}

# Parameters whose values are a fixed set.
_VALUES: Mapping[str, Mapping[str, Iterable[Any]]] = {
    "server_error": {"status": (500, 502, 503, 504)},
    "malformed": {"kinds": tuple(KINDS)},
    "usage_cap": {"period": ("Monthly", "Daily")},
}

PAGE_FAULTS = frozenset(
    {"short_page", "empty_page", "repeated_page", "self_token", "malformed", "late_index", "partial_errors"}
    | {"changed_metrics"}
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Let requests to an endpoint go wrong.

    `endpoint` is one of ENDPOINTS or "*". `nth` counts the requests to it from when the rule was
    given: a number from 1, or a pair (first, last), last None for ever. `every` takes every so
    many-th of them. With neither, all are taken. Raises ValueError for what does not exist.
    """

    endpoint: str
    fault: str
    nth: int | tuple[int, int | None] | None = None
    every: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.endpoint not in (*ENDPOINTS, "*"):
            raise ValueError(f"No endpoint {self.endpoint!r}; there are {', '.join(ENDPOINTS)} and *.")
        if self.fault not in FAULTS:
            raise ValueError(f"No fault {self.fault!r}; there are {', '.join(FAULTS)}.")
        unknown = set(self.params) - set(FAULTS[self.fault][1])
        if unknown:
            raise ValueError(f"The fault {self.fault} has no parameter {', '.join(sorted(unknown))}.")
        for name, allowed in _VALUES.get(self.fault, {}).items():
            value = self[name]
            wrong = set(value if isinstance(value, list | tuple) else [value]) - set(allowed)
            if wrong:
                raise ValueError(
                    f"The fault {self.fault} takes no {name} {wrong}; there are {', '.join(map(str, allowed))}."
                )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rule:
        """Build a rule from its JSON form."""
        known = dict(value)
        if isinstance(known.get("nth"), list):
            first, last = known["nth"]
            known["nth"] = (int(first), last)
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    def takes(self, number: int) -> bool:
        """Say whether the number-th request since the rule was given is taken."""
        if isinstance(self.nth, tuple):
            first, last = self.nth
            if number < first or (last is not None and number > last):
                return False
        elif self.nth is not None and number != self.nth:
            return False
        return self.every is None or number % self.every == 0

    def __getitem__(self, name: str) -> Any:
        """Return a parameter of the fault, or its default."""
        return self.params.get(name, FAULTS[self.fault][1][name])


class RuleBook:
    """The rules in force, each with the number of requests it has seen."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._lock = Lock()
        self._rules: list[Rule] = list(rules)
        self._seen: list[int] = [0] * len(self._rules)

    @property
    def rules(self) -> list[Rule]:
        """The rules in force."""
        return list(self._rules)

    def add(self, rules: Iterable[Rule]) -> None:
        """Put more rules in force; their counting starts now."""
        with self._lock:
            for rule in rules:
                self._rules.append(rule)
                self._seen.append(0)

    def clear(self) -> None:
        """Drop all rules."""
        with self._lock:
            self._rules.clear()
            self._seen.clear()

    def restart(self) -> None:
        """Keep the rules and count from the beginning."""
        with self._lock:
            self._seen = [0] * len(self._rules)

    def taken(self, endpoint: str) -> list[Rule]:
        """Count a request and return the rules that take it, in their order."""
        with self._lock:
            taken = []
            for at, rule in enumerate(self._rules):
                if rule.endpoint in (endpoint, "*"):
                    self._seen[at] += 1
                    if rule.takes(self._seen[at]):
                        taken.append(rule)
            return taken
