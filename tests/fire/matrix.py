"""Every fault of the simulator at every place of a run, and what must become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fire.mixes import Mix

from airflow_twitter.simulator import Rule

SEARCH = {"keyword": "some", "max_results": 20, "deadline": "PT3H"}
"""60 posts in three pages."""

PLACES: Mapping[str, tuple[str, Any, dict[str, Any]]] = {
    "first request": ("search_recent", 1, {}),
    "second": ("search_recent", 2, {}),
    "last": ("search_recent", 3, {}),
    "second and all after it": ("search_recent", (2, None), {}),
    "bearer token, once": ("token", 1, {}),
    "bearer token, always": ("token", (1, None), {}),
    "counts, once": ("counts_recent", 1, {"estimate": "enforce"}),
    "counts, always": ("counts_recent", (1, None), {"estimate": "enforce"}),
    "counts, always, estimate=warn": ("counts_recent", (1, None), {"estimate": "warn"}),
}
"""The endpoint, which of its requests, and what the run is asked for beside."""


@dataclass(frozen=True)
class Row:
    """A fault with its parameters; what becomes of the run in each place, in the order of PLACES."""

    fault: str
    outcomes: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    read_timeout_s: float = 20.0

    @property
    def name(self) -> str:
        """The fault and its parameters, as the simulator's rules are written."""
        given = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.fault} ({given})" if given else self.fault

    def mix(self, place: str) -> Mix:
        """Return the run in which the fault happens at a place."""
        endpoint, nth, conf = PLACES[place]
        rule = Rule(endpoint=endpoint, fault=self.fault, nth=nth, params=self.params)
        return Mix(f"{self.name}, {place}", (rule,), {**SEARCH, **conf}, read_timeout_s=self.read_timeout_s)


OK = "complete"


def _always(outcome: str) -> tuple[str, ...]:
    """It is met wherever it happens; an estimate that only warns is done without."""
    return (outcome,) * 8 + (OK,)


def _passing(error: str) -> tuple[str, ...]:
    return (OK, OK, OK, f"red: {error}", OK, f"red: {error}", OK, f"red: {error}", OK)


def _pages_only(for_ever: str = OK) -> tuple[str, ...]:
    """The other endpoints give no pages, so that nothing happens there."""
    return (OK, OK, OK, for_ever, OK, OK, OK, OK, OK)


_LIMITED = (OK, OK, OK, "partial: deadline", OK, "red: deadline", OK, "red: deadline", OK)
_REJECTED, _INVALID = "red: TokenRejectedError", "red: InvalidRequestError"
_NETWORK = _passing("NetworkError")
_NO_KEYS = "red: AuthError"

ROWS = (
    Row("reset_before", _NETWORK),
    Row("lost_answer", _NETWORK),
    Row("cut", _NETWORK),
    Row("slow", _always(OK), {"delay_s": 0.02, "pieces": 4}),
    Row("slow", _NETWORK, {"delay_s": 1.0}, read_timeout_s=0.1),
    Row("truncated_json", _NETWORK),
    Row("html", _NETWORK),
    Row("server_error", _passing("ServerError"), {"status": 500}),
    Row("server_error", _passing("ServerError"), {"status": 502}),
    Row("server_error", _passing("ServerError"), {"status": 503}),
    Row("server_error", _passing("ServerError"), {"status": 503, "html": True}),
    Row("server_error", _always(OK), {"status": 503, "above": 10}),
    Row("server_error", _passing("ServerError"), {"status": 504}),
    Row("rate_limited", _LIMITED),
    Row("rate_limited", _LIMITED, {"reset": "missing"}),
    Row("rate_limited", _LIMITED, {"reset": "past"}),
    Row("rate_limited", _LIMITED, {"reset": "absurd"}),
    Row("rate_limited", _LIMITED, {"v1": True}),
    Row("rate_limited", _LIMITED, {"daily": True}),
    Row("usage_cap", _always("red: UsageCapError"), {"period": "Monthly"}),
    Row("usage_cap", _always("red: UsageCapError"), {"period": "Daily"}),
    Row("credits", _always("red: CreditsError")),
    Row("unauthorized", (OK, OK, OK, _NO_KEYS, _NO_KEYS, _NO_KEYS, OK, _NO_KEYS, OK)),
    Row("token_revoked", (OK, OK, OK, _NO_KEYS, OK, OK, OK, _NO_KEYS, OK)),
    Row("bad_credentials", _always("red: CredentialsError")),
    Row("not_enrolled", _always("red: EnrollmentError")),
    Row("unsupported_authentication", _always("red: TokenKindError")),
    Row("forbidden", _always("red: ForbiddenError")),
    Row("rejected_token", (_REJECTED, OK, OK, _REJECTED, *(_INVALID,) * 2, *(_REJECTED,) * 2, OK)),
    Row("short_page", _pages_only("red: PagingError")),
    Row("empty_page", _pages_only("red: PagingError")),
    Row("repeated_page", _pages_only("red: PagingError")),
    Row("self_token", (OK, OK, OK, "red: PagingError", OK, OK, OK, "red: NetworkError", OK)),
    Row("malformed", _pages_only()),
    Row("malformed", _pages_only("red: too many bad posts"), {"kinds": ["no_id", "nan", "id_float", "null"]}),
    Row("late_index", _pages_only(), {"lag_s": 39.0}),
    Row("partial_errors", _pages_only()),
    Row("changed_metrics", _pages_only()),
    Row("no_limit_headers", _always(OK)),
    Row("clock_skew", _always(OK)),
)
