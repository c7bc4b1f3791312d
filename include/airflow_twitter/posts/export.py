"""The dataset of a keyword as one file for people: tweets_<slug>.json, a JSON array, one post a line."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from airflow_twitter.posts import dataset
from airflow_twitter.posts.bounds import LINE_MAX, LongLine
from airflow_twitter.posts.store import Store

log = logging.getLogger(__name__)

BLOCK_BYTES = 128 * 1024
_HEAD, _TAIL = b"[\n{", b"}\n]\n"


@dataclass(frozen=True)
class ExportResult:
    """What was exported: the key of the file, its posts and its size in bytes.

    Without posts there is no file, not even an older one, and `bytes` is 0. `set_aside` are the keys of damaged
    files that were kept aside.
    """

    key: str
    posts: int
    bytes: int
    set_aside: list[str] = field(default_factory=list)


def export_key(slug: str) -> str:
    """Return where the export of `slug` lies."""
    return f"tweets_{slug}.json"


def export(store: Store, slug: str, *, lock_timeout_s: float = 60.0) -> ExportResult:
    """Write tweets_<slug>.json, oldest post first, by joining the day files without parsing them.

    Its cost grows with the dataset: it is a copy. What stands there without the first and last bytes of an
    export (a truncated file, or one of somebody else's) is kept aside before. So is a day file that does not
    begin and end as one, after which its readable posts are exported. Raises LockTimeout.
    """
    key = export_key(slug)
    with dataset.lock(store, slug, lock_timeout_s):
        store.clean(name=key)
        set_aside = _set_damaged_aside(store, slug, key)
        joined, size = _join(store, slug, key, set_aside)
        if not size:
            # What it showed is no longer in the dataset: X asks that such posts be removed.
            store.delete(key)
            return ExportResult(key, 0, 0, set_aside)
    log.info("Saved %s posts to %s (%s bytes)", joined.posts, store.url(key), size)
    return ExportResult(key, joined.posts, size, set_aside)


def _join(store: Store, slug: str, key: str, set_aside: list[str]) -> tuple[_Joined, int]:
    """Write the file and return its size, 0 when there are no days; a day with a line of any length is repaired."""
    while True:
        joined = _Joined(store, dataset.segments(store, f"posts/{slug}"))
        try:
            return joined, store.put(key, joined.blocks()) if joined.days else 0
        except LongLine:
            set_aside.append(dataset.repair(store, joined.day)[0])


class _Joined:
    """Join day files to one JSON array; `posts` is complete when the blocks are."""

    def __init__(self, store: Store, days: list[str]) -> None:
        self.posts = 0
        self.days = days
        self.day = ""
        self._store = store

    def blocks(self) -> Iterator[bytes]:
        """Yield the array in blocks; raises LongLine, of the `day` that is at hand then."""
        separator = b"[\n"
        for day in self.days:
            self.day = day
            with self._store.open(day) as file:
                held, without_end = b"", 0
                while block := file.read(BLOCK_BYTES):
                    # The newline at the end of a block waits, for only the array's last one has no comma
                    # before it.
                    if held or separator:
                        yield held or separator
                        separator = b""
                    held = b""
                    joined = block.replace(b"\n", b",\n")
                    self.posts += len(joined) - len(block)
                    without_end = without_end + len(block) if len(joined) == len(block) else 0
                    if without_end > LINE_MAX:
                        raise LongLine
                    if block.endswith(b"\n"):
                        joined, held = joined[:-2], b",\n"
                    yield joined
                separator = held
        yield b"\n]\n"


def _set_damaged_aside(store: Store, slug: str, key: str) -> list[str]:
    set_aside = []
    if store.exists(key) and not _is_framed(store, key, _HEAD, _TAIL):
        set_aside.append(store.set_aside(key))
        log.error("%s is damaged or not an export; it was kept as %s.", store.url(key), set_aside[0])
    for day in dataset.segments(store, f"posts/{slug}"):
        if not _is_framed(store, day, b"{", b"}\n"):
            set_aside.append(dataset.repair(store, day)[0])
    return set_aside


def _is_framed(store: Store, key: str, head: bytes, tail: bytes) -> bool:
    """Tell whether a file begins and ends as it should, without reading what lies between."""
    with store.open(key) as file:
        return file.read(len(head)) == head and _last_bytes(file, len(tail)) == tail


def _last_bytes(file: BinaryIO, length: int) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - length))
    return file.read()
