"""Read a YAML file that people write: one list of entries, or named ones, each wrong or right on its own.

Every mistake has its file, line and key. Nothing in the file can end the process or cost more than its size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

import yaml
from jsonschema import Draft202012Validator

from airflow_twitter.posts.regular import read_regular

_DEPTH_MAX = 8
_LINE_MAX = 500
_SIZE_MAX = 1024 * 1024
"""Bytes of a file: some thousand entries, and a second of reading."""
_NUMBER_MAX = 100
"""Characters of a number: a longer one, in parts of sixty, would take minutes."""


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


class MistakesError(ValueError):
    """Everything that is wrong in a file, one mistake a line."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))


@dataclass(frozen=True)
class Entry:
    """One entry of the list: its values by name, and what keeps them from being plain ones."""

    file: str
    path: str
    node: yaml.Node
    values: dict[str, Any] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def at(self, path: tuple[Any, ...], reason: str) -> Mistake:
        """Return a mistake about a value of the entry, or with an empty path about the entry."""
        line = self.node.start_mark.line
        if path and isinstance(self.node, yaml.MappingNode):
            marks = {
                key.value: key.start_mark.line
                for key, _ in self.node.value
                if isinstance(key, yaml.ScalarNode)
            }
            line = marks.get(str(path[0]), line)
        return Mistake(self.file, line + 1, self.path + "".join(f".{part}" for part in path), reason)

    def check(self, validator: Draft202012Validator) -> Iterator[Mistake]:
        """Yield what a JSON schema finds wrong in the values; unknown keys are named one by one."""
        known = cast("Mapping[str, Any]", validator.schema)["properties"]
        for error in sorted(validator.iter_errors(self.values), key=lambda error: [*map(str, error.path)]):
            if error.validator == "additionalProperties":
                for key in sorted(set(self.values) - set(known)):
                    yield self.at((key,), f"unknown key; known are {', '.join(known)}")
            else:
                yield self.at(tuple(error.path), error.message)


class FileMistake(Exception):
    """The file as a whole cannot be used; ``mistake`` says why."""

    def __init__(self, file: str, line: int, top: str, reason: str) -> None:
        super().__init__(reason)
        self.mistake = Mistake(file, line, top, reason)


_TEXT: dict[str, tuple[str, ...]] = {"": ("tag:yaml.org,2002:timestamp",)}
_TEXT["o"] = _TEXT["O"] = (*_TEXT[""], "tag:yaml.org,2002:bool")
"""What is not told from text, by first letter: ``estimate: off`` is a word."""


_PLAIN = frozenset({"str", "int", "float", "bool", "null"})


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Leaves dates, and the words on and off, as the text that was written."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _TEXT.get(first, _TEXT[""])]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read_entries(path: Path, top: str, *, lists: frozenset[str] = frozenset()) -> list[Entry]:
    """Return the entries of the list under the key `top`; `lists` names the keys that hold lists of plain values.

    Raises :class:`FileMistake`.
    """
    return [_entry(path.name, f"{top}[{index}]", node, lists) for index, node in enumerate(_nodes(path, top))]


def read_sections(path: Path, tops: Mapping[str, bool]) -> dict[str, list[Entry]]:
    """Return the entries below each key of `tops`, which may be missing or empty.

    The key holds one entry, or where `tops` says True entries by name, whose `path` ends in it. Raises
    :class:`FileMistake`.
    """
    wanted = " and ".join(f"`{top}:`" for top in tops)
    root = _root(path, "the file", f"what it may hold is {wanted}")
    sections: dict[str, list[Entry]] = {}
    for name, line, node in _pairs(path.name, "", root):
        if name not in tops:
            raise FileMistake(path.name, line, name, f"unknown key; the file holds {wanted}")
        if tops[name]:
            sections[name] = [
                _entry(path.name, f"{name}.{key}", value, frozenset())
                for key, _, value in _pairs(path.name, name, node)
            ]
        elif not _is_nothing(node):
            sections[name] = [_entry(path.name, name, node, frozenset())]
    return sections


