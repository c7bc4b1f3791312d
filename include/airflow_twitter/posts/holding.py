"""Hold a folder of the store against its removal: many may use it at once, one alone may remove it.

The lock is flock(2) on a file beside the others; the kernel frees it when a process dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from airflow_twitter.posts.locks import LockTimeout
from airflow_twitter.posts.regular import open_regular, telling_what_lies_there
from airflow_twitter.posts.store import Store

POLL_S = 0.05
_KIND = "in-use"


@contextlib.contextmanager
def used(store: Store, folder: str, timeout_s: float = 60.0) -> Iterator[None]:
    """Keep `folder` from being removed; others may use it too. Raises LockTimeout."""
    end = time.monotonic() + timeout_s
    while (descriptor := _lock(store.lock_file(folder, _KIND), fcntl.LOCK_SH)) is None:
        if time.monotonic() >= end:
            raise LockTimeout(
                f"{folder} has been under removal for {timeout_s:g} s. Nothing was changed.", "Run it again."
            )
        time.sleep(POLL_S)
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def alone(store: Store, folder: str) -> Iterator[bool]:
    """Hold `folder` alone, to remove it; yields False, without waiting, when somebody uses it."""
    path = store.lock_file(folder, _KIND)
    descriptor = _lock(path, fcntl.LOCK_EX)
    if descriptor is None:
        yield False
        return
    try:
        yield True
        # Under the lock, so that one file for each run that ever was does not stay.
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _lock(path: Path, kind: int) -> int | None:
    """Return the descriptor of the locked file, None when it is locked against us."""
    with telling_what_lies_there(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            if _is_still(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Who held it alone has removed the file meanwhile: this lock would be on nothing.
        os.close(descriptor)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
