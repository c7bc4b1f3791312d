"""Where videos lie in the data store: by their hash, so that the same video lies there once."""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from airflow_twitter.posts.store import Store

FOLDER = "media"
_INCOMING = f"{FOLDER}/incoming"
_CHUNK_BYTES = 1024 * 1024
_OLD_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold a file in the store: its key there, its SHA-256 (hexadecimal) and its size in bytes."""

    key: str
    sha256: str
    size: int


def media_file(sha256: str) -> str:
    """Return the key of the file with this hash."""
    return f"{FOLDER}/{sha256}"


def frame_file(sha256: str) -> str:
    """Return the key of the picture (JPEG) of the video with this hash."""
    return f"{FOLDER}/frames/{sha256}.jpg"


def keep(store: Store, chunks: Iterable[bytes]) -> Stored:
    """Write a file as it comes and return where it lies; an exception from the iterable leaves nothing."""
    digest, size = hashlib.sha256(), 0
    with incoming(store) as (key, file):
        for chunk in chunks:
            digest.update(chunk)
            size += file.write(chunk)
    return _settle(store, key, digest.hexdigest(), size)


@contextlib.contextmanager
def incoming(store: Store) -> Iterator[tuple[str, BinaryIO]]:
    """Open a file whose hash is not known yet; `settle` gives it its place once the block has ended."""
    _remove_old(store)
    key = f"{_INCOMING}/{int(time.time())}-{uuid.uuid4().hex}"
    with store.writer(key) as file:
        yield key, file


def settle(store: Store, key: str) -> Stored:
    """Hash an incoming file and move it to where it belongs."""
    return _settle(store, key, *hash_file(store, key))


def hash_file(store: Store, key: str) -> tuple[str, int]:
    """Return SHA-256 and size of a file in the store."""
    digest, size = hashlib.sha256(), 0
    with store.open(key) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _remove_old(store: Store) -> None:
    """Remove what was written in full and never moved, since its process was killed in between."""
    for key in store.list(_INCOMING):
        begun = key.rpartition("/")[2].partition("-")[0]
        if begun.isdecimal() and int(begun) < time.time() - _OLD_S:
            store.delete(key)


def _settle(store: Store, key: str, sha256: str, size: int) -> Stored:
    final = media_file(sha256)
    store.move(key, final)
    return Stored(final, sha256, size)
