"""Locks among threads and processes, which the kernel frees when their holder dies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from airflow_twitter.posts.disk import telling_when_full
from airflow_twitter.posts.keys import StoreError, WithMend
from airflow_twitter.posts.regular import telling_what_lies_there


class LockTimeout(WithMend, StoreError):
    """Report that another process held a lock for longer than the caller would wait."""


@contextlib.contextmanager
def locked(path: Path, what: str, timeout_s: float) -> Iterator[None]:
    """Hold the lock that is the file `path`, alone; raises LockTimeout, which names `what`, after `timeout_s`."""
    lock = FileLock(path, timeout=timeout_s)
    try:
        with telling_when_full(path), telling_what_lies_there(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except Timeout:
        raise LockTimeout(
            f"Another process has been writing {what} for {timeout_s:g} s.",
            "Nothing was changed; run it again when that one is done.",
        ) from None
    try:
        yield
    finally:
        lock.release()
