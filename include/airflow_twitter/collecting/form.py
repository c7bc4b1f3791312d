"""What a user can ask for, as data: one JSON schema a field.

The trigger form and ``dags/keywords.yaml`` are both made from :data:`FIELDS`, so that a value is right or wrong
in the same words wherever it is given. Durations are seconds and end in ``_s``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

SEARCH = "What to search for"
WINDOW = "Which time it covers"
GOING_ON = "Going on and asking again"
CARE = "Cost and care"

FIELDS: dict[str, dict[str, Any]] = {
    # Without a section, so that the form shows it unfolded: it is the one that must be filled in.
    "keyword": {
        "type": "string",
        "minLength": 1,
        "maxLength": 500,
        "title": "Keyword",
        "description": "Words to find, as a phrase. Names the dataset: tweets_<slug>.json.",
        "examples": ["sevdesk", "accounting software"],
    },
    "query": {
        "type": ["null", "string"],
        "default": None,
        "maxLength": 4096,
        "title": "Query",
        "description": "A query in X's own syntax, sent in place of the keyword. The keyword still names the "
        "dataset.",
        "section": SEARCH,
    },
    "language": {
        "type": ["null", "string"],
        "default": None,
        "pattern": "^[a-z]{2,3}$",
        "title": "Language",
        "description": "Only posts that X recognised as this language, by its code: de, en, ja.",
        "section": SEARCH,
    },
    "endpoint": {
        "type": "string",
        "enum": ["recent", "all"],
        "default": "recent",
        "title": "Endpoint",
        "description": "recent: the last 7 days. all: the full archive since 2006, for accounts with access.",
        "section": SEARCH,
    },
    "max_results": {
        "type": "integer",
        "minimum": 10,
        "maximum": 500,
        "default": 100,
        "title": "Posts per page",
        "description": "10 to 100, with the endpoint all up to 500. X counts requests, so larger pages are faster.",
        "section": SEARCH,
    },
    "page_max": {
        "type": ["null", "integer"],
        "minimum": 1,
        "default": None,
        "title": "Pages at most",
        "description": "The run stops after this many pages and says that it is partial. Empty: every page.",
        "section": SEARCH,
    },
    "start_time": {
        "type": ["null", "string"],
        "format": "date-time",
        "default": None,
        "title": "Start time (UTC)",
        "description": "The first moment of the window. Empty: the end of what is already covered, or 7 days ago.",
        "section": WINDOW,
    },
    "end_time": {
        "type": ["null", "string"],
        "format": "date-time",
        "default": None,
        "title": "End time (UTC)",
        "description": "The first moment after the window. Empty: now. An end that X has not indexed yet is "
        "waited for.",
        "section": WINDOW,
    },
    "settle_s": {
        "type": "number",
        "minimum": 0,
        "maximum": 86400,
        "default": 30,
        "title": "Settling time (seconds)",
        "description": "How long after X's own 10 seconds a window's end is left to settle, since X indexes late.",
        "section": WINDOW,
    },
    "overlap_s": {
        "type": "number",
        "minimum": 0,
        "maximum": 86400,
        "default": 60,
        "title": "Overlap (seconds)",
        "description": "How far a search looks back before its window, for posts that X indexed late.",
        "section": WINDOW,
    },
    "deadline": {
        "type": ["null", "string", "integer"],
        "default": "PT24H",
        "title": "Deadline",
        "description": "Until when the run may wait for X: a duration (PT6H, or seconds) or a moment "
        "(2026-11-22T18:00:00Z). Then it ends partial.",
        "section": GOING_ON,
    },
    "continue_from_run": {
        "type": ["null", "string"],
        "default": None,
        "maxLength": 250,
        "title": "Continue from run",
        "description": "The id of a partial run of this DAG: go on at the page where it stopped.",
        "section": GOING_ON,
    },
    "refetch": {
        "type": "boolean",
        "default": False,
        "title": "Fetch again",
        "description": "Throw away the pages that this run has staged and buy them again.",
        "section": GOING_ON,
    },
    "expand": {
        "type": "boolean",
        "default": False,
        "title": "Authors, media, referenced posts",
        "description": "Fetch and keep them as well. X bills each of them: $0.010 an author, $0.005 a post.",
        "section": CARE,
    },
    "estimate": {
        "type": "string",
        "enum": ["off", "warn", "enforce"],
        "default": "off",
        "title": "Estimate first",
        "description": "Ask how many posts there are before buying them, for $0.005 (endpoint all: $0.010 for each 31 "
        "days). warn: say what they may cost. enforce: buy none when that is more than a budget holds.",
        "section": CARE,
    },
    "dry_run": {
        "type": "boolean",
        "default": False,
        "title": "Dry run",
        "description": "Buy no post: say what the run would fetch and cost, as far as it is known. With an estimate "
        "the request for it is paid for.",
        "section": CARE,
    },
    "verify_counts": {
        "type": "boolean",
        "default": False,
        "title": "Compare with X's counts",
        "description": "When the last page is in, ask X how many posts the window holds, and compare what is stored. "
        "X bills the request: $0.005, with the endpoint all $0.010.",
        "section": CARE,
    },
    "run_budget": {
        "type": ["null", "number"],
        "minimum": 0,
        "default": None,
        "title": "Budget of the run (dollars)",
        "description": "The run stops before the page that might cost more than is left, and says that it is partial. "
        "Empty: what spending.yaml says, which also bounds a day and a month.",
        "section": CARE,
    },
    "vocabulary": {
        "type": "string",
        "enum": ["tweet", "post"],
        "default": "tweet",
        "title": "Vocabulary",
        "description": "X's names of fields to ask for: tweet.fields, or the newer post.fields.",
        "section": CARE,
    },
    "bad_share_max": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.1,
        "title": "Share of bad posts",
        "description": "The run fails when more than this share of its posts had to go to quarantine.",
        "section": CARE,
    },
    "export": {
        "type": "boolean",
        "default": True,
        "title": "Write one JSON file",
        "description": "Write tweets_<slug>.json after the merge. Its cost grows with the dataset.",
        "section": CARE,
    },
}
"""Every field with its schema; ``default`` is what holds when nobody says otherwise."""


class FormError(ValueError):
    """A `field` holds what it may not, for this `reason`; without a field it is about all of them."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


def parse(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``values`` with their types, and the defaults of those that are missing.

    Templates render everything to text: ``"10"`` becomes 10, and an empty text becomes None where None is
    allowed. White space around a text means nothing. Raises :class:`FormError` for an unknown field, or a value
    that its schema refuses.
    """
    if unknown := sorted(set(values) - set(FIELDS)):
        raise FormError(f"Unknown fields: {', '.join(unknown)}. Known are: {', '.join(FIELDS)}.")
    parsed = {}
    for name, schema in FIELDS.items():
        value = _typed(values.get(name, schema.get("default")), schema["type"])
        if isinstance(value, float) and not math.isfinite(value):
            # A NaN is neither below a minimum nor above a maximum.
            raise FormError(f"{value} is not a number", name)
        error = next(_validator(name).iter_errors(value), None)
        if error is not None:
            raise FormError(error.message, name)
        parsed[name] = value
    return parsed


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(FIELDS[name], format_checker=FormatChecker())


def _typed(value: Any, types: str | list[str]) -> Any:
    if not isinstance(value, str):
        return value
    value = value.strip()
    if value == "" and "null" in types:
        return None
    if "boolean" in types:
        return {"true": True, "false": False}.get(value.lower(), value)
    for name, number in (("integer", int), ("number", float)):
        if name in types:
            try:
                return number(value)
            except ValueError:
                continue
    return value
