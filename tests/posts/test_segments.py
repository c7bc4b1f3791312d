"""One sorted file of lines: merged as a stream, with and without an index, and checked."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_twitter.posts import segments
from airflow_twitter.posts.lines import Line, Post
from airflow_twitter.posts.segments import DamagedSegment, Index, SegmentMerge, salvage


def line(number: int, seen: int = 0, text: str = "x") -> bytes:
    """Return a stored line."""
    return b'{"id":"%d","text":"%s","_fetched_at":"2026-11-2%dT00:00:00.000000Z"}\n' % (
        number,
        text.encode(),
        seen,
    )


def merge(
    existing: bytes, incoming: dict[int, Line], index: Index | None = None
) -> tuple[bytes, SegmentMerge]:
    """Merge in memory; return the new content (empty when nothing changed) and the merge."""
    merged = SegmentMerge(io.BytesIO(existing), incoming, index)
    return b"".join(merged.blocks()), merged


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks so small that a few lines are several of them."""
    monkeypatch.setattr(segments, "BLOCK_BYTES", 200)
    monkeypatch.setattr(segments, "BLOCK_LINES", 2)


def test_lines_are_sorted_and_united() -> None:
    """New lines are put in their places, and the newest observation of an id stays."""
    existing = line(10) + line(20, 5) + line(30, 5)
    incoming: dict[int, Line] = {25: line(25), 5: line(5), 20: line(20, 9), 30: line(30, 1), 99: line(99)}
    content, merged = merge(existing, incoming)
    assert content == line(5) + line(10) + line(20, 9) + line(25) + line(30, 5) + line(99)
    assert (merged.new, merged.updated, merged.unchanged, merged.total) == (3, 1, 1, 6)


def test_nothing_is_written_when_nothing_changes() -> None:
    """A merge of what is known yields no bytes, and still knows the file."""
    existing = line(10, 5) + line(20, 5)
    content, merged = merge(existing, {10: line(10, 5), 20: line(20, 1)})
    assert content == b""
    assert (merged.unchanged, merged.total) == (2, 2)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("first_change", [1, 11, 55, 95, 105])
def test_what_lies_before_the_first_change_is_kept(first_change: int) -> None:
    """Wherever the first change is, all lines before it are in the new file once."""
    numbers = range(10, 101, 10)
    existing = b"".join(map(line, numbers))
    content, merged = merge(existing, {first_change: line(first_change)})
    assert content == b"".join(map(line, sorted([*numbers, first_change])))
    assert merged.total == 11


@pytest.mark.usefixtures("small_blocks")
@given(
    st.dictionaries(st.integers(1, 60), st.integers(0, 3), max_size=40),
    st.dictionaries(st.integers(1, 60), st.integers(0, 3), max_size=40),
    st.booleans(),
)
def test_any_merge_is_a_union(existing: dict[int, int], incoming: dict[int, int], indexed: bool) -> None:
    """The result is the sorted union with the newest observations, with an index and without one."""
    before = b"".join(line(number, existing[number]) for number in sorted(existing))
    index = Index()
    index.add(sorted(existing), [line(number, existing[number]) for number in sorted(existing)])
    given_index = Index.from_bytes(index.to_bytes()) if indexed else None
    content, merged = merge(
        before, {number: line(number, seen) for number, seen in incoming.items()}, given_index
    )
    newest = {n: max(existing.get(n, -1), incoming.get(n, -1)) for n in {*existing, *incoming}}
    expected = b"".join(line(number, newest[number]) for number in sorted(newest))
    assert content == (b"" if expected == before else expected)
    assert merged.total == len(newest)
    assert merged.new == len(incoming.keys() - existing.keys())
    assert merged.updated == sum(incoming[n] > existing[n] for n in incoming.keys() & existing.keys())
    assert merged.new + merged.updated + merged.unchanged == len(incoming)
    assert list(merged.merged.ids) == sorted(newest)
    assert list(merged.merged.lengths) == [len(line(number)) for number in sorted(newest)]


DAMAGED = {
    "cut in a line": line(1) + line(2)[:-10],
    "no last newline": line(1) + line(2)[:-1],
    "not sorted": line(2) + line(1),
    "an id twice": line(1) + line(1, 5),
    "no JSON": line(1) + b"garbage\n" + line(2),
    "no object": line(1) + b"[]\n",
    "no id": line(1) + b'{"text":"x"}\n',
    "an empty line": line(1) + b"\n" + line(2),
    "zeros": line(1) + b"\0" * 100,
    "two posts on a line": line(1)[:-1] + line(2) + line(3) + b"\n",
    "a post on two lines": line(1) + line(2).replace(b",", b",\n", 1),
    "both": line(1)[:-1] + line(2) + line(3).replace(b",", b",\n", 1),
    "a damaged value": line(1) + line(2).replace(b'"x"', b'"x'),
    "a byte order mark": b"\xef\xbb\xbf" + line(1),
    "an array": b"[\n" + line(1) + b"]\n",
    "Windows line ends": line(1).replace(b"\n", b"\r\n") + line(2).replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("existing", DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_noticed(existing: bytes) -> None:
    """A file that is not lines of sorted objects is never merged into."""
    with pytest.raises(DamagedSegment):
        merge(existing, {9: line(9)})


@pytest.mark.usefixtures("small_blocks")
def test_damage_is_noticed_between_blocks() -> None:
    """Order holds over the whole file."""
    with pytest.raises(DamagedSegment, match="ascending"):
        merge(b"".join(map(line, [1, 2, 3, 4, 2, 5])), {9: line(9)})


def test_an_index_that_does_not_fit_is_noticed() -> None:
    """Lines are never cut in other places than they were written."""
    index = Index()
    index.add([1, 2], [line(1) + b"x", line(2)])
    with pytest.raises(DamagedSegment):
        merge(line(1) + line(2), {9: line(9)}, index)


def test_salvage_reads_what_can_be_read() -> None:
    """Every line that is a post is found, in its newest observation, whatever the order; the rest is counted."""
    content = (
        line(3) + b"garbage\n" + line(1) + b"\n" + line(3, 5) + b'{"id":"9","x":"\xff"}\n' + line(2)[:-1]
    )
    readable, lost = salvage(io.BytesIO(content))
    assert readable == {1: line(1), 2: line(2), 3: line(3, 5)}
    assert lost == 2


def test_a_line_longer_than_a_block(make_post: Callable[..., Post], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of any length are read whole."""
    monkeypatch.setattr(segments, "BLOCK_BYTES", 64)
    long = line(2, text="y" * 1000)
    content, _ = merge(line(1) + long + line(3), {4: make_post(4).line})
    assert content == line(1) + long + line(3) + bytes(make_post(4).line)
