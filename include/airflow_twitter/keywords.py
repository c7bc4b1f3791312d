"""Read ``dags/keywords.yaml``: every entry checked on its own, every mistake with its file, line and key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.api.errors import QueryError
from airflow_twitter.api.query import build_query
from airflow_twitter.form import FIELDS
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

_YAML_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        return f"{self.file}, line {self.line}, {self.key}: {self.reason}"


class _PlainLoader(yaml.SafeLoader):
    """Builds plain values from nodes, leaving dates as the text that was written."""


_PlainLoader.yaml_implicit_resolvers = {
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
        entry, mistake = _value(path.name, index, node)
        if mistake is not None:
            mistakes.append(mistake)
            continue
        slug = _slug(entry)
        if only_slug is not None and slug != only_slug:
            continue
        wrong = list(_mistakes(path.name, index, node, entry))
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
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=_YAML_LOADER)
    except FileNotFoundError:
        raise _FileMistake(path.name, 1, "the file is missing; an empty list is `keywords: []`") from None
    except UnicodeDecodeError as error:
        raise _FileMistake(path.name, 1, f"the file is not UTF-8 ({error.reason})") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise _FileMistake(path.name, mark.line + 1 if mark else 1, f"not YAML: {error}") from None
    if root is None:
        return []
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    if len(pairs) == 1 and pairs[0][0].value == "keywords" and isinstance(pairs[0][1], yaml.SequenceNode):
        return list(pairs[0][1].value)
    raise _FileMistake(path.name, root.start_mark.line + 1, "the file holds one list under `keywords:`")


def _value(file: str, index: int, node: yaml.Node) -> tuple[Any, Mistake | None]:
    loader = _PlainLoader("")
    try:
        return loader.construct_document(node), None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return None, _at(file, node, index, (), f"not a plain value: {error}")
    finally:
        loader.dispose()


def _slug(entry: Any) -> str:
    keyword = entry.get("keyword") if isinstance(entry, dict) else None
    return slugify(keyword) if isinstance(keyword, str) and keyword.strip() else ""


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(SCHEMA, format_checker=FormatChecker())


def _mistakes(file: str, index: int, node: yaml.Node, entry: Any) -> Iterator[Mistake]:
    found = False
    for error in sorted(_validator().iter_errors(entry), key=lambda error: [*map(str, error.path)]):
        found = True
        yield from _schema_mistakes(file, index, node, error)
    if found:
        return
    endpoint = entry.get("endpoint", "recent")
    if endpoint == "recent" and entry.get("max_results", 10) > 100:
        yield _at(file, node, index, ("max_results",), "recent search gives at most 100 posts a page")
    try:
        build_query(entry["keyword"], entry.get("query"), entry.get("language"), ENDPOINTS[endpoint])
    except QueryError as error:
        yield _at(file, node, index, ("query" if entry.get("query") else "keyword",), str(error))


def _schema_mistakes(file: str, index: int, node: yaml.Node, error: ValidationError) -> Iterator[Mistake]:
    if error.validator == "additionalProperties":
        for key in sorted(set(error.instance) - set(SCHEMA["properties"]), key=str):
            known = ", ".join(SCHEMA["properties"])
            yield _at(file, node, index, (key,), f"unknown key; known are {known}")
    else:
        yield _at(file, node, index, tuple(error.path), error.message)


def _at(file: str, node: yaml.Node, index: int, path: tuple[Any, ...], reason: str) -> Mistake:
    line = node.start_mark.line
    if path and isinstance(node, yaml.MappingNode):
        marks = {key.value: key.start_mark.line for key, _ in node.value}
        line = marks.get(str(path[0]), line)
    key = "".join(f".{part}" for part in path)
    return Mistake(file, line + 1, f"keywords[{index}]{key}", reason)


class KeywordsError(ValueError):
    """Everything that is wrong in a keywords file, one mistake a line."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
