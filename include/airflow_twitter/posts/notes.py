"""Bytes that were derived from a file's content, for as long as that stays the same: a cache, never a truth."""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path

from airflow_twitter.posts.bounds import read_whole
from airflow_twitter.posts.disk import DiskFull, telling_when_full
from airflow_twitter.posts.regular import UnusableFile, read_regular, telling_what_lies_there
from airflow_twitter.posts.temporary import becoming


def write_note(note: Path, path: Path, data: bytes) -> None:
    """Keep what was derived from the file `path`: not durably, and not at all where it cannot be kept.

    The folder of the note must be there.
    """
    try:
        with telling_when_full(note), telling_what_lies_there(note), becoming(note, durable=False) as file:
            file.write(_state(path, data) + data)
    except (DiskFull, UnusableFile, FileNotFoundError):
        with contextlib.suppress(OSError):
            note.unlink(missing_ok=True)


def read_note(note: Path, path: Path) -> bytes | None:
    """Return what was derived from the file `path`, None when that has changed since or there is no note."""
    try:
        with read_regular(note) as file:
            state, data = read_whole(file, note).split(b"\n", 1)
        if state + b"\n" != _state(path, data):
            return None
        # Clocks of file systems tick in milliseconds: a change in the tick of the note would look like none.
        return data if note.stat().st_mtime_ns > path.stat().st_mtime_ns else None
    except (OSError, ValueError):
        return None


def _state(path: Path, data: bytes) -> bytes:
    """Tell one content of a file from another by size and time of change, and `data` by its checksum."""
    status = path.stat()
    return b"%d %d %d\n" % (status.st_size, status.st_mtime_ns, zlib.crc32(data))
