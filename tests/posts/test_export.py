"""tweets_<slug>.json: one array of all posts, whole at any time, and never over somebody else's file."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_twitter.posts import dataset
from airflow_twitter.posts import export as export_module
from airflow_twitter.posts.export import export
from airflow_twitter.posts.lines import Post
from airflow_twitter.posts.store import LockTimeout, Store

MakePost = Callable[..., Post]
KEY = "tweets_k.json"


@pytest.fixture
def filled(store: Store, make_post: MakePost) -> Store:
    """Return a store with three days of posts, and some of before 2010."""
    moments = [f"2026-11-0{day}T0{hour}:00:00Z" for day in (3, 1, 2) for hour in range(5)]
    posts = [make_post(moment, text=f"{moment} \u2028, ü 🧾") for moment in moments]
    dataset.merge(store, "k", [*posts, make_post(20), make_post(21)])
    return store


def test_all_posts_oldest_first(filled: Store) -> None:
    """The file is a JSON array with each post of the dataset on its own line, ascending by id."""
    result = export(filled, "k")
    content = filled.read(KEY)
    posts = json.loads(content)
    assert (result.key, result.posts, result.bytes) == (KEY, 17, len(content))
    assert result.set_aside == []
    ids = [int(post["id"]) for post in posts]
    assert ids == sorted(ids)
    assert len(ids) == 17
    lines = content.split(b"\n")
    assert (lines[0], lines[-2:]) == (b"[", [b"]", b""])
    assert [json.loads(line.removesuffix(b",")) for line in lines[1:-2]] == posts


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 1000, 1 << 20])
def test_blocks_of_any_size_give_the_same_file(
    filled: Store, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """No comma is lost or doubled where a block ends."""
    export(filled, "k")
    expected = filled.read(KEY)
    monkeypatch.setattr(export_module, "BLOCK_BYTES", block)
    assert export(filled, "k").posts == 17
    assert filled.read(KEY) == expected


def test_one_post(store: Store, make_post: MakePost) -> None:
    """A dataset of one post is an array of one."""
    post = make_post("2026-11-01T00:00:00Z")
    dataset.merge(store, "k", [post])
    assert export(store, "k").posts == 1
    assert store.read(KEY) == b"[\n" + bytes(post.line) + b"]\n"


def test_no_posts_no_file(store: Store) -> None:
    """Without a dataset nothing is written."""
    result = export(store, "k")
    assert (result.posts, result.bytes) == (0, 0)
    assert store.list() == []


def test_exporting_again_gives_the_same_bytes(filled: Store) -> None:
    """The file depends on the dataset alone, and an export is replaced by a later one without ado."""
    export(filled, "k")
    first = filled.read(KEY)
    assert export(filled, "k").set_aside == []
    assert filled.read(KEY) == first


@pytest.mark.parametrize(
    "foreign", [b"", b"{}", b"[\n{", b'[\n{"id":"1"}\n', b'{"id":"1"}\n]\n', b"my notes", b"\0" * 5000]
)
def test_a_damaged_or_foreign_file_is_kept_aside(
    filled: Store, caplog: pytest.LogCaptureFixture, foreign: bytes
) -> None:
    """What is not an export, or only a part of one, is never overwritten."""
    filled.put(KEY, foreign)
    with caplog.at_level(logging.ERROR):
        result = export(filled, "k")
    (aside,) = result.set_aside
    assert filled.read(aside) == foreign
    assert aside in caplog.text
    assert len(json.loads(filled.read(KEY))) == 17


@pytest.mark.parametrize("damage", [b"", b"garbage", b'{"id":"5","text":"cut'])
def test_a_damaged_day_is_repaired_first(filled: Store, damage: bytes) -> None:
    """A day that does not begin and end as one is kept aside, and the export is valid without it."""
    Path(filled.url("posts/k/2026-11-02.jsonl")).write_bytes(damage)
    result = export(filled, "k")
    (aside,) = result.set_aside
    assert filled.read(aside) == damage
    assert result.posts == len(json.loads(filled.read(KEY))) == 12
    assert export(filled, "k").set_aside == []


def test_files_kept_aside_are_not_exported(filled: Store) -> None:
    """Only the dataset's own files count."""
    filled.set_aside("posts/k/2026-11-02.jsonl", keep=True)
    filled.put("posts/k/notes.txt", b"mine")
    assert export(filled, "k").posts == 17


def test_a_failed_export_leaves_the_old_one(filled: Store) -> None:
    """A disk that is full in mid-export leaves the file of before, and no other."""
    export(filled, "k")
    before = filled.read(KEY)
    code = """
import resource, sys
from airflow_twitter.posts.export import export
from airflow_twitter.posts.store import Store
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
export(Store(sys.argv[1]), "k")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, filled.root], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert filled.read(KEY) == before
    assert list(filled.root.glob(".*.tmp")) == []


def test_temporary_files_of_killed_exports_are_removed(filled: Store) -> None:
    """The next export cleans up after those that were killed, and leaves alone what is being written."""
    left = filled.root / f".{KEY}.abc.tmp"
    left.write_bytes(b"half")
    with Store(filled.root).writer("tweets_other.json") as other:
        other.write(b"whole")
        export(filled, "k")
    assert not left.exists()
    assert filled.read("tweets_other.json") == b"whole"


def test_an_export_waits_for_merges(filled: Store) -> None:
    """It takes the lock of the dataset, no longer than asked."""
    with dataset.lock(filled, "k"), pytest.raises(LockTimeout):
        export(filled, "k", lock_timeout_s=0.1)


def test_a_reader_sees_a_whole_file(filled: Store, make_post: MakePost) -> None:
    """Whoever reads the old export while a new one is written reads all of the old one."""
    export(filled, "k")

    def read_in_parts() -> Iterator[bytes]:
        with filled.open(KEY) as file:
            yield file.read(100)
            dataset.merge(filled, "k", [make_post("2026-11-04T00:00:00Z")])
            export(filled, "k")
            yield file.read()

    assert len(json.loads(b"".join(read_in_parts()))) == 17
    assert len(json.loads(filled.read(KEY))) == 18
