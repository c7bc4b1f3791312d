"""How much of a file is read at once, whatever has become of it.

A damaged file may be gigabytes without a line break, and a sparse one takes no room on the disk. What is longer than
any file or line of ours is refused before it is in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from airflow_twitter.posts.regular import UnusableFile

MIB = 1024 * 1024
FILE_MAX = 64 * MIB
"""Bytes of a file that is read as a whole. An answer of X is half of it at most (api/transport.py), and so is the
largest file of ours, the plan of a re-check (recheck.IDS_A_RUN)."""
LINE_MAX = 4 * MIB
"""Bytes of a line. A post usually has 2 kB, a long one with its article some hundred; a purchase 50 kB. A longer post
goes to quarantine, so that there is none in a dataset."""
BLOCK_BYTES = 256 * 1024


class LongLine(ValueError):
    """Report a line that is longer than any of ours."""

    def __init__(self) -> None:
        super().__init__(f"a line has more than {LINE_MAX // MIB} MiB")


def read_whole(file: BinaryIO, path: Path) -> bytes:
    """Return all bytes of an open file; raises UnusableFile when they are more than FILE_MAX."""
    size = os.fstat(file.fileno()).st_size
    if size > FILE_MAX:
        raise UnusableFile(
            path, f"it has {size / MIB:,.0f} MiB, and no file of its kind more than {FILE_MAX // MIB}"
        )
    return file.read()


def line_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of a file in blocks that end with a line; the last one may lack its newline. Raises LongLine."""
    rest = b""
    while chunk := file.read(BLOCK_BYTES):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = chunk[end:]
        else:
            rest += chunk
            if len(rest) > LINE_MAX:
                raise LongLine
    if rest:
        yield rest


def line_pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, for readers that pass over what is no line of theirs: a long one comes in pieces."""
    return iter(partial(file.readline, LINE_MAX), b"")
