"""Files by key: whole or not at all, under locks, and inside the root."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_twitter.posts import store as store_module
from airflow_twitter.posts.store import LockTimeout, Store, StoreError

UNSAFE_KEYS = [
    "",
    "..",
    "../x",
    "a/../b",
    "/etc/passwd",
    "a//b",
    "a/",
    "./a",
    "a/.hidden",
    "a\\b",
    "a\0b",
    "x" * 201,
    "é" * 101,
]


def hidden_files(store: Store) -> list[str]:
    """Return the names of temporary files anywhere below the root."""
    return [path.name for path in store.root.rglob(".*.tmp")]


def test_put_then_read(store: Store) -> None:
    """What was put under a key is read from it, and put again replaces it."""
    assert store.put("a/b.txt", b"one") == 3
    assert store.put("a/b.txt", [b"t", b"w", b"o!"]) == 4
    assert store.read("a/b.txt") == b"two!"
    assert store.size("a/b.txt") == 4
    assert store.exists("a/b.txt")
    with store.open("a/b.txt") as file:
        assert file.read(2) == b"tw"


def test_missing_key(store: Store) -> None:
    """A key that was never put does not exist, and deleting it is no error."""
    assert not store.exists("a/b")
    store.delete("a/b")
    with pytest.raises(FileNotFoundError):
        store.read("a/b")
    assert store.list() == []


def test_failed_put_leaves_the_old_file(store: Store) -> None:
    """An exception in mid-put leaves the old content and no temporary file."""
    store.put("a/b", b"old")

    def broken() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        store.put("a/b", broken())
    assert store.read("a/b") == b"old"
    assert hidden_files(store) == []


def test_large_files_are_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk is given before the end is the same file."""
    monkeypatch.setattr(store_module, "WRITE_BEHIND_BYTES", 10_000)
    chunks = [bytes([number]) * 3_001 for number in range(200)]
    assert store.put("a", chunks) == 200 * 3_001
    assert store.read("a") == b"".join(chunks)


def test_reader_keeps_the_file_it_opened(store: Store) -> None:
    """A put during a read does not mix old and new bytes."""
    store.put("a", b"old content")
    with store.open("a") as file:
        start = file.read(3)
        store.put("a", b"NEW CONTENT")
        assert start + file.read() == b"old content"


def test_list_is_sorted_and_shows_no_temporary_files(store: Store) -> None:
    """Listing a folder gives its keys in order, without what the store keeps for itself."""
    for key in ("b/2", "b/1", "b/c/3", "a"):
        store.put(key, b"")
    (store.root / "b" / ".1.abc.tmp").write_bytes(b"half")
    with store.lock("b/1"):
        store.remember("b/1", b"note")
        assert store.list() == ["a", "b/1", "b/2", "b/c/3"]
        assert store.list("b") == ["b/1", "b/2", "b/c/3"]


def test_delete_tree(store: Store) -> None:
    """Deleting a folder takes all below it and nothing beside it."""
    for key in ("a/1", "a/b/2", "ab/3"):
        store.put(key, b"")
    store.delete_tree("a")
    store.delete_tree("never/was")
    assert store.list() == ["ab/3"]
    assert not (store.root / "a").exists()


@pytest.mark.parametrize("key", UNSAFE_KEYS)
def test_unsafe_keys_are_refused_everywhere(store: Store, key: str) -> None:
    """No method takes a key that could leave the root or hide in it."""
    actions = [
        lambda: store.read(key),
        lambda: store.open(key),
        lambda: store.put(key, b""),
        lambda: store.exists(key),
        lambda: store.delete(key),
        lambda: store.delete_tree(key),
        lambda: store.set_aside(key),
        lambda: store.url(key),
        lambda: store.remember(key, b""),
        lambda: store.recall(key),
        lambda: store.lock(key).__enter__(),
    ]
    for action in actions:
        with pytest.raises(StoreError):
            action()


def test_symbolic_links_that_lead_out_are_refused(store: Store, tmp_path: Path) -> None:
    """Neither a link to a file nor one to a folder outside can be read, written, listed into or deleted."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    store.put("a/b", b"")
    (store.root / "a" / "file").symlink_to(outside / "secret")
    (store.root / "folder").symlink_to(outside)
    for key in ("a/file", "folder/secret"):
        for action in (store.read, store.open, store.delete, store.exists, store.set_aside):
            with pytest.raises(StoreError):
                action(key)
        with pytest.raises(StoreError):
            store.put(key, b"overwritten")
    with pytest.raises(StoreError):
        store.delete_tree("folder")
    assert (outside / "secret").read_text() == "secret"
    assert os.listdir(outside) == ["secret"]


def test_locks_behind_a_link_that_leads_out_are_refused(store: Store, tmp_path: Path) -> None:
    """The store's own folders are held to the same rule."""
    store.put("a", b"")
    (tmp_path / "outside").mkdir()
    (store.root / ".locks").symlink_to(tmp_path / "outside")
    with pytest.raises(StoreError), store.lock("a"):
        pass
    assert os.listdir(tmp_path / "outside") == []


