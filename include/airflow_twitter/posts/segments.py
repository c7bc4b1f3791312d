"""Merge posts into one sorted file of lines, block by block, reading of a line only what merging needs."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from operator import lt
from typing import BinaryIO

from airflow_twitter.posts.lines import StoredLine, line_decoder, newer

BLOCK_BYTES = 4 * 1024 * 1024


class DamagedSegment(Exception):
    """Report a file that is not lines of JSON objects with strictly ascending ids."""


class SegmentMerge:
    """Merge `incoming` (lines by sort number) into the lines of `existing`, by id, newest observation first.

    `blocks` streams the merged file; it yields nothing when the file would not change, unless `rewrite` is
    set. The counts are complete when it ends. Memory: `incoming` and a few blocks.
    """

    def __init__(self, existing: BinaryIO, incoming: dict[int, bytes], *, rewrite: bool = False) -> None:
        self.new = self.updated = self.unchanged = self.total = 0
        self._existing = existing
        self._incoming = incoming
        self._waiting = sorted(incoming)
        self._changed = rewrite
        self._last_id = 0

    def blocks(self) -> Iterator[bytes]:
        """Yield the merged file in blocks; raises DamagedSegment where the existing one is damaged."""
        kept_bytes = 0
        for block in _whole_lines(self._existing):
            was_changed = self._changed
            merged = self._merge_block(block)
            if not self._changed:
                kept_bytes += len(block)
                continue
            if not was_changed:
                yield from self._kept(kept_bytes)
            yield merged
        if self._waiting:
            if not self._changed:
                yield from self._kept(kept_bytes)
            self.new += len(self._waiting)
            self.total += len(self._waiting)
            yield from self._rest()

    def _merge_block(self, block: bytes) -> bytes:
        ids = self._read_ids(block)
        self.total += len(ids)
        taken = bisect_right(self._waiting, ids[-1])
        if not taken:
            return block
        numbers, self._waiting = self._waiting[:taken], self._waiting[taken:]
        lines = dict(zip(ids, io.BytesIO(block).readlines(), strict=True))
        before = self.new + self.updated
        for number in numbers:
            self._unite(lines, number)
        if self.new + self.updated == before:
            return block
        self._changed = True
        self.total += len(lines) - len(ids)
        return b"".join(map(lines.__getitem__, sorted(lines)))

    def _unite(self, lines: dict[int, bytes], number: int) -> None:
        line, stored = self._incoming[number], lines.get(number)
        if stored is None:
            self.new += 1
            lines[number] = line
        elif newer(stored, line) is stored:
            self.unchanged += 1
        else:
            self.updated += 1
            lines[number] = line

    def _read_ids(self, block: bytes) -> list[int]:
        """Return the ids of the block's lines; raises DamagedSegment."""
        count = block.count(b"\n")
        # Together with valid JSON these three say that each object is a line and each line an object: no
        # other place in JSON has "}" and "{" around a line break.
        framed = block.startswith(b"{") and block.endswith(b"}\n") and block.count(b"}\n{") == count - 1
        if not framed:
            raise DamagedSegment("a line is no JSON object")
        ids = read_ids(block)
        if len(ids) != count:
            raise DamagedSegment("a line holds more than one JSON object")
        if ids[0] <= self._last_id or not all(map(lt, ids, islice(ids, 1, None))):
            raise DamagedSegment("its ids are not in ascending order")
        self._last_id = ids[-1]
        return ids

    def _kept(self, size: int) -> Iterator[bytes]:
        """Yield the first `size` bytes of the existing file again: all before the first change."""
        position = self._existing.tell()
        self._existing.seek(0)
        while size:
            block = self._existing.read(min(size, BLOCK_BYTES))
            size -= len(block)
            yield block
        self._existing.seek(position)

    def _rest(self) -> Iterator[bytes]:
        for start in range(0, len(self._waiting), 2048):
            yield b"".join(map(self._incoming.__getitem__, self._waiting[start : start + 2048]))


def read_ids(block: bytes) -> list[int]:
    """Return the sort numbers of a block of lines; raises DamagedSegment when one has none or is no JSON."""
    try:
        rows = line_decoder.decode_lines(block)
        ids = [row.id for row in rows]
        return ids if min(ids) > 0 else [row.key for row in rows]
    except (ValueError, RecursionError) as error:
        raise DamagedSegment(f"a line cannot be read: {error}") from None


def salvage(file: BinaryIO) -> tuple[dict[int, bytes], int]:
    """Return the readable lines of a damaged file by sort number, and how many lines are lost."""
    lines: dict[int, bytes] = {}
    lost = 0
    for raw in file:
        line = raw.strip()
        try:
            line.decode()
            stored: StoredLine = line_decoder.decode(line)
            number = stored.key
        except (ValueError, RecursionError):
            lost += bool(line)
            continue
        line += b"\n"
        lines[number] = newer(lines[number], line) if number in lines else line
    return lines, lost


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file in blocks that end with a line; the last one may lack its newline."""
    rest = b""
    while chunk := file.read(BLOCK_BYTES):
        end = chunk.rfind(b"\n") + 1
        if not end:
            rest += chunk
            continue
        yield rest + chunk[:end]
        rest = chunk[end:]
    if rest:
        yield rest
