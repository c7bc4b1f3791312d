"""Merging 100,000 posts, of which 10 % are known, into datasets of 100,000 and of 1,000,000.

Both datasets end with the same ten days, 10,000 posts a day, over which the new posts are spread: every line that is
merged lies between lines that are known. Each merge runs in a process of its own, from the staged file of a run to
synced day files. As a script this file is that process.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from harness import PostMaker, Rounds, Row, in_child, in_rounds, peak_memory, post_ids, workspace

from airflow_twitter.posts.dataset import merge
from airflow_twitter.posts.lines import Post, post_day, read_posts, staged_lines
from airflow_twitter.posts.store import Store

DAYS = 100
TOUCHED_DAYS = 10
POSTS_A_DAY = 10_000
FIRST_DAY = datetime(2026, 8, 1, tzinfo=UTC)
SEEN, SEEN_NOW = "2026-11-20T00:00:00.000000Z", "2026-11-22T00:00:00.000000Z"

STAGED = "staged/{}.lines"
MEGABYTE = 1_000_000


def run() -> list[Row]:
    """Measure merges into both datasets, a write of the same bytes, and what people do today."""
    with workspace() as folder:
        bench = _Bench(folder)
        bench.fill()
        peaks: list[float] = []
        rounds = in_rounds(
            {
                "small": lambda: bench.merge("small", "recent", peaks),
                "large": lambda: bench.merge("large", "recent", peaks),
                "write": bench.write,
            },
            runs=5,
        )
        others = in_rounds(
            {
                "large": lambda: bench.merge("large", "recent", peaks),
                "parsed": lambda: bench.merge("large", "recent", peaks, notes=False),
                "scattered": lambda: bench.merge("large", "scattered", peaks),
            }
        )
        rows = _bound_rows(rounds, max(peaks), bench.written) + _other_rows(others)
        return [*rows, bench.one_file()]


def _bound_rows(rounds: Rounds, peak: float, written: int) -> list[Row]:
    large, small, write = (rounds.median(name) for name in ("large", "small", "write"))
    return [
        Row(
            "merge into 1,000,000",
            rounds.ratio("large", "small"),
            1.3,
            "x of into 100,000",
            f"100,000 posts (10,000 known) over {TOUCHED_DAYS} days into 1,000,000: {large:.2f} s, into 100,000: "
            f"{small:.2f} s",
        ),
        Row(
            "merge into 1,000,000",
            rounds.ratio("large", "write"),
            2.0,
            "x of writing the bytes",
            f"{written / MEGABYTE:.0f} MB in {TOUCHED_DAYS} files, written from memory and synced: {write:.2f} s",
        ),
        Row(
            "merge, memory",
            peak / MEGABYTE,
            500,
            "MB",
            "largest resident size of any of these merges, the interpreter included",
        ),
    ]


def _other_rows(rounds: Rounds) -> list[Row]:
    parsed, scattered = rounds.median("parsed"), rounds.median("scattered")
    return [
        Row(
            "merge into files of others",
            rounds.ratio("parsed", "large"),
            None,
            "x of into our own",
            f"the same, but every line of the touched days is parsed and checked: {parsed:.2f} s",
        ),
        Row(
            "merge of scattered posts",
            rounds.ratio("scattered", "large"),
            None,
            "x of recent ones",
            f"as many posts over all {DAYS} days, each of which is rewritten: {scattered:.2f} s",
        ),
    ]


class _Bench:
    """Make the datasets, and bring them back to what they were before each merge."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.maker = PostMaker()
        self.days = list(post_ids(FIRST_DAY, DAYS, POSTS_A_DAY))
        self.written = 0

    def fill(self) -> None:
        """Make both datasets by merging, as they come about, and stage the new posts."""
        large, small = Store(self.folder / "large.before"), Store(self.folder / "small.before")
        for number, (day, ids) in enumerate(self.days):
            posts = self._posts(ids, SEEN)
            merge(large, "k", posts)
            if number >= DAYS - TOUCHED_DAYS:
                merge(small, "k", posts)
            if len(posts) != POSTS_A_DAY or {post.day for post in posts} != {day}:
                raise RuntimeError("the posts made do not fill their day")
        self._stage("recent", self.days[-TOUCHED_DAYS:], 10)
        self._stage("scattered", self.days, 100)
        self._stage("some", self.days[-TOUCHED_DAYS:], 100)

    def merge(self, base: str, staged: str, peaks: list[float], *, notes: bool = True) -> float:
        """Merge the staged posts into a dataset as it was, and return the seconds."""
        before, data = self.folder / f"{base}.before", self.folder / base
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(
            before, data, copy_function=os.link, ignore=None if notes else shutil.ignore_patterns(".notes")
        )
        os.sync()
        result = in_child(__file__, "merge", str(data), str(self.folder / STAGED.format(staged)))
        if (result["new"], result["updated"]) not in ((90_000, 10_000), (9_000, 1_000)):
            raise RuntimeError(f"the merge did something else: {result}")
        peaks.append(result["peak"])
        return result["seconds"]

    def write(self) -> float:
        """Write what the last merge wrote, from memory, a synced file for each of its files; return the seconds."""
        files = sorted((self.folder / "large" / "posts" / "k").iterdir())[-TOUCHED_DAYS:]
        contents = [path.read_bytes() for path in files]
        self.written = sum(map(len, contents))
        target = self.folder / "written"
        target.mkdir()
        os.sync()
        start = time.perf_counter()
        for number, content in enumerate(contents):
            with (target / str(number)).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        seconds = time.perf_counter() - start
        shutil.rmtree(target)
        return seconds

    def one_file(self) -> Row:
        """Measure one array that is loaded, extended and dumped, at a size that does not take minutes."""
        array = self.folder / "array.json"
        days = sorted((self.folder / "small.before" / "posts" / "k").iterdir())
        lines = [line for path in days for line in path.read_bytes().splitlines()]
        array.write_bytes(b"[" + b",".join(lines) + b"]")
        del lines
        theirs = in_child(__file__, "rewrite", str(array), str(self.folder / STAGED.format("some")))
        ours = self.merge("small", "some", [])
        return Row(
            "one file, rewritten with json",
            theirs["seconds"] / ours,
            None,
            "x of our merge",
            f"10,000 posts into 100,000 (not 1,000,000, which takes minutes), once: {theirs['seconds']:.1f} s and "
            f"{theirs['peak'] / MEGABYTE:,.0f} MB, ours {ours:.2f} s",
        )

    def _posts(self, ids: Iterable[int], seen: str) -> list[Post]:
        return [Post(number, post_day(number), self.maker.line(number, seen)) for number in ids]

    def _stage(self, name: str, days: list[tuple[str, list[int]]], every: int) -> None:
        """Stage posts, newest first, in pages of 100: one of ten is known, and nine lie behind each known one."""
        path = self.folder / STAGED.format(name)
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            for _, ids in reversed(days):
                numbers = [number + offset for number in ids[::every] for offset in range(10)][::-1]
                for start in range(0, len(numbers), 100):
                    file.write(staged_lines(self._posts(numbers[start : start + 100], SEEN_NOW)))


def _merge(root: str, staged: str) -> dict[str, float]:
    start = time.perf_counter()
    with open(staged, "rb") as file:
        result = merge(Store(root), "k", read_posts(file))
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak": peak_memory(), "new": result.new, "updated": result.updated}


def _rewrite(array: str, staged: str) -> dict[str, float]:
    with open(staged, "rb") as file:
        incoming = [bytes(post.line) for post in read_posts(file)]
    start = time.perf_counter()
    with open(array) as text:
        posts = json.load(text)
    known = {post["id"] for post in posts}
    posts.extend(post for post in map(json.loads, incoming) if post["id"] not in known)
    with open(array, "w") as text:
        json.dump(posts, text, ensure_ascii=False)
        text.flush()
        os.fsync(text.fileno())
    return {"seconds": time.perf_counter() - start, "peak": peak_memory()}


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    print(json.dumps({"merge": _merge, "rewrite": _rewrite}[command](*arguments)))
