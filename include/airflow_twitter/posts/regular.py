"""Open plain files alone: a pipe would wait for ever, and a folder or a link in a loop is nobody's file."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from airflow_twitter.posts.keys import StoreError

_MEANINGS = {
    errno.EISDIR: "it is a folder",
    errno.ENOTEMPTY: "it is a folder",
    errno.EEXIST: "something else has its name",
    errno.ENOTDIR: "a part of its path is no folder",
    errno.ELOOP: "it is a link that leads to itself",
    errno.ENXIO: "it is no plain file",
    errno.EACCES: "its permissions forbid it",
    errno.EPERM: "its permissions forbid it",
}


class UnusableFile(StoreError, OSError):
    """Report what lies in a file's place and is none; `strerror` says what it is."""

    def __init__(self, path: object, what: str) -> None:
        self.mend = "Move it out of the data folder, or put the file back, and run this again."
        super().__init__(f"{path} cannot be used: {what}. Nothing was changed. {self.mend}")
        self.strerror = what

    def __str__(self) -> str:
        return str(self.args[0])


@contextlib.contextmanager
def telling_what_lies_there(path: Path) -> Iterator[None]:
    """Raise UnusableFile in place of the system's errors that mean that a path leads to no plain file.

    A missing file stays FileNotFoundError, and a full disk what it is.
    """
    try:
        yield
    except (UnusableFile, FileNotFoundError):
        raise
    except OSError as error:
        if error.errno in _MEANINGS:
            raise UnusableFile(error.filename2 or error.filename or path, _MEANINGS[error.errno]) from error
        raise


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of a plain file; raises UnusableFile for anything else, without waiting for it."""
    with telling_what_lies_there(path):
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return descriptor
        os.close(descriptor)
        raise UnusableFile(path, "it is a folder" if stat.S_ISDIR(mode) else "it is no plain file")


def read_regular(path: Path) -> BinaryIO:
    """Open a plain file for reading; raises UnusableFile for anything else."""
    return os.fdopen(open_regular(path), "rb")
