"""Merge posts into one sorted file of lines, block by block, looking into as few lines as possible."""

from __future__ import annotations

import io
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, islice, pairwise
from operator import lt
from typing import BinaryIO

from airflow_twitter.posts.bounds import BLOCK_BYTES, LINE_MAX, LongLine, line_blocks, line_pieces
from airflow_twitter.posts.lines import Line, line_decoder, newer

BLOCK_LINES = 128

Block = tuple[list[int], list[Line]]
"""Ascending ids and their lines."""


class DamagedSegment(Exception):
    """Report a file that is not lines of JSON objects with strictly ascending ids."""


class Index:
    """Ids and lengths in bytes of a file's lines, so that a merge need not parse what an earlier one wrote."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.lengths: list[int] = []

    def add(self, ids: list[int], lines: list[Line]) -> None:
        """Add the next lines of the file."""
        self.ids += ids
        self.lengths += map(len, lines)

    def to_bytes(self) -> bytes:
        """Return the index as bytes of this machine."""
        return array("Q", self.ids + self.lengths).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Index:
        """Read what to_bytes returned."""
        index = cls()
        values = array("Q", data).tolist()
        index.ids, index.lengths = values[: len(values) // 2], values[len(values) // 2 :]
        return index


class SegmentMerge:
    """Merge `incoming` (lines by number) into the lines of `existing`, by number; the newest observation stays.

    `index` tells the lines of `existing`; without one each is parsed, and checked with that. `blocks` streams the
    merged file and yields nothing when the file would not change, unless `rewrite` is set. The counts and `merged`,
    the index of the merged file, are complete when it ends. Memory: `incoming` and a few blocks.
    """

    def __init__(
        self,
        existing: BinaryIO,
        incoming: dict[int, Line],
        index: Index | None = None,
        *,
        rewrite: bool = False,
    ) -> None:
        self.new = self.updated = self.unchanged = 0
        self.merged = Index()
        self._existing = existing
        self._stored = _parsed_blocks(existing) if index is None else _indexed_blocks(existing, index)
        self._numbers = sorted(incoming)
        self._lines = list(map(incoming.__getitem__, self._numbers))
        self._taken = 0
        self._changed = rewrite

    @property
    def total(self) -> int:
        """The number of lines of the merged file."""
        return len(self.merged.ids)

    def blocks(self) -> Iterator[bytes]:
        """Yield the merged file in blocks; raises DamagedSegment where the existing one is damaged."""
        kept_bytes = 0
        for block in self._stored:
            was_changed = self._changed
            ids, lines = self._unite(block)
            self.merged.add(ids, lines)
            if self._changed:
                if not was_changed:
                    yield from _first_bytes(self._existing, kept_bytes)
                yield b"".join(lines)
            else:
                kept_bytes += sum(map(len, lines))
        if not self._changed and self._taken < len(self._numbers):
            yield from _first_bytes(self._existing, kept_bytes)
        yield from self._rest()

    def _unite(self, block: Block) -> Block:
        ids, lines = block
        begin, self._taken = self._taken, bisect_right(self._numbers, ids[-1], self._taken)
        if begin == self._taken:
            return block
        coming = dict(zip(self._numbers[begin : self._taken], self._lines[begin : self._taken], strict=True))
        united = dict(zip(ids, lines, strict=True))
        for number in coming.keys() & united.keys():
            if newer(united[number], coming[number]) is united[number]:
                self.unchanged += 1
                del coming[number]
            else:
                self.updated += 1
        if not coming:
            return block
        self._changed = True
        united.update(coming)
        self.new += len(united) - len(ids)
        ids = sorted(united)
        return ids, list(map(united.__getitem__, ids))

    def _rest(self) -> Iterator[bytes]:
        """Yield what comes after the last line of the existing file."""
        while self._taken < len(self._numbers):
            ids = self._numbers[self._taken : self._taken + BLOCK_LINES]
            lines = self._lines[self._taken : self._taken + BLOCK_LINES]
            self._taken += len(ids)
            self.new += len(ids)
            self.merged.add(ids, lines)
            yield b"".join(lines)


def salvage(file: BinaryIO) -> tuple[dict[int, Line], int]:
    """Return the readable lines of a damaged file by number, and how many lines are lost."""
    readable: dict[int, Line] = {}
    lost = 0
    for raw in line_pieces(file):
        line = raw.strip()
        try:
            line.decode()
            number = line_decoder.decode(line).number
        except (ValueError, RecursionError):
            lost += bool(line) and (
                len(raw) < LINE_MAX or raw.endswith(b"\n")
            )  # of a long line, its last piece
            continue
        line += b"\n"
        readable[number] = newer(readable[number], line) if number in readable else line
    return readable, lost


def _indexed_blocks(file: BinaryIO, index: Index) -> Iterator[Block]:
    """Cut the file at the lengths of its index; raises DamagedSegment when they do not fit."""
    for begin in range(0, len(index.ids), BLOCK_LINES):
        ends = list(accumulate(index.lengths[begin : begin + BLOCK_LINES], initial=0))
        data = file.read(min(ends[-1], BLOCK_LINES * LINE_MAX))
        if not (data.startswith(b"{") and data.endswith(b"}\n") and len(data) == ends[-1]):
            raise DamagedSegment("its lines do not lie where they were written")
        block = memoryview(data)
        lines: list[Line] = [block[start:end] for start, end in pairwise(ends)]
        yield index.ids[begin : begin + BLOCK_LINES], lines


def _parsed_blocks(file: BinaryIO) -> Iterator[Block]:
    """Parse every line of the file; raises DamagedSegment."""
    last = 0
    for block in _blocks(file):
        ids = _read_ids(block)
        lines: list[Line] = list(io.BytesIO(block).readlines())
        # As many objects as lines, each line with the first and last character of an object, and all of it JSON: so
        # each line is one object, since nowhere else in JSON "}" and "{" surround a line break.
        if len(ids) != len(lines) or not all([line[0] == 0x7B and line[-2:] == b"}\n" for line in lines]):
            raise DamagedSegment("a line is not one JSON object")
        if ids[0] <= last or not all(map(lt, ids, islice(ids, 1, None))):
            raise DamagedSegment("its ids are not in ascending order")
        last = ids[-1]
        yield ids, lines


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    try:
        yield from line_blocks(file)
    except LongLine as error:
        raise DamagedSegment(str(error)) from None


def _read_ids(block: bytes) -> list[int]:
    try:
        rows = line_decoder.decode_lines(block)
        ids = [row.id for row in rows]
        return ids if ids and min(ids) > 0 else [row.number for row in rows]
    except (ValueError, RecursionError) as error:
        raise DamagedSegment(f"a line cannot be read: {error}") from None


def _first_bytes(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the first `size` bytes of the file again: all that lies before the first change."""
    position = file.tell()
    file.seek(0)
    while size > 0:
        block = file.read(min(size, BLOCK_BYTES))
        size -= len(block)
        yield block
    file.seek(position)
