"""What may have become of a file between two runs, and what lies around the data folder meanwhile."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

OUTSIDE = b'{"id":"1","secret":"of somebody else"}\n'


def _write(data: bytes) -> Callable[[Path, Path], None]:
    return lambda path, outside: path.write_bytes(data) and None


def _truncate(path: Path, outside: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _first_byte_lost(path: Path, outside: Path) -> None:
    path.write_bytes(path.read_bytes()[1:])


def _wrong_types(path: Path, outside: Path) -> None:
    """Put a list where each text was begun, which leaves JSON of other types."""
    path.write_bytes(path.read_bytes().replace(b': "', b': ["').replace(b':"', b':["').replace(b'",', b'"],'))


def _no_zones(path: Path, outside: Path) -> None:
    path.write_bytes(re.sub(rb'(\d\d:\d\d(\.\d+)?)(Z|\+00:00)"', rb'\1"', path.read_bytes()))


def _in_place(make: Callable[[Path], None]) -> Callable[[Path, Path], None]:
    def mutate(path: Path, outside: Path) -> None:
        path.unlink()
        make(path)

    return mutate


def _link_to(name: str) -> Callable[[Path, Path], None]:
    def mutate(path: Path, outside: Path) -> None:
        path.unlink()
        path.symlink_to(outside / name)

    return mutate


def _link_to_itself(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _folder_link(path: Path, outside: Path) -> None:
    """Move the folder of the file out and leave a link to it."""
    moved = outside / "moved"
    path.parent.rename(moved)
    path.parent.symlink_to(moved, target_is_directory=True)


def _full_folder(path: Path) -> None:
    path.mkdir()
    (path / "kept").write_bytes(OUTSIDE)


MUTATIONS: dict[str, Callable[[Path, Path], None]] = {
    "truncated": _truncate,
    "first_byte_lost": _first_byte_lost,
    "empty": _write(b""),
    "zeros": _write(b"\0" * 5000),
    "null": _write(b"null\n"),
    "list": _write(b"[1, 2]\n"),
    "object": _write(b'{"kind": 5, "id": {"a": []}}\n'),
    "numbers": _write(b'{"query": 1, "windows": [1], "number": "x", "size": -1, "posts": "many"}\n'),
    "wrong_types": _wrong_types,
    "no_zones": _no_zones,
    "not_utf8": _write(b'{"id": "\xff\xfe", "query": "\xc3"}\n'),
    "deep": _write(b"[" * 100_000 + b"\n"),
    "deep_object": _write(b'{"a":' * 100_000 + b"\n"),
    "huge_number": _write(b'{"id": 1e999999, "number": ' + b"9" * 5000 + b"}\n"),
    "folder": _in_place(lambda path: path.mkdir()),
    "full_folder": _in_place(_full_folder),
    "link_outside": _link_to("file"),
    "link_to_folder": _link_to("folder"),
    "dangling_link": _link_to("nothing"),
    "link_to_itself": _link_to_itself,
    "folder_link": _folder_link,
    "fifo": _in_place(lambda path: os.mkfifo(path)),
}


def surroundings(tmp: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of all that lies beside the data folder, by name."""
    found = {}
    for path in sorted([*tmp.iterdir(), *(tmp / "outside").rglob("*")]):
        mode = path.lstat().st_mode
        content = path.read_bytes() if stat.S_ISREG(mode) else b""
        found[str(path.relative_to(tmp))] = (mode, content)
    return found


def make_outside(outside: Path) -> None:
    """Make what links lead to."""
    (outside / "folder").mkdir(parents=True)
    (outside / "file").write_bytes(OUTSIDE)
    (outside / "folder" / "file").write_bytes(OUTSIDE)
