"""Read ``dags/keywords.yaml``: every entry checked on its own, every mistake with its file, line and key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from airflow_twitter.api.errors import QueryError
from airflow_twitter.checked_yaml import Entry, FileMistake, Mistake, read_entries
from airflow_twitter.collecting.form import FIELDS, FormError
from airflow_twitter.collecting.request import search_request
from airflow_twitter.collecting.ticks import CroniterError, Ticks
from airflow_twitter.posts.slugs import slugify

_ON_FORM = (
    "keyword",
    "query",
    "language",
    "endpoint",
    "max_results",
    "page_max",
    "settle_s",
    "overlap_s",
    "deadline",
    "expand",
    "estimate",
    "verify_counts",
    "run_budget",
    "vocabulary",
    "bad_share_max",
    "export",
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["keyword"],
    "additionalProperties": False,
    "properties": {
        **{name: FIELDS[name] for name in _ON_FORM},
        "schedule": {"type": ["null", "string"], "default": "@daily"},
        "start_date": {"type": "string", "format": "date", "default": "2026-01-01"},
        "catchup": {"type": "boolean", "default": False},
        "connection": {"type": "string", "pattern": r"^[\w.-]{1,200}\Z", "default": "twitter_default"},
    },
}
"""What one entry of ``keywords`` may say."""

DEFAULTS: dict[str, Any] = {
    name: schema["default"] for name, schema in SCHEMA["properties"].items() if "default" in schema
}

_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Keyword:
    """One entry that is right: its slug, and every setting with its default filled in."""

    slug: str
    settings: dict[str, Any]


def read_keywords(path: Path, only_slug: str | None = None) -> tuple[list[Keyword], list[Mistake]]:
    """Return the keywords that are right and everything that is wrong.

    An entry with a mistake is left out and the others stay. With ``only_slug`` all but that entry is skipped
    unchecked: a task that parses the file for its own DAG pays for one keyword.
    """
    try:
        entries = read_entries(path, "keywords")
    except FileMistake as error:
        return [], [error.mistake]
    keywords: dict[str, Keyword] = {}
    mistakes: list[Mistake] = []
    for entry in entries:
        slug = _slug(entry.values)
        if only_slug is not None and slug != only_slug:
            continue
        wrong = entry.mistakes or list(_mistakes(entry))
        if not wrong and slug in keywords:
            wrong = [entry.at(("keyword",), f"{entry.values['keyword']!r} is listed twice")]
        if wrong:
            mistakes += wrong
        else:
            keywords[slug] = Keyword(slug, {**DEFAULTS, **entry.values})
    return [*keywords.values()], mistakes


def _slug(entry: dict[str, Any]) -> str:
    keyword = entry.get("keyword")
    return slugify(keyword.strip()) if isinstance(keyword, str) and keyword.strip() else ""


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(SCHEMA, format_checker=FormatChecker())


def _mistakes(entry: Entry) -> Iterator[Mistake]:
    found = False
    for mistake in entry.check(_validator()):
        found = True
        yield mistake
    if found:
        return
    values = entry.values
    if reason := _schedule_mistake(values.get("schedule")):
        yield entry.at(("schedule",), reason)
    try:
        search_request({name: values[name] for name in _ON_FORM if name in values}, _ANY_MOMENT)
    except FormError as error:
        yield entry.at((error.field or "keyword",), error.reason)
    except QueryError as error:
        yield entry.at(("query" if values.get("query") else "keyword",), str(error))


def _schedule_mistake(schedule: str | None) -> str | None:
    """Say why a schedule cannot be kept: it is no cron expression, or has no day, as on 30 February."""
    if schedule is None:
        return None
    try:
        Ticks(schedule).first(_ANY_MOMENT)
    except CroniterError as error:
        return f"{schedule!r} is no schedule like @daily or `30 4 * * *`: {error}"
    return None
