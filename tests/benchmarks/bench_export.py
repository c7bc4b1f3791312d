"""tweets_<slug>.json from a million posts, against a plain copy of the same bytes."""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from harness import PostMaker, Row, in_rounds, post_ids, workspace

from airflow_twitter.posts.export import export, export_key
from airflow_twitter.posts.store import Store

DAYS = 100
POSTS_A_DAY = 10_000
BOUND = 1.5


def run() -> list[Row]:
    """Measure an export and a copy of its file, both synced to the disk."""
    with workspace() as folder:
        store = Store(folder / "data")
        _fill(store)
        posts = export(store, "k").posts
        if posts != DAYS * POSTS_A_DAY:
            raise RuntimeError(f"{posts} posts were exported")
        source = Path(store.url(export_key("k")))
        size = source.stat().st_size
        rounds = in_rounds({"copy": lambda: _copy(source), "export": lambda: _export(store)})
    return [
        Row(
            "export tweets_<slug>.json",
            rounds.ratio("export", "copy"),
            BOUND,
            "x of a plain copy",
            f"{posts:,} posts, {size / 1e9:.2f} GB: {rounds.median('export'):.2f} s, shutil.copyfile and fsync "
            f"{rounds.median('copy'):.2f} s",
        )
    ]


def _fill(store: Store) -> None:
    maker = PostMaker()
    for day, ids in post_ids(datetime(2026, 8, 1, tzinfo=UTC), DAYS, POSTS_A_DAY):
        store.put(
            f"posts/k/{day}.jsonl", (maker.line(number, "2026-11-20T00:00:00.000000Z") for number in ids)
        )


def _copy(source: Path) -> float:
    target = source.with_name("copy")
    target.unlink(missing_ok=True)
    os.sync()
    start = time.perf_counter()
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    seconds = time.perf_counter() - start
    target.unlink()
    return seconds


def _export(store: Store) -> float:
    store.delete(export_key("k"))
    os.sync()
    start = time.perf_counter()
    export(store, "k")
    return time.perf_counter() - start