def _pairs(file: str, top: str, node: yaml.Node | None) -> list[tuple[str, int, yaml.Node]]:
    """Return the names of a mapping, each with its line and its value."""
    if node is None or _is_nothing(node):
        return []
    if not isinstance(node, yaml.MappingNode):
        raise FileMistake(
            file,
            node.start_mark.line + 1,
            top or "the file",
            "names and values are wanted, such as `name: value`",
        )
    found: dict[str, tuple[str, int, yaml.Node]] = {}
    for key, value in node.value:
        name, line = key.value if isinstance(key, yaml.ScalarNode) else "?", key.start_mark.line + 1
        if name in found:
            raise FileMistake(file, line, f"{top}.{name}" if top else name, "the key is given twice")
        found[name] = (name, line, value)
    return list(found.values())


def _is_nothing(node: yaml.Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


def _nodes(path: Path, top: str) -> list[yaml.Node]:
    root = _root(path, top, f"an empty list is `{top}: []`")
    if root is None:
        return []
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    if len(pairs) == 1 and pairs[0][0].value == top and isinstance(pairs[0][1], yaml.SequenceNode):
        return list(pairs[0][1].value)
    raise FileMistake(path.name, root.start_mark.line + 1, top, f"the file holds one list under `{top}:`")


def _root(path: Path, top: str, if_missing: str) -> yaml.Node | None:
    try:
        with read_regular(path) as file:
            data = file.read(_SIZE_MAX + 1)
        if len(data) > _SIZE_MAX:
            reason = (
                f"the file has more than {_SIZE_MAX // 1024} KiB, and Airflow reads it again for every task"
            )
            raise FileMistake(path.name, 1, top, f"{reason}; shorten it")
        text = data.decode()
        _refuse_depth(path.name, top, text)
        return yaml.compose(text, Loader=_Loader)
    except FileNotFoundError:
        raise FileMistake(path.name, 1, top, f"the file is missing; {if_missing}") from None
    except OSError as error:
        raise FileMistake(path.name, 1, top, f"the file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise FileMistake(path.name, 1, top, f"the file is not UTF-8 ({error.reason})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or error
        raise FileMistake(path.name, mark.line + 1 if mark else 1, top, f"not YAML: {problem}") from None


def _refuse_depth(file: str, top: str, text: str) -> None:
    """Refuse what would overflow the stack of the parser, which is C and would take the process with it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise FileMistake(file, line, top, "too many brackets inside each other")


def _entry(file: str, path: str, node: yaml.Node, lists: frozenset[str]) -> Entry:
    entry = Entry(file, path, node)
    if not isinstance(node, yaml.MappingNode):
        entry.mistakes.append(entry.at((), "an entry is made of names and values, such as `name: value`"))
        return entry
    loader = _Loader("")
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        reason = "the key is given twice" if name in entry.values else None
        if reason is None:
            try:
                entry.values[name] = _value(loader, value, name in lists)
                reason = "one plain value is wanted here" if name == "?" else None
            except (yaml.YAMLError, ValueError, KeyError) as error:
                reason = str(getattr(error, "problem", None) or error)
        if reason:
            line = key.start_mark.line + 1
            entry.mistakes.append(Mistake(file, line, f"{path}.{name}", reason))
    loader.dispose()
    return entry


def _value(loader: Any, node: yaml.Node, is_list: bool) -> Any:
    if is_list and isinstance(node, yaml.SequenceNode):
        return [_value(loader, item, is_list=False) for item in node.value]
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError(
            "a list of plain values is wanted here" if is_list else "one plain value is wanted here"
        )
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind not in _PLAIN:
        raise ValueError(f"not a plain value: it is marked as {kind}")
    if kind != "str" and len(node.value) > _NUMBER_MAX:
        raise ValueError(f"not a plain value: it has more than {_NUMBER_MAX} characters and is no text")
    try:
        value = loader.construct_object(node)
    except (yaml.YAMLError, ValueError, KeyError) as error:
        raise ValueError(f"not a plain value: {getattr(error, 'problem', None) or error}") from None
    # A NaN is neither below a minimum nor above it.
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a number")
    return value