def test_links_within_the_root_are_followed(store: Store) -> None:
    """A link that stays inside, or a root that is a link itself, works."""
    store.put("a/b", b"content")
    (store.root / "link").symlink_to(store.root / "a")
    assert store.read("link/b") == b"content"
    (store.root.parent / "root").symlink_to(store.root)
    assert Store(store.root.parent / "root").read("a/b") == b"content"


@pytest.mark.parametrize("root", ["s3://bucket/data", "gs://bucket", "https://example.com", ""])
def test_other_roots_are_refused_clearly(root: str) -> None:
    """Only local folders hold data, and the error says so."""
    with pytest.raises(StoreError, match=r"local folder|no usable name"):
        Store(root)


def test_file_url_is_a_local_folder(tmp_path: Path) -> None:
    """A file:// address means the folder."""
    Store(f"file://{tmp_path}").put("a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"


def test_set_aside_renames(store: Store) -> None:
    """A file set aside lies under a new name, and its old name is free."""
    store.put("a/b.jsonl", b"damaged")
    aside = store.set_aside("a/b.jsonl")
    assert aside.startswith("a/b.jsonl.damaged-2")
    assert not store.exists("a/b.jsonl")
    assert store.read(aside) == b"damaged"


def test_set_aside_and_keep(store: Store) -> None:
    """With keep the file is there under both names, and replacing one leaves the other."""
    store.put("a", b"damaged")
    aside = store.set_aside("a", keep=True)
    assert store.read("a") == b"damaged"
    store.put("a", b"new")
    assert store.read(aside) == b"damaged"


def test_clean_removes_what_dead_writers_left(store: Store) -> None:
    """What a killed writer left goes; what is being written stays."""
    store.put("a/b", b"")
    left = store.root / "a" / ".b.1.tmp"
    left.write_bytes(b"half")
    with Store(store.root).writer("a/b") as file:
        file.write(b"whole")
        assert store.clean("a") == 0
        assert not left.exists()
    assert store.read("a/b") == b"whole"
    assert store.clean("never/was") == 0


def test_the_next_writer_cleans_the_folder(store: Store) -> None:
    """Whoever writes any file removes first what killed writers left beside it, also of other files."""
    store.put("a/b", b"")
    left = [store.root / "a" / ".b.1.tmp", store.root / ".notes" / "a" / ".b.2.tmp"]
    left[1].parent.mkdir(parents=True)
    for path in left:
        path.write_bytes(b"half")
    again = Store(store.root)
    again.put("a/c", b"")
    again.remember("a/c", b"")
    assert hidden_files(store) == []


def test_lock_excludes_threads_and_times_out(store: Store) -> None:
    """Who cannot get a lock in time is told so; afterwards it is free."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store.lock("posts/a"):
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(30)
    with pytest.raises(LockTimeout, match=r"posts/a for 0\.1 s"), store.lock("posts/a", 0.1):
        pass
    with store.lock("posts/b", 0.1):
        pass
    leave.set()
    thread.join()
    with store.lock("posts/a", 5):
        pass


def test_notes_live_as_long_as_the_content(store: Store) -> None:
    """What was remembered of a file is forgotten when that changes, by whomever."""
    store.put("a", b"content")
    os.utime(store.root / "a", (1, 1))
    assert store.recall("a") is None
    store.remember("a", b"a\nnote")
    assert store.recall("a") == b"a\nnote"
    with (store.root / "a").open("ab") as file:
        file.write(b"!")
    assert store.recall("a") is None
    store.remember("a", b"another")
    store.put("a", b"CONTENT!")
    assert store.recall("a") is None


def test_notes_as_old_as_the_content_are_not_trusted(store: Store) -> None:
    """What is written in the same tick of the clock, with the same size, could not be told apart."""
    store.put("a", b"content")
    store.remember("a", b"note")
    now = (store.root / "a").stat().st_mtime_ns
    os.utime(store.root / ".notes" / "a", ns=(now, now))
    assert store.recall("a") is None
    os.utime(store.root / ".notes" / "a", ns=(now, now + 1))
    assert store.recall("a") == b"note"


def test_damaged_and_missing_notes_are_none(store: Store) -> None:
    """A note that was cut, or whose file is gone, is no note."""
    store.put("a", b"content")
    os.utime(store.root / "a", (1, 1))
    store.remember("a", b"a note")
    assert store.recall("a") == b"a note"
    note = store.root / ".notes" / "a"
    note.write_bytes(note.read_bytes()[:-1])
    assert store.recall("a") is None
    note.write_bytes(b"")
    assert store.recall("a") is None
    store.remember("a", b"a note")
    store.delete("a")
    assert store.recall("a") is None
    store.remember("a", b"a note of nothing")
    assert hidden_files(store) == []


def test_move_replaces(store: Store) -> None:
    """A moved file is gone from its old key, and what lay at the new one is replaced."""
    store.put("a/b", b"new")
    store.put("c/d", b"old")
    store.move("a/b", "c/d")
    assert (store.exists("a/b"), store.read("c/d")) == (False, b"new")
    with pytest.raises(FileNotFoundError):
        store.move("a/b", "c/d")
    with pytest.raises(StoreError):
        store.move("c/d", "../d")
