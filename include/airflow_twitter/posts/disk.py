"""What makes a written file survive a power cut, and cheaply; and what a full disk means."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from airflow_twitter.posts.keys import StoreError, WithMend
from airflow_twitter.posts.regular import open_regular

_TAIL_BYTES = 65_536
_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFull(WithMend, StoreError):
    """Report that the disk, or the quota on it, has no room."""


@contextlib.contextmanager
def telling_when_full(what: object) -> Iterator[None]:
    """Raise DiskFull in place of the system's errors that mean it; `what` is what was to be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(
            f"The disk has no room for {what} ({error.strerror}). What was there before is as it was, and nothing is "
            "left half written.",
            "Make room: the next retry then goes on where this one stopped; when none is left, "
            "clear the task.",
        ) from error


def begin_to_sync(file: BinaryIO, start: int, size: int) -> None:
    """Let the system write to the disk meanwhile, where it can, what fsync would wait for at the end."""
    if hasattr(os, "posix_fadvise"):
        # Linux writes what is dirty in the range, and drops what is clean: nothing, for all of it is new.
        os.posix_fadvise(file.fileno(), start, size, os.POSIX_FADV_DONTNEED)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` as durable as the files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it, durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, as far as it can be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def reserve(file: BinaryIO, size: int) -> None:
    """Take `size` bytes of the disk for a file that is empty; raises OSError when there are not as many."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)


def append(path: Path, lines: bytes, *, durable: bool) -> None:
    """Add whole lines to a file that is only ever added to; of a torn line at its end nothing stays.

    When not all of them can be written the file is what it was before.
    """
    make_folder(path.parent)
    is_new = not path.exists()
    with FileIO(open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), "r+") as file:
        size = _whole_lines(file)
        if size < file.seek(0, os.SEEK_END):
            file.truncate(size)
        try:
            written = 0
            while written < len(lines):
                written += file.write(lines[written:])
        except OSError:
            file.truncate(size)
            raise
        if durable:
            os.fsync(file.fileno())
    if durable and is_new:
        sync_folder(path.parent)


def _whole_lines(file: FileIO) -> int:
    """Return how many bytes of a file are whole lines."""
    end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - _TAIL_BYTES)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0
