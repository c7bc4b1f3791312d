"""Temporary files, which become files as a whole or not at all, and what killed writers left of them.

A writer holds a lock on its file, which the kernel frees when it dies: so a file without one is nobody's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from airflow_twitter.posts.disk import reserve
from airflow_twitter.posts.regular import open_regular


@contextlib.contextmanager
def becoming(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a file that becomes `path` when the block ends without an exception, `durable` against a power cut too.

    The folder must be there, and its names are not made durable. An exception leaves `path` as it was.
    """
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex[:12]}.tmp"
    try:
        with _locked(temporary) as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
            # Still under the lock: unlocked under this name, it would be taken for a dead writer's.
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_room(folder: Path, size: int) -> None:
    """Raise OSError when a file of `size` bytes cannot be written into a folder."""
    temporary = folder / f".room.{uuid.uuid4().hex[:12]}.tmp"
    try:
        with _locked(temporary) as file:
            reserve(file, size)
    finally:
        temporary.unlink(missing_ok=True)


def link_or_copy(path: Path, other: Path) -> None:
    """Give a file a second name; where the file system has no hard links, a copy has it."""
    try:
        os.link(path, other)
    except OSError:
        with path.open("rb") as file, becoming(other) as copy:
            shutil.copyfileobj(file, copy)


def remove_dead(folder: Path, name: str = "*") -> int:
    """Remove the temporary files right in a folder whose writers are dead; return how many.

    `name` is a pattern for the names of the files that were to be.
    """
    removed = 0
    for path in folder.glob(f".{name}.*.tmp"):
        with contextlib.suppress(OSError), os.fdopen(open_regular(path, os.O_RDWR), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            removed += 1
    return removed


def _locked(path: Path) -> BinaryIO:
    """Make a file and lock it."""
    while True:
        file = path.open("xb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except BaseException:
            file.close()
            raise
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # somebody removed it as a dead writer's before it was locked
