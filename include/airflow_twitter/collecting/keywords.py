"""Read ``dags/keywords.yaml``: every entry checked on its own, every mistake with its file, line and key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml
from airflow.sdk import CronDataIntervalTimetable
from croniter import CroniterError, croniter  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from airflow_twitter.api.errors import QueryError
from airflow_twitter.collecting.form import FIELDS, FormError
from airflow_twitter.collecting.request import search_request
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
_DEPTH_MAX = 8
_LINE_MAX = 500


@dataclass(frozen=True)
class Keyword:
    """One entry that is right: its slug, and every setting with its default filled in."""

    slug: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong in the file. ``line`` counts from 1; ``key`` is the path to the value."""

    file: str
    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        text = f"{self.file}, line {self.line}, {self.key}: {' '.join(self.reason.split())}"
        return text if len(text) <= _LINE_MAX else f"{text[:_LINE_MAX]}…"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Leaves dates as the text that was written."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read_keywords(path: Path, only_slug: str | None = None) -> tuple[list[Keyword], list[Mistake]]:
    """Return the keywords that are right and everything that is wrong.

    An entry with a mistake is left out and the others stay. With ``only_slug`` all but that entry is skipped
    unchecked: a task that parses the file for its own DAG pays for one keyword.
    """
    try:
        nodes = _nodes(path)
    except _FileMistake as error:
        return [], [error.mistake]
    keywords: dict[str, Keyword] = {}
    mistakes: list[Mistake] = []
    for index, node in enumerate(nodes):
        entry, wrong = _entry(path.name, index, node)
        slug = _slug(entry)
        if only_slug is not None and slug != only_slug:
            continue
        wrong = wrong or list(_mistakes(path.name, index, node, entry))
        if not wrong and slug in keywords:
            wrong = [_at(path.name, node, index, ("keyword",), f"{entry['keyword']!r} is listed twice")]
        if wrong:
            mistakes += wrong
        else:
            keywords[slug] = Keyword(slug, {**DEFAULTS, **entry})
    return [*keywords.values()], mistakes


class _FileMistake(Exception):
    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(reason)
        self.mistake = Mistake(file, line, "keywords", reason)


def _nodes(path: Path) -> list[yaml.Node]:
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_depth(path.name, text)
        root = yaml.compose(text, Loader=_Loader)
    except FileNotFoundError:
        raise _FileMistake(path.name, 1, "the file is missing; an empty list is `keywords: []`") from None
    except OSError as error:
        raise _FileMistake(path.name, 1, f"the file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise _FileMistake(path.name, 1, f"the file is not UTF-8 ({error.reason})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or error
        raise _FileMistake(path.name, mark.line + 1 if mark else 1, f"not YAML: {reason}") from None
    if root is None:
        return []
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    if len(pairs) == 1 and pairs[0][0].value == "keywords" and isinstance(pairs[0][1], yaml.SequenceNode):
        return list(pairs[0][1].value)
    raise _FileMistake(path.name, root.start_mark.line + 1, "the file holds one list under `keywords:`")


def _refuse_depth(file: str, text: str) -> None:
    """Refuse what would overflow the stack of the parser, which is C and would take the process with it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise _FileMistake(file, line, "too many brackets inside each other")


def _entry(file: str, index: int, node: yaml.Node) -> tuple[dict[str, Any], list[Mistake]]:
    """Return an entry's values, and what keeps them from being plain: one name, one value, no structures."""
    entry: dict[str, Any] = {}
    if not isinstance(node, yaml.MappingNode):
        return entry, [_at(file, node, index, (), "an entry looks like `keyword: invoice`")]
    mistakes = []
    loader = _Loader("")
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        reason = None
        if name in entry:
            reason = "the key is given twice"
        elif name == "?" or not isinstance(value, yaml.ScalarNode):
            reason = "one plain value is wanted here"
        else:
            try:
                entry[name] = loader.construct_object(value)
            except (yaml.YAMLError, ValueError, KeyError) as error:
                reason = f"not a plain value: {getattr(error, 'problem', None) or error}"
        if reason:
            mistakes.append(Mistake(file, key.start_mark.line + 1, _path(index, name), reason))
    loader.dispose()
    return entry, mistakes


def _slug(entry: dict[str, Any]) -> str:
    keyword = entry.get("keyword")
    return slugify(keyword.strip()) if isinstance(keyword, str) and keyword.strip() else ""


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(SCHEMA, format_checker=FormatChecker())


def _mistakes(file: str, index: int, node: yaml.Node, entry: dict[str, Any]) -> Iterator[Mistake]:
    found = False
    for error in sorted(_validator().iter_errors(entry), key=lambda error: [*map(str, error.path)]):
        found = True
        yield from _schema_mistakes(file, index, node, entry, error)
    if found:
        return
    if reason := _schedule_mistake(entry.get("schedule")):
        yield _at(file, node, index, ("schedule",), reason)
    try:
        search_request({name: entry[name] for name in _ON_FORM if name in entry}, _ANY_MOMENT)
    except FormError as error:
        yield _at(file, node, index, (error.field or "keyword",), error.reason)
    except QueryError as error:
        yield _at(file, node, index, ("query" if entry.get("query") else "keyword",), str(error))


def _schedule_mistake(schedule: str | None) -> str | None:
    """Say why a schedule cannot be kept: it is no cron expression, or has no day, as on 30 February."""
    if schedule is None:
        return None
    try:
        croniter(CronDataIntervalTimetable(schedule, timezone="UTC").expression, _ANY_MOMENT).get_next()
    except CroniterError as error:
        return f"{schedule!r} is no schedule like @daily or `30 4 * * *`: {error}"
    return None


def _schema_mistakes(
    file: str, index: int, node: yaml.Node, entry: dict[str, Any], error: ValidationError
) -> Iterator[Mistake]:
    if error.validator == "additionalProperties":
        for key in sorted(set(entry) - set(SCHEMA["properties"])):
            known = ", ".join(SCHEMA["properties"])
            yield _at(file, node, index, (key,), f"unknown key; known are {known}")
    else:
        yield _at(file, node, index, tuple(error.path), error.message)


def _at(file: str, node: yaml.Node, index: int, path: tuple[Any, ...], reason: str) -> Mistake:
    line = node.start_mark.line
    if path and isinstance(node, yaml.MappingNode):
        marks = {key.value: key.start_mark.line for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
        line = marks.get(str(path[0]), line)
    return Mistake(file, line + 1, _path(index, *path), reason)


def _path(index: int, *path: Any) -> str:
    return f"keywords[{index}]" + "".join(f".{part}" for part in path)


class KeywordsError(ValueError):
    """Everything that is wrong in a keywords file, one mistake a line."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
