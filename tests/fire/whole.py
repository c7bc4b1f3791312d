"""Whether the files of a data folder are whole, and whether two folders say the same."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from airflow_twitter.posts.lines import read_posts

# What differs between two runs that do the same: when they did it.
_MOMENTS = re.compile(rb'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|"(request_id|next_token)":"[^"]*"')


def whole_tree(data: Path, before: Path | None = None) -> dict[str, str]:
    """Return a digest of every file by its path, moments left out; raises ValueError for one that is half.

    Not among them are the store's own files, what was kept aside because it was damaged, and the claims on X's
    window, which are hints. A file that is as it
    was in the folder `before` is not looked at.
    """
    tree = {}
    for path in sorted(data.rglob("*")):
        name = path.relative_to(data).as_posix()
        if path.is_dir() or name.startswith(".") or "/." in name or ".damaged-" in name:
            continue
        content = path.read_bytes()
        try:
            if before is None or not (before / name).exists() or (before / name).read_bytes() != content:
                _check(path, content)
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(f"{name} is not whole: {error}") from None
        plain = _MOMENTS.sub(b"", content if path.suffix != ".page" else content.split(b"\n", 1)[1])
        if name.startswith("ledger/"):
            plain = _added_up(content)
        if not name.startswith("quota/"):
            tree[name] = hashlib.sha256(plain).hexdigest()[:16]
    return tree


def unlike(good: dict[str, str], found: dict[str, str]) -> list[str]:
    """Say in which files two trees differ."""
    return [
        f"differs: {name}" for name in sorted(good.keys() | found.keys()) if good.get(name) != found.get(name)
    ]


def temporary_files(data: Path) -> list[str]:
    """Return the temporary files that lie about."""
    return [path.relative_to(data).as_posix() for path in sorted(data.rglob(".*.tmp"))]


def wrong_dataset(data: Path, slug: str, ids: set[str]) -> list[str]:
    """Say where the day files and the export of a keyword are not exactly the posts of these ids."""
    stored = [
        json.loads(line)["id"]
        for path in sorted((data / "posts" / slug).glob("*.jsonl"))
        for line in path.open()
    ]
    export = data / f"tweets_{slug}.json"
    exported = [post["id"] for post in json.loads(export.read_bytes())] if export.exists() else []
    wrong = []
    for what, found in (("day files", stored), ("export", exported)):
        if sorted(found) != sorted(ids):
            lost, strange = sorted(ids - set(found)), sorted(set(found) - ids)
            wrong.append(f"the {what} hold {len(found)} posts of {len(ids)}: lost {lost}, not sold {strange}")
    return wrong


def _check(path: Path, content: bytes) -> None:
    match path.suffix:
        case ".json" | "":
            json.loads(content)
        case ".jsonl":
            _check_lines(path, content)
        case ".page":
            header, _, body = content.partition(b"\n")
            told = json.loads(header)
            if len(body) != told["size"] or hashlib.sha256(body).hexdigest() != told["sha256"]:
                raise ValueError("its body is not the one that its header tells of")
        case ".staged":
            with path.open("rb") as file:
                list(read_posts(file))
        case _:
            raise ValueError("nobody knows this kind of file")


def _added_up(ledger: bytes) -> bytes:
    """Return what a day of the ledger adds up to; how often a request was made differs after a kill."""
    bought: dict[str, set[str]] = {}
    units: Counter[str] = Counter()
    keys: set[str] = set()
    reserved: set[str] = set()
    for line in map(json.loads, _whole_lines(ledger).splitlines()):
        place = line.get("place", line["key"])
        if line["kind"] == "reserved":
            # X bills every count: what one may have cost that was lost stays reserved.
            reserved.add(place.partition("/counts-")[0])
        elif line["kind"] != "unanswered":
            reserved.discard(place.partition("/counts-")[0])
        if line["kind"] == "bought":
            assert line["key"] not in keys
            keys.add(line["key"])
            units.update(line.get("units", {}))
            for kind, ids in line.get("ids", {}).items():
                bought.setdefault(kind, set()).update(ids)
    told = {kind: sorted(ids) for kind, ids in bought.items()}
    return json.dumps([told, units, sorted(reserved)], sort_keys=True).encode()


def _whole_lines(ledger: bytes) -> bytes:
    """Leave out the line that a killed writer left torn at the end: the next one cuts it off."""
    return ledger[: ledger.rfind(b"\n") + 1]


def _check_lines(path: Path, content: bytes) -> None:
    if "ledger" in path.parts and "posts" not in path.parts:
        for line in _whole_lines(content).splitlines():
            json.loads(line)
        return
    lines = [json.loads(line) for line in content.splitlines()]
    if not lines or not content.endswith(b"\n"):
        raise ValueError("its last line has no end")
    if "posts" in path.parts and "includes" not in path.parts:
        ids = [int(line["id"]) for line in lines]
        days = {
            f"{datetime.fromtimestamp(((number >> 22) + 1288834974657) / 1000, UTC):%Y-%m-%d}"
            for number in ids
        }
        if ids != sorted(set(ids)) or days != {path.stem}:
            raise ValueError("its ids are not in order, or belong to another day")
