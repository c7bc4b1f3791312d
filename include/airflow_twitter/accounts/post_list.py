"""Read a list of posts from a file: every row with its place, and everything that is wrong in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from airflow_twitter.accounts.form import FIELDS, PostFormError, post_errors

POSTS_MAX = 500
BYTES_MAX = 4 * 1024 * 1024
_MISTAKES_SHOWN = 50
_YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong in a row. `passing`: it may be right when it is looked at again later."""

    place: Place
    field: str
    reason: str
    passing: bool = False

    def __str__(self) -> str:
        return f"{self.place}, {self.field}: {self.reason}"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a post stands in the list: its number, from 1, and its line where the file has lines."""

    number: int
    line: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"post {self.number}" if self.line is None else f"post {self.number} (line {self.line})"


class PostListError(ValueError):
    """Everything that is wrong in a list of posts, one fault a line; nothing of it was queued.

    `faults` are all of them, of which the message shows the first. `passing`: all of them may be right later.
    """

    def __init__(self, name: str, faults: list[Fault] | list[str]) -> None:
        shown = [str(fault) for fault in faults[:_MISTAKES_SHOWN]]
        if len(faults) > len(shown):
            shown.append(f"… and {len(faults) - len(shown)} more, which the log names")
        super().__init__("\n".join([f"{name} was refused as a whole, nothing of it was queued:", *shown]))
        self.faults = [str(fault) for fault in faults]
        self.passing = all(isinstance(fault, Fault) and fault.passing for fault in faults)


@dataclass(frozen=True, slots=True)
class Row:
    """A post of a list, with all its fields."""

    place: Place
    post: dict[str, Any]


def read_post_list(name: str, data: bytes, defaults: Mapping[str, Any]) -> tuple[list[Row], list[Fault]]:
    """Return the posts of a file whose fields are right, and what is wrong in the other ones.

    `defaults` hold for what a post does not say itself. The name says what the file is: ``.json`` is an array of
    objects, ``.jsonl`` an object a line, ``.csv`` has the fields' names in its first line. Raises
    :class:`PostListError` for what is no list.
    """
    if len(data) > BYTES_MAX:
        raise PostListError(name, [f"it has {len(data)} bytes, at most {BYTES_MAX} are read"])
    try:
        entries = list(_entries(name, data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise PostListError(name, [f"it is not UTF-8 ({error.reason} at byte {error.start})"]) from None
    except (ValueError, csv.Error, RecursionError) as error:
        raise PostListError(name, [str(error)]) from None
    if not 1 <= len(entries) <= POSTS_MAX:
        raise PostListError(name, [f"it holds {len(entries)} posts; 1 to {POSTS_MAX} are taken at once"])
    rows: list[Row] = []
    faults: list[Fault] = []
    for number, (line, entry) in enumerate(entries, start=1):
        place = Place(number, line)
        post, errors = _parsed(entry, defaults)
        faults += [Fault(place, error.field, error.reason) for error in errors]
        if not errors:
            rows.append(Row(place, post))
    return rows, faults


def _parsed(entry: Any, defaults: Mapping[str, Any]) -> tuple[dict[str, Any], list[PostFormError]]:
    if isinstance(entry, PostFormError):
        return {}, [entry]
    if not isinstance(entry, Mapping):
        return {}, [PostFormError("a post is an object with fields such as text and video", "post")]
    return post_errors({**defaults, **entry})


def _entries(name: str, text: str) -> Iterator[tuple[int | None, Any]]:
    """Return each entry with its line; a PostFormError stands for one that cannot be read."""
    kind = PurePosixPath(name).suffix.lower()
    if kind == ".json":
        entries = json.loads(text)
        if not isinstance(entries, list):
            raise ValueError("it is to hold one JSON array of posts")
        yield from ((None, entry) for entry in entries)
    elif kind == ".jsonl":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield number, _json_line(line)
    elif kind == ".csv":
        yield from _csv_lines(text)
    else:
        raise ValueError("its name is to end in .json, .jsonl or .csv")


def _csv_lines(text: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    while True:
        line = reader.line_num + 1
        row = next(reader, None)
        if row is None:
            return
        # The first row is read together with the names above it.
        line = max(line, 2)
        if None in row:
            yield line, PostFormError("it has more values than the first line has names", "post")
        else:
            yield line, {name: _typed(name, value) for name, value in row.items() if value not in (None, "")}


def _json_line(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return PostFormError(f"it is not JSON: {error}", "post")


def _typed(field: str, value: str) -> Any:
    """Return a value of a CSV file as what its field is; the check then says what is wrong with any other."""
    types = FIELDS.get(field, {}).get("type", "string")
    if "boolean" in types:
        return _YES_OR_NO.get(value.strip().lower(), value)
    if "number" in types:
        try:
            return float(value)
        except ValueError:
            return value
    return value
