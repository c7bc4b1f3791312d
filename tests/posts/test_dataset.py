"""The dataset of a keyword: a union by id in sorted files by day, that damage and repetition cannot harm."""

from __future__ import annotations

import json
import logging
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_twitter.posts import dataset
from airflow_twitter.posts.lines import Post, newer, post_day
from airflow_twitter.posts.segments import Index
from airflow_twitter.posts.store import LockTimeout, Store, StoreError

MakePost = Callable[..., Post]
DAY = "posts/k/2026-11-01.jsonl"


def content(store: Store, slug: str = "k") -> dict[str, list[str]]:
    """Return the ids of a dataset by day."""
    keys = dataset.segments(store, f"posts/{slug}")
    return {
        key.rpartition("/")[2].removesuffix(".jsonl"): [
            json.loads(line)["id"] for line in store.read(key).splitlines()
        ]
        for key in keys
    }


def files(store: Store) -> dict[str, tuple[int, bytes]]:
    """Return all files with the times of their last change."""
    return {key: (os.stat(store.url(key)).st_mtime_ns, store.read(key)) for key in store.list()}


def forget(store: Store) -> None:
    """Take the notes of earlier merges away."""
    for path in (store.root / ".notes").rglob("*.jsonl"):
        path.unlink()


def test_posts_lie_in_days_sorted_by_id(store: Store, make_post: MakePost) -> None:
    """Whatever the order they come in, each lies in its day's file."""
    moments = ["2026-11-02T12:00:00Z", "2026-11-01T23:59:59Z", "2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z"]
    posts = [make_post(moment) for moment in moments]
    result = dataset.merge(store, "k", [*posts, make_post(20)])
    assert content(store) == {
        "undated": ["20"],
        "2026-11-01": [str(posts[3].id), str(posts[1].id)],
        "2026-11-02": [str(posts[2].id), str(posts[0].id)],
    }
    assert (result.new, result.updated, result.unchanged, result.total_in_days) == (5, 0, 0, 5)
    assert result.days == ["2026-11-01", "2026-11-02", "undated"]
    assert dataset.count(store, "k") == 5


def test_lines_are_what_was_merged(store: Store, make_post: MakePost) -> None:
    """A day's file is the lines of its posts and nothing else."""
    posts = [make_post("2026-11-01T00:00:00Z", text="\u2028 ü 🧾"), make_post("2026-11-01T00:00:01Z")]
    dataset.merge(store, "k", reversed(posts))
    assert store.read(DAY) == b"".join(bytes(post.line) for post in posts)


def test_the_newest_observation_stays(store: Store, make_post: MakePost) -> None:
    """An older observation changes nothing, a newer one replaces what is there."""
    number = make_post("2026-11-01T00:00:00Z").id
    for seen, kept in ((2, 2), (1, 2), (3, 3), (2, 3)):
        dataset.merge(store, "k", [make_post(number, f"2026-11-2{seen}T00:00:00.000000Z", f"text {seen}")])
        assert json.loads(store.read(DAY))["text"] == f"text {kept}"


def test_only_changed_days_are_rewritten(store: Store, make_post: MakePost) -> None:
    """A day that nothing is new in keeps its file, down to the time of its last change."""
    first, second = make_post("2026-11-01T00:00:00Z"), make_post("2026-11-02T00:00:00Z")
    dataset.merge(store, "k", [first, second, make_post("2026-11-03T00:00:00Z")])
    before = files(store)
    result = dataset.merge(store, "k", [first, make_post("2026-11-02T00:00:01Z")])
    after = files(store)
    assert result.days == ["2026-11-02"]
    assert (result.new, result.unchanged, result.total_in_days) == (1, 1, 3)
    assert {key for key in after if after[key] != before.get(key)} == {"posts/k/2026-11-02.jsonl"}


def test_merging_twice_changes_nothing(store: Store, make_post: MakePost) -> None:
    """The second merge of the same posts touches no file."""
    posts = [make_post(f"2026-11-0{day}T0{hour}:00:00Z") for day in (1, 2, 3) for hour in range(9)]
    dataset.merge(store, "k", posts)
    before = files(store)
    result = dataset.merge(store, "k", reversed(posts))
    assert files(store) == before
    assert (result.new, result.unchanged, result.days) == (0, 27, [])


