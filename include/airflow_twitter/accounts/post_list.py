"""Read a list of posts from a file, and check all of it before any of them goes on its way."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from airflow_twitter.accounts.form import FIELDS, PostFormError, parse_post

POSTS_MAX = 500
BYTES_MAX = 4 * 1024 * 1024
_MISTAKES_SHOWN = 20
_YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class PostListError(ValueError):
    """Everything that is wrong in a list of posts, one mistake a line; nothing of it was queued."""

    def __init__(self, name: str, mistakes: list[str]) -> None:
        shown = mistakes[:_MISTAKES_SHOWN]
        if len(mistakes) > len(shown):
            shown.append(f"… and {len(mistakes) - len(shown)} more")
        super().__init__("\n".join([f"{name} was refused as a whole, nothing of it was queued:", *shown]))


def read_post_list(name: str, data: bytes, defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the posts of a file, each with all its fields; `defaults` hold for what a post does not say itself.

    The name says what the file is: ``.json`` is an array of objects, ``.jsonl`` an object a line, ``.csv`` has the
    fields' names in its first line. Raises :class:`PostListError` with every mistake.
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
    return _checked(name, entries, defaults)


def _checked(name: str, entries: list[Any], defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
    posts: list[dict[str, Any]] = []
    mistakes: list[str] = []
    seen: dict[tuple[Any, ...], int] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            if not isinstance(entry, Mapping):
                raise PostFormError("a post is an object with fields such as text and video", "post")
            post = parse_post({**defaults, **entry})
            content = (post["account"], post["text"], post["video"])
            if content in seen and not post["allow_duplicate"]:
                raise PostFormError(f"post {seen[content]} says the same", "text")
            seen.setdefault(content, number)
            posts.append(post)
        except PostFormError as error:
            mistakes.append(f"post {number}, {error}")
    if mistakes:
        raise PostListError(name, mistakes)
    return posts


def _entries(name: str, text: str) -> Iterator[Any]:
    kind = PurePosixPath(name).suffix.lower()
    if kind == ".json":
        entries = json.loads(text)
        if not isinstance(entries, list):
            raise ValueError("it is to hold one JSON array of posts")
        yield from entries
    elif kind == ".jsonl":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield _json_line(number, line)
    elif kind == ".csv":
        for row in csv.DictReader(io.StringIO(text), strict=True):
            if None in row:
                raise ValueError("a line has more values than the first line has names")
            yield {field: _typed(field, value) for field, value in row.items() if value not in (None, "")}
    else:
        raise ValueError("its name is to end in .json, .jsonl or .csv")


def _json_line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number} is not JSON: {error}") from None


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
