"""Files by key under one root: atomic puts, locks, and no way out of the root.

A key is a POSIX path relative to the root ("posts/sevdesk/2026-11-01.jsonl"), so that object storage can hold
the same layout behind another URL. Names that begin with a dot are the store's own (temporary files, locks):
no key may contain one, and no listing shows one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from airflow_twitter.posts import disk
from airflow_twitter.posts.bounds import read_whole
from airflow_twitter.posts.disk import DiskFull
from airflow_twitter.posts.keys import StoreError, check_key, key_aside, local_folder, set_aside_at
from airflow_twitter.posts.locks import LockTimeout, locked
from airflow_twitter.posts.notes import read_note, write_note
from airflow_twitter.posts.regular import UnusableFile, read_regular, telling_what_lies_there
from airflow_twitter.posts.temporary import becoming, check_room, link_or_copy, remove_dead

__all__ = ["DiskFull", "LockTimeout", "Store", "StoreError", "check_key", "set_aside_at"]

log = logging.getLogger(__name__)

WRITE_BEHIND_BYTES = 4 * 1024 * 1024
LOCKS = ".locks"
NOTES = ".notes"
HELD = ".held"
TRASH = ".trash"


class Store:
    """Read and write files by key under `root`, a local folder (made when first written to).

    Raises StoreError for a root that is another kind of URL, and from every method for a key that is unsafe
    or whose path leads out of the root by a symbolic link. A missing key raises FileNotFoundError.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = local_folder(root)
        self._cleaned: set[Path] = set()

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def url(self, key: str) -> str:
        """Return the readable place of `key`, for logs and messages."""
        return str(self._path(key))

    def exists(self, key: str) -> bool:
        """Tell whether `key` is a file."""
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        """Return the size of `key` in bytes."""
        path = self._path(key)
        with telling_what_lies_there(path):
            return path.stat().st_size

    def read(self, key: str) -> bytes:
        """Return all bytes of `key`; raises UnusableFile when they are more than any file of ours has."""
        with self.open(key) as file:
            return read_whole(file, self._path(key))

    def open(self, key: str) -> BinaryIO:
        """Open `key` for reading; the caller closes it. A later put does not change what is read."""
        return read_regular(self._path(key))

    def put(self, key: str, data: bytes | Iterable[bytes]) -> int:
        """Write `key` as a whole or not at all, and return its size in bytes.

        An exception from the iterable leaves the old file, or none, in place.
        """
        size = begun = 0
        with self.writer(key) as file:
            for chunk in (data,) if isinstance(data, bytes) else data:
                size += file.write(chunk)
                if size - begun >= WRITE_BEHIND_BYTES:
                    disk.begin_to_sync(file, begun, size - begun)
                    begun = size
        return size

    @contextlib.contextmanager
    def writer(self, key: str) -> Iterator[BinaryIO]:
        """Open a file that becomes `key`, durably, when the block ends without an exception."""
        path = self._path(key)
        with disk.telling_when_full(path), telling_what_lies_there(path):
            disk.make_folder(path.parent)
            self._clean_once(path.parent)
            with becoming(path) as file:
                yield file
            disk.sync_folder(path.parent)

    def check_room(self, prefix: str, size: int) -> None:
        """Raise DiskFull unless a file of `size` bytes can be written into the folder `prefix`."""
        folder = self._path(prefix)
        with disk.telling_when_full(f"{size} bytes in {folder}"), telling_what_lies_there(folder):
            disk.make_folder(folder)
            self._clean_once(folder)
            check_room(folder, size)

    def append(self, key: str, lines: bytes, *, durable: bool = True) -> None:
        """Add whole lines to `key`, all or none, and cut off what a killed writer left of a line at its end.

        The caller holds a lock under which all lines are added. Without `durable` a power cut may lose them.
        """
        path = self._path(key)
        with disk.telling_when_full(path), telling_what_lies_there(path):
            disk.append(path, lines, durable=durable)

    def list(self, prefix: str = "") -> list[str]:
        """Return the keys of all files below the folder `prefix`, sorted; none when there is no folder."""
        top = self._path(prefix) if prefix else self.root
        keys = []
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            keys += [Path(folder, name) for name in names if not name.startswith(".")]
        return sorted(path.relative_to(self.root).as_posix() for path in keys)

    def move(self, key: str, new_key: str) -> None:
        """Rename `key` to `new_key`, durably; what lay there is replaced."""
        path, new_path = self._path(key), self._path(new_key)
        with disk.telling_when_full(new_path), telling_what_lies_there(path):
            disk.make_folder(new_path.parent)
            os.replace(path, new_path)
            disk.sync_folder(new_path.parent)

    def delete(self, key: str) -> None:
        """Delete `key`; a missing one is no error."""
        path = self._path(key)
        with telling_what_lies_there(path):
            path.unlink(missing_ok=True)

    def delete_tree(self, prefix: str) -> None:
        """Delete the folder `prefix` and all that is in it, at once for whoever reads it; a missing one is no error.

        What an interrupted deletion leaves lies out of sight until the next `sweep`.
        """
        top = self._path(prefix)
        trash = self.root / TRASH / uuid.uuid4().hex
        try:
            with disk.telling_when_full(trash), telling_what_lies_there(top):
                disk.make_folder(trash.parent)
                os.rename(top, trash)
        except FileNotFoundError:
            return
        disk.sync_folder(top.parent)
        disk.remove(trash)

    def set_aside(self, key: str, *, keep: bool = False) -> str:
        """Rename `key` to `<key>.damaged-<UTC time>` and return the new key.

        With `keep` the file stays under its old name too, so that it is never absent before a put replaces
        it.
        """
        new_key = key_aside(key)
        path, new_path = self._path(key), self._path(new_key)
        with disk.telling_when_full(new_path), telling_what_lies_there(path):
            if keep:
                link_or_copy(path, new_path)
            else:
                os.rename(path, new_path)
            disk.sync_folder(path.parent)
        return new_key

    def clean(self, prefix: str = "", *, name: str = "*") -> int:
        """Remove temporary files that killed writers left right in the folder `prefix`; return how many.

        `name` is a pattern for the names of the files that were to be. Whoever writes into a folder cleans it
        before by itself.
        """
        folder = self._path(prefix) if prefix else self.root
        return sum(remove_dead(place, name) for place in (folder, self.root / NOTES / prefix))

    def sweep(self) -> int:
        """Remove all that killed processes left, wherever it lies, and return how many files or folders that were."""
        trash = self.root / TRASH
        left = list(trash.iterdir()) if trash.is_dir() else []
        for path in left:
            disk.remove(path)
        return len(left) + sum(remove_dead(Path(folder)) for folder, _, _ in os.walk(self.root))

    def modified_at(self, key: str) -> datetime:
        """Return when `key` was last written, in UTC."""
        path = self._path(key)
        with telling_what_lies_there(path):
            return datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def renew(self, key: str) -> None:
        """Have `key` count as written now, so that it is not cleaned away as an old one."""
        path = self._path(key)
        with telling_what_lies_there(path):
            os.utime(path)

    def lock_file(self, key: str, kind: str = "lock") -> Path:
        """Return the path of the file whose lock stands for `key`."""
        check_key(key)
        return self._inside(self.root / LOCKS / f"{key}.{kind}")

    def remember(self, key: str, data: bytes) -> None:
        """Keep bytes that were derived from the content of `key`, for as long as that stays the same.

        They are a convenience: they may be gone at any time, are not written durably, and not at all on a full disk.
        """
        note = self._notes(key)
        with contextlib.suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            self._clean_once(note.parent)
        write_note(note, self._path(key), data)

    def recall(self, key: str) -> bytes | None:
        """Return what was remembered of `key`, None when that has changed since or nothing was."""
        return read_note(self._notes(key), self._path(key))

    def lock(self, key: str, timeout_s: float = 60.0) -> AbstractContextManager[None]:
        """Hold the lock named `key`, alone among threads and processes; the kernel frees it if that dies.

        Raises LockTimeout after `timeout_s` seconds.
        """
        return locked(self.lock_file(key), key, timeout_s)

    def hold(self, prefix: str, timeout_s: float = 60.0) -> AbstractContextManager[None]:
        """Hold the folder `prefix`, as `lock` does, by a file in it that goes when the folder is deleted."""
        return locked(self._inside(self._path(prefix) / HELD), prefix, timeout_s)

    def _clean_once(self, folder: Path) -> None:
        if folder not in self._cleaned:
            self._cleaned.add(folder)
            remove_dead(folder)

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._inside(self.root / key)

    def _inside(self, path: Path) -> Path:
        real = os.path.realpath(path)
        if real != str(path) and os.path.commonpath([real, self.root]) != str(self.root):
            raise UnusableFile(path, "it leads out of the data folder by a symbolic link")
        return path

    def _notes(self, key: str) -> Path:
        check_key(key)
        return self._inside(self.root / NOTES / key)
