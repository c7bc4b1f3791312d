"""Rules: which request is to go wrong, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

from airflow_twitter.simulator.malformed import KINDS

COLLECTING = ("token", "search_recent", "search_all", "counts_recent", "counts_all", "lookup", "usage")
PUBLISHING = (
    "initialize_media",
    "append_media",
    "finalize_media",
    "media_status",
    "upload_media",
    "media_metadata",
    "add_captions",
    "create_post",
    "delete_post",
    "timeline",
    "me",
    "user_by_username",
    "oauth2_token",
    "authorize",
)
ENDPOINTS = (*COLLECTING, *PUBLISHING)
_UPLOAD = ("append_media", "finalize_media", "media_status", "create_post")


@dataclass(frozen=True)
class Fault:
    """What can go wrong: where (wire, body, refusal, page, media or head), in words, its parameters' defaults.

    `only` names the endpoints that it can happen at, when it cannot happen at all.
    """

    stage: str
    what: str
    params: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()


FAULTS: Mapping[str, Fault] = {
    "reset_before": Fault("wire", "the connection is reset before any answer; nothing was sold"),
    "lost_answer": Fault("wire", "what was asked is done (and sold), then the connection is reset"),
    "cut": Fault("wire", "the answer stops after a share of its body, the connection closes", {"share": 0.5}),
    "slow": Fault(
        "wire", "the answer comes late; with pieces, bit by bit over delay_s", {"delay_s": 5.0, "pieces": 1}
    ),
    "clock_skew": Fault("wire", "Date and resets are those of a clock that is ahead", {"skew_s": 300.0}),
    "truncated_json": Fault("body", "the body is whole for HTTP and cut off as JSON", {"share": 0.5}),
    "no_limit_headers": Fault("head", "the answer has no x-rate-limit headers"),
    "html": Fault("refusal", "a page of HTML with status 200"),
    "rate_limited": Fault(
        "refusal",
        "429; reset is window, missing, past, absurd or seconds from now; v1 answers code 88; "
        "daily: the app's (or with user the user's) 24-hour limit is exhausted",
        {"reset": "window", "v1": False, "daily": False},
    ),
    "usage_cap": Fault(
        "refusal", "429 of the plan's cap, with requests left in the window", {"period": "Monthly"}
    ),
    "credits": Fault("refusal", "402, no credits"),
    "unauthorized": Fault("refusal", "401, once"),
    "token_revoked": Fault("refusal", "401, and the token stays invalid until a new one is asked for"),
    "bad_credentials": Fault("refusal", "403 code 99"),
    "not_enrolled": Fault("refusal", "403 client-not-enrolled"),
    "unsupported_authentication": Fault("refusal", "403, token of the wrong kind"),
    "forbidden": Fault("refusal", "403 about:blank, or with a problem's type", {"type": ""}),
    "server_error": Fault(
        "refusal",
        "500, 502, 503 or 504; html answers as the edge does; only pages of more than `above` posts are refused",
        {"status": 503, "html": False, "above": 0},
    ),
    "rejected_token": Fault("refusal", "400 that names the pagination token"),
    "short_page": Fault("page", "only the first posts of the page, with a token to the rest", {"keep": 3}),
    "empty_page": Fault("page", "no posts, with a token to the same place"),
    "repeated_page": Fault(
        "page", "the posts of the answer before, with a token to where this page would start"
    ),
    "self_token": Fault("page", "the page, or the counts, with the token that it was asked with"),
    "malformed": Fault(
        "page",
        f"posts from number `at` on are broken; kinds: {', '.join(KINDS)}",
        {"kinds": ["no_id"], "at": 0},
    ),
    "late_index": Fault(
        "page",
        "posts younger than lag_s, and the newest `hide`, are not found yet",
        {"lag_s": 0.0, "hide": 0},
    ),
    "partial_errors": Fault("page", "`errors` beside the data", {"count": 1}),
    "reset_in_body": Fault(
        "wire",
        "the connection is reset once `after` bytes of the request's body have come; nothing was done",
        {"after": 0},
        PUBLISHING,
    ),
    "segment_too_large": Fault(
        "refusal",
        "413 or 431 with an empty body when the request's body has more than `above` bytes",
        {"status": 413, "above": 0},
        ("append_media",),
    ),
    "no_body": Fault("media", "204 without a body, where it is 200 with one", only=("append_media",)),
    "finalized_once": Fault("media", "400 when the media have been finalized", only=("finalize_media",)),
    "slow_processing": Fault(
        "media", "the processing takes processing_s", {"processing_s": 60.0}, ("finalize_media",)
    ),
    "failed_processing": Fault("media", "the processing fails in the end", only=("finalize_media",)),
    "expired_media": Fault("media", "the media expire before the request is answered", only=_UPLOAD),
    "duplicate": Fault("media", "403, this text was posted lately", only=("create_post",)),
    "changed_metrics": Fault("page", "the posts have more likes than before", {"likes": 1000}),
}

# Parameters whose values are a fixed set.
_VALUES: Mapping[str, Mapping[str, Iterable[Any]]] = {
    "server_error": {"status": (500, 502, 503, 504)},
    "malformed": {"kinds": tuple(KINDS)},
    "usage_cap": {"period": ("Monthly", "Daily")},
    "segment_too_large": {"status": (413, 431)},
    "rate_limited": {"daily": (False, True, "app", "user")},
}


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
        only = FAULTS[self.fault].only
        if only and self.endpoint not in (*only, "*"):
            raise ValueError(f"No fault {self.fault!r} at {self.endpoint}; it happens at {', '.join(only)}.")
        for number in self.nth if isinstance(self.nth, tuple) else (self.nth, self.every):
            if number is not None and (not isinstance(number, int) or number < 1):
                raise ValueError(f"Requests are counted from 1: {number!r} is none.")
        _check_params(self)

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

    @property
    def stage(self) -> str:
        """Where the fault happens; see Fault."""
        return FAULTS[self.fault].stage

    def takes(self, number: int) -> bool:
        """Say whether the number-th request since the rule was given is taken."""
        if isinstance(self.nth, tuple):
            first, last = self.nth
            if number < first or (last is not None and number > last):
                return False
        elif self.nth is not None and number != self.nth:
            return False
        return self.every is None or number % self.every == 0

    def spares(self, params: Mapping[str, str]) -> bool:
        """Say whether the fault is for larger pages than these parameters ask for."""
        if self.fault != "server_error" or not self["above"]:
            return False
        asked = params.get("max_results", "10")
        return asked.isdigit() and int(asked) <= int(self["above"])

    def __getitem__(self, name: str) -> Any:
        """Return a parameter of the fault, or its default."""
        return self.params.get(name, FAULTS[self.fault].params[name])


def _check_params(rule: Rule) -> None:
    unknown = set(rule.params) - set(FAULTS[rule.fault].params)
    if unknown:
        raise ValueError(f"The fault {rule.fault} has no parameter {', '.join(sorted(unknown))}.")
    for name, allowed in _VALUES.get(rule.fault, {}).items():
        value = rule[name]
        wrong = set(value if isinstance(value, list | tuple) else [value]) - set(allowed)
        if wrong:
            known = ", ".join(map(str, allowed))
            raise ValueError(f"The fault {rule.fault} takes no {name} {wrong}; there are {known}.")


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
                only = FAULTS[rule.fault].only
                if rule.endpoint == endpoint or (rule.endpoint == "*" and (not only or endpoint in only)):
                    self._seen[at] += 1
                    if rule.takes(self._seen[at]):
                        taken.append(rule)
            return taken