def test_a_merge_of_nothing_makes_no_file(store: Store) -> None:
    """Without posts there is no dataset."""
    result = dataset.merge(store, "k", [])
    assert (result.new, result.days, store.list()) == (0, [], [])
    assert dataset.count(store, "k") == 0


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3), st.sampled_from(["a", "b"])), max_size=15),
        max_size=5,
    ),
    st.randoms(use_true_random=False),
    st.booleans(),
    st.booleans(),
)
def test_merges_are_a_union_in_any_order(
    batches: list[list[tuple[int, int, str]]], rng: random.Random, forgetful: bool, early: bool
) -> None:
    """However observations are split into merges and ordered, the files are the same: the newest of each post."""
    observations = [[_observation(*values) for values in batch] for batch in batches]
    expected: dict[int, Post] = {}
    for post in (post for batch in observations for post in batch):
        held = expected.get(post.id)
        expected[post.id] = post if held is None or newer(post.line, held.line) is post.line else held
    limit = 100 if early else dataset.EARLY_BYTES
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "EARLY_BYTES", limit)
        patch.setattr(dataset, "BATCH_BYTES", 2 * limit)
        store = Store(folder)
        new = 0
        rng.shuffle(observations)
        for batch in observations:
            rng.shuffle(batch)
            new += dataset.merge(store, "k", batch).new
            if forgetful:
                forget(store)
        assert new == len(expected)
        days = {post.day for post in expected.values()}
        assert {key: store.read(key) for key in store.list()} == {
            f"posts/k/{day}.jsonl": b"".join(
                bytes(post.line) for _, post in sorted(expected.items()) if post.day == day
            )
            for day in days
        }


def _observation(number: int, seen: int, text: str) -> Post:
    post_id = (1_762_000_000_000 - 1_288_834_974_657 + number * 30_000_000 << 22) if number else 20
    line = f'{{"id":"{post_id}","text":"{text}","_fetched_at":"2026-11-2{seen}T00:00:00.000000Z"}}\n'
    return Post(post_id, post_day(post_id), line.encode())


