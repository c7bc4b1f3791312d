"""What makes a written file survive a power cut, and cheaply."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO


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
