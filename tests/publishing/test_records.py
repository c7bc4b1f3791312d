"""Records are opened once, changed safely by many, and tell whose content came first."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.errors import BusyError, DuplicateError, RecordError
from airflow_twitter.publishing.record import Content, Upload, record_key
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState

TEXT = Content(text="a text")


def test_record_is_read_back_as_it_was_written(records: Records, clock: Any) -> None:
    """Times, upload and history come back with their types; opening again changes nothing."""
    opened = records.open("acme", "run/1", TEXT, details={"dag_run": "a"})
    with records.change("acme", "run/1") as record:
        record.upload = Upload(sha256="0" * 64, size=5, segment_bytes=2, expires_at=clock())
    clock.pass_s(5)
    again = records.open("acme", "run/1", TEXT)
    assert again.upload == Upload(sha256="0" * 64, size=5, segment_bytes=2, expires_at=opened.created_at)
    assert again.upload.segments == 3
    assert (again.created_at, again.intent.at, again.details) == (
        opened.created_at,
        opened.created_at,
        {"dag_run": "a"},
    )
    assert [event.note for event in again.history] == ["Opened."]


def test_keys_and_accounts_stay_apart(records: Records) -> None:
    """No key leads out of the folder, and none meets another account's."""
    records.open("acme", "../../x", TEXT)
    records.open("../acme", "x", TEXT)
    assert records.read("acme", "../../x").account == "acme"
    assert {record.key for record in records.all()} == {"../../x", "x"}
    assert [record.key for record in records.all("acme")] == ["../../x"]


def test_second_run_with_the_same_content_names_the_first(records: Records, clock: Any) -> None:
    """Text (but for white space) and video decide; other accounts and other videos are free."""
    records.open("acme", "first", TEXT)
    clock.pass_s(60)
    with pytest.raises(DuplicateError, match="first") as caught:
        records.open("acme", "second", Content(text=" a  text\n"))
    assert caught.value.first == "first"
    assert records.find("acme", "second") is None
    records.open("other", "second", TEXT)
    records.open("acme", "third", Content(text="a text", media_sha256="1" * 64))
    records.open("acme", "fourth", TEXT, allow_duplicate=True)


def test_links_make_texts_differ(records: Records) -> None:
    """Two posts that differ in nothing but their link are two posts."""
    records.open("acme", "first", Content(text="see https://example.com/1"))
    records.open("acme", "second", Content(text="see https://example.com/2"))


@pytest.mark.parametrize("state", [state for state in PostState if state.frees_content])
def test_content_that_was_never_posted_is_free_again(records: Records, state: PostState) -> None:
    """A run that ended without a post does not block another with the same content."""
    records.open("acme", "first", TEXT)
    records.note("acme", "first", state, "Over.")
    assert records.open("acme", "second", TEXT).key == "second"
    with pytest.raises(DuplicateError):
        records.refuse_second(records.read("acme", "first"))


def test_edited_text_replaces_the_old_until_it_is_sent(records: Records) -> None:
    """An edit keeps the record, frees the old text, and is refused once a request went out."""
    records.open("acme", "first", TEXT)
    edited = records.open("acme", "first", Content(text="another text"))
    assert edited.content.text == "another text"
    records.open("acme", "second", TEXT)
    with records.change("acme", "first") as record:
        record.intent.sends = 1
    with pytest.raises(RecordError, match="sent already"):
        records.open("acme", "first", Content(text="a third text"))


def test_new_video_forgets_the_old_upload(records: Records) -> None:
    """What X has of the old video is not posted with the new one's record."""
    records.open("acme", "first", Content(text="t", media_sha256="0" * 64))
    with records.change("acme", "first") as record:
        record.upload = Upload(sha256="0" * 64, size=5, segment_bytes=2, media_id="1")
    assert records.open("acme", "first", Content(text="t", media_sha256="1" * 64)).upload is None


def test_damaged_record_stops_everything(records: Records, store: Store) -> None:
    """A record that cannot be read is named, never taken for a missing one."""
    records.open("acme", "first", TEXT)
    store.put(record_key("acme", "first"), b'{"account": "acme"')
    with pytest.raises(RecordError, match="damaged"):
        records.open("acme", "first", TEXT)
    with pytest.raises(RecordError, match="never prepared"):
        records.read("acme", "none")


def test_settled_states_stay(records: Records) -> None:
    """A late note of a worker does not hide that the post is out, unknown or cancelled."""
    for state in (PostState.POSTED, PostState.UNKNOWN, PostState.CANCELLED):
        records.open("acme", state, TEXT, allow_duplicate=True)
        records.note("acme", state, state, "So it is.")
        assert records.note("acme", state, PostState.WAITING, "Late.").state is state


def test_history_is_bounded(records: Records) -> None:
    """A post that waits for weeks keeps its first line and the latest ones."""
    records.open("acme", "first", TEXT)
    with records.change("acme", "first") as record:
        for number in range(1000):
            record.note(PostState.WAITING, f"note {number}")
    history = records.read("acme", "first").history
    assert len(history) == 200
    assert (history[0].note, history[1].note, history[-1].note) == ("Opened.", "note 801", "note 999")


def test_one_worker_at_a_time(records: Records, store: Store) -> None:
    """Who has a post in hand is alone with it; another is told to look again, and other posts are free."""
    records.open("acme", "first", TEXT)
    other = Records(store, now=records.now)
    with records.hold("acme", "first"):
        with pytest.raises(BusyError) as caught, other.hold("acme", "first"):
            pass
        with other.hold("acme", "second"), other.hold("acme", "first", "uploading"):
            pass
    assert (caught.value.at - records.now()).total_seconds() >= 10
    with other.hold("acme", "first"):
        pass


def _write_many(folder: Path, number: int) -> None:
    records = Records(Store(folder))
    for turn in range(15):
        with records.change("acme", "first") as record:
            record.details[f"{number}.{turn}"] = True


def _open(folder: Path, number: int, results: Any) -> None:
    try:
        Records(Store(folder)).open("acme", f"run {number}", TEXT)
        results.put(True)
    except DuplicateError:
        results.put(False)


def test_many_writers_lose_nothing(store: Store, records: Records) -> None:
    """Changes by several processes at once are all there."""
    records.open("acme", "first", TEXT)
    _all_at_once(_write_many, [(store.root, number) for number in range(4)])
    assert len(records.read("acme", "first").details) == 60


def test_many_openers_of_one_content_leave_one(store: Store) -> None:
    """Of runs with the same content that start at once, exactly one goes on."""
    results = multiprocessing.get_context("fork").Queue()
    _all_at_once(_open, [(store.root, number, results) for number in range(6)])
    assert sorted(results.get(timeout=60) for _ in range(6)) == [False] * 5 + [True]


def test_post_belongs_to_one_record(records: Records) -> None:
    """A post on X can be claimed once, and again by its owner."""
    assert records.index.claim_post("acme", "123", "first")
    assert records.index.claim_post("acme", "123", "first")
    assert not records.index.claim_post("acme", "123", "second")
    assert records.index.owner_of("acme", "123") == "first"
    assert records.index.owner_of("acme", "124") is None


def _all_at_once(target: Any, arguments: list[tuple[Any, ...]]) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=target, args=args) for args in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0] * len(processes)