def test_a_large_merge_stays_within_its_memory(
    store: Store, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limits days are written before the last post has come, in any order of posts, and all are there."""
    monkeypatch.setattr(dataset, "EARLY_BYTES", 1000)
    monkeypatch.setattr(dataset, "BATCH_BYTES", 3000)
    posts = [make_post(f"2026-11-0{1 + n % 3}T00:00:{n % 60:02d}.{n:03d}Z") for n in range(300)]
    written_early = False

    def stream() -> object:
        nonlocal written_early
        yield from posts
        written_early = len(store.list()) > 0

    result = dataset.merge(store, "k", stream())  # type: ignore[arg-type]
    assert written_early
    assert result.new == len({post.id for post in posts}) == 300
    assert dataset.count(store, "k") == result.total_in_days == 300


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:-20],
    "no newline": lambda content: content[:-1],
    "garbage in the middle": lambda content: content.replace(b'"text":"two"', b'"text":two'),
    "zeros": lambda content: content + b"\0" * 4096,
    "reversed": lambda content: b"".join(reversed(content.splitlines(keepends=True))),
    "foreign": lambda content: b"not a dataset\n" + content,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_day_is_reported_and_kept_aside(
    store: Store, make_post: MakePost, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    """The damaged file is kept as it was, its readable posts and the new ones are in the new file, and a log says so."""
    dataset.merge(
        store, "k", [make_post(f"2026-11-01T00:00:0{n}Z", text=text) for n, text in enumerate(["one", "two"])]
    )
    path = Path(store.url(DAY))
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    readable = [
        text
        for text in ("one", "two")
        if f'"{text}","_fetched_at":"2026-11-22T08:00:00.000000Z","_run_id":"a run","_page":1}}'.encode()
        in damaged
    ]
    with caplog.at_level(logging.ERROR):
        result = dataset.merge(store, "k", [make_post("2026-11-01T12:00:00Z", text="three")])
    (aside,) = result.damaged
    assert aside.startswith(f"{DAY}.damaged-")
    assert store.read(aside) == damaged
    assert aside.rpartition("/")[2] in caplog.text
    texts = [json.loads(line)["text"] for line in store.read(DAY).splitlines()]
    assert texts == [*readable, "three"]
    assert (result.new, result.days, result.total_in_days) == (1, ["2026-11-01"], len(texts))
    again = dataset.merge(store, "k", [make_post("2026-11-01T12:00:00Z", text="three")])
    assert (again.damaged, again.days) == ([], [])
    assert dataset.segments(store, "posts/k") == [DAY]


def test_a_day_changed_by_others_is_read_anew(store: Store, make_post: MakePost) -> None:
    """What an earlier merge knows of a file does not outlive a change of it, even one that is valid."""
    posts = [make_post(f"2026-11-01T00:00:0{n}Z") for n in range(3)]
    dataset.merge(store, "k", posts)
    Path(store.url(DAY)).write_bytes(bytes(posts[1].line))
    result = dataset.merge(store, "k", [posts[0]])
    assert content(store) == {"2026-11-01": [str(posts[0].id), str(posts[1].id)]}
    assert (result.new, result.damaged) == (1, [])


def test_a_merge_notes_the_lines_that_it_wrote(store: Store, make_post: MakePost) -> None:
    """The next merge finds every line of the file without parsing it."""
    posts = [make_post(f"2026-11-01T00:00:0{n}Z", text="x" * n) for n in range(5)]
    dataset.merge(store, "k", posts[::2])
    dataset.merge(store, "k", posts[1::2])
    note = store.root / ".notes" / DAY
    os.utime(note, (note.stat().st_atime, note.stat().st_mtime + 1))
    index = Index.from_bytes(store.recall(DAY) or b"")
    assert index.ids == [post.id for post in posts]
    assert index.lengths == [len(post.line) for post in posts]


def test_an_unreadable_day_with_nothing_new_disappears(store: Store, make_post: MakePost) -> None:
    """A file of which nothing can be read is kept aside, and no empty one takes its place."""
    store.put(DAY, b"garbage")
    with dataset.lock(store, "k"):
        aside, lost = dataset.repair(store, DAY)
    assert lost == 1
    assert store.list() == [aside]


def test_temporary_files_of_killed_merges_are_removed(store: Store, make_post: MakePost) -> None:
    """The next merge cleans up, since nobody else can be writing."""
    dataset.merge(store, "k", [make_post("2026-11-01T00:00:00Z")])
    left = store.root / "posts" / "k" / ".2026-11-01.jsonl.abc.tmp"
    left.write_bytes(b"half")
    dataset.merge(store, "k", [make_post("2026-11-01T00:00:00Z")])
    assert not left.exists()


def test_another_writer_is_waited_for_no_longer_than_asked(store: Store, make_post: MakePost) -> None:
    """A merge gives up with a clear error, and has changed nothing."""
    with dataset.lock(store, "k"), pytest.raises(LockTimeout, match="run it again"):
        dataset.merge(store, "k", [make_post("2026-11-01T00:00:00Z")], lock_timeout_s=0.1)
    assert store.list() == []


@pytest.mark.parametrize("slug", ["..", "../other", "a/../../b", "", ".hidden"])
def test_unsafe_slugs_are_refused(store: Store, make_post: MakePost, slug: str) -> None:
    """No slug leads out of the folder of its dataset."""
    with pytest.raises(StoreError):
        dataset.merge(store, slug, [make_post("2026-11-01T00:00:00Z")])
    assert store.list() == []


def test_a_link_in_place_of_a_day_is_refused(store: Store, make_post: MakePost, tmp_path: Path) -> None:
    """A day's file that leads out of the root is neither read nor replaced."""
    (tmp_path / "outside").write_text("secret")
    (store.root / "posts" / "k").mkdir(parents=True)
    (store.root / DAY).symlink_to(tmp_path / "outside")
    with pytest.raises(StoreError):
        dataset.merge(store, "k", [make_post("2026-11-01T00:00:00Z")])
    assert (tmp_path / "outside").read_text() == "secret"


def test_includes_are_kept_by_month(store: Store) -> None:
    """Authors, media and referenced posts are united by id in files of their own."""
    media = Post(
        1585841080431321088, "2022-10", b'{"media_key":"3_1585841080431321088","_fetched_at":"2026-11-21"}\n'
    )
    newest = Post(media.id, "2022-10", b'{"media_key":"3_1585841080431321088","_fetched_at":"2026-11-22"}\n')
    older = Post(20, "undated", b'{"media_key":"3_20","_fetched_at":"2026-11-21"}\n')
    assert dataset.merge_includes(store, "k", "media", [media, older]).new == 2
    forget(store)
    result = dataset.merge_includes(store, "k", "media", [newest, older])
    assert (result.new, result.updated, result.unchanged, result.damaged) == (0, 1, 1, [])
    assert store.list() == ["includes/k/media/2022-10.jsonl", "includes/k/media/undated.jsonl"]
    assert store.read("includes/k/media/2022-10.jsonl") == newest.line
    with pytest.raises(ValueError, match="no kind"):
        dataset.merge_includes(store, "k", "polls", [media])
