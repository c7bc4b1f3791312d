"""Several writers at once lose nothing, and one that is killed leaves nothing half."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_twitter.posts import dataset
from airflow_twitter.posts.export import export
from airflow_twitter.posts.lines import Post, post_day
from airflow_twitter.posts.store import Store

POSTS_A_WRITER = 240
STEP = 1_800_000 << 22  # half an hour, in ids
FIRST_ID = 1_762_000_000_000 - 1_288_834_974_657 << 22

# A writer merges its posts in small portions; neighbours share half of theirs, over the same days.
WRITER = textwrap.dedent(
    f"""
    import sys
    from airflow_twitter.posts import dataset
    from airflow_twitter.posts.lines import Post, post_day
    from airflow_twitter.posts.store import Store

    def posts(writer):
        for number in range(writer * {POSTS_A_WRITER // 2}, writer * {POSTS_A_WRITER // 2} + {POSTS_A_WRITER}):
            post_id = {FIRST_ID} + number % 400 * {STEP} + number
            line = '{{"id":"%d","text":"x","_fetched_at":"2026-11-22T00:00:00.00000%dZ"}}\\n' % (post_id, writer)
            yield Post(post_id, post_day(post_id), line.encode())

    def write(root, writer):
        mine = list(posts(writer))
        for start in range(0, len(mine), 40):
            dataset.merge(Store(root), "k", mine[start : start + 40], lock_timeout_s=60)
    """
)


def load_writer() -> dict[str, Callable[..., None]]:
    """Return the functions of a writer, for threads."""
    names: dict[str, Callable[..., None]] = {}
    exec(WRITER, names)
    return names


def expected_lines(writers: int) -> dict[str, str]:
    """Return who must have observed each post last."""
    posts: Callable[[int], list[Post]] = load_writer()["posts"]  # type: ignore[assignment]
    return {
        str(post.id): json.loads(post.line)["_fetched_at"]
        for writer in range(writers)
        for post in posts(writer)
    }


def found_lines(store: Store) -> dict[str, str]:
    """Return who observed each post last, after a check that all files are whole, sorted and without doubles."""
    found: dict[str, str] = {}
    for key in dataset.segments(store, "posts/k"):
        lines = [json.loads(line) for line in store.read(key).decode().splitlines()]
        ids = [int(line["id"]) for line in lines]
        assert ids == sorted(set(ids))
        assert {post_day(number) for number in ids} == {key.rpartition("/")[2].removesuffix(".jsonl")}
        found.update({line["id"]: line["_fetched_at"] for line in lines})
    return found


def test_threads_on_one_dataset_lose_nothing(store: Store) -> None:
    """Four threads that merge overlapping posts at once leave the union of all."""
    write = load_writer()["write"]
    failures: list[BaseException] = []

    def work(writer: int) -> None:
        try:
            write(store.root, writer)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert found_lines(store) == expected_lines(4)


def test_processes_on_one_dataset_lose_nothing(store: Store) -> None:
    """Four processes that merge overlapping posts at once leave the union of all, and exports meanwhile are whole."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", f"{WRITER}\nwrite(sys.argv[1], int(sys.argv[2]))", store.root, str(number)]
        )
        for number in range(4)
    ]
    sizes = []
    while any(process.poll() is None for process in processes):
        result = export(store, "k")
        if result.posts:
            sizes.append(len(json.loads(store.read(result.key))))
            assert sizes[-1] == result.posts
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert sizes == sorted(sizes)
    assert found_lines(store) == expected_lines(4)


KILLED = """
import os, signal
moment, nth = sys.argv[2], int(sys.argv[3])
calls = 0
def dying(function):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call
setattr(os, moment, dying(getattr(os, moment)))
dataset.merge(Store(sys.argv[1]), "k", list(posts(0)))
"""


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_merge_killed_in_its_middle_is_healed_by_running_it_again(
    store: Store, moment: str, nth: int
) -> None:
    """kill -9 before any file is synced or renamed leaves whole files; a second run completes them."""
    before = [Post(p.id, p.day, p.line) for p in load_writer()["posts"](1)]  # type: ignore[attr-defined]
    dataset.merge(store, "k", before)
    known = found_lines(store)
    done = subprocess.run([sys.executable, "-c", WRITER + KILLED, store.root, moment, str(nth)], check=False)
    assert done.returncode == -signal.SIGKILL
    torn = found_lines(store)
    assert known.items() <= torn.items() <= expected_lines(2).items()
    assert torn != expected_lines(2)
    dataset.merge(store, "k", load_writer()["posts"](0))  # type: ignore[arg-type]
    assert found_lines(store) == expected_lines(2)
    assert list((store.root / "posts" / "k").glob(".*")) == []
    assert list((store.root / ".notes" / "posts" / "k").glob(".*")) == []


def test_merges_killed_at_any_moment_leave_whole_files(tmp_path: Path) -> None:
    """A writer killed again and again, whenever it is, never leaves a half file, and ends with all posts."""
    store = Store(tmp_path / "data")
    for attempt in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", f"{WRITER}\nprint(flush=True)\nwrite(sys.argv[1], 0)", store.root],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        threading.Event().wait(0.004 * attempt)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert found_lines(store).items() <= expected_lines(1).items()
    load_writer()["write"](store.root, 0)
    assert found_lines(store) == expected_lines(1)
