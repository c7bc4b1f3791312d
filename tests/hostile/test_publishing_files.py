"""Whatever became of a file of publishing, each later step ends well or says which file and what to do."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.hostile.cases import SHARE, keys, plain, run_case
from tests.hostile.mutations import MUTATIONS

from airflow_twitter.accounts.holding import Hold, held, hold, next_post_at, posted_now, release
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.decisions import mark_posted
from airflow_twitter.publishing.media import keep
from airflow_twitter.publishing.published import tell_published
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.retention import clean_media
from airflow_twitter.publishing.states import PostState

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
VIDEO = b"a video"


def now() -> datetime:
    """Return the time, which stands."""
    return NOW


def records_in(folder: Path) -> Records:
    """Return the records of a data folder."""
    return Records(Store(folder), now=now)


def good_posts(folder: Path) -> None:
    """Have one post published, one with a video on its way, and the account held."""
    records = records_in(folder)
    records.open("main", "first", Content(text="First"), details={"run_after": NOW.isoformat()})
    mark_posted(records, "main", "first", "100", by="ann")
    stored = keep(records.store, [VIDEO])
    records.open("main", "second", Content(text="Second", media_sha256=stored.sha256))
    posted_now(records.store, "main", NOW)
    hold(records.store, "main", Hold(NOW, "auth", "X says no.", "second"))


def _published(folder: Path) -> None:
    records = records_in(folder)
    tell_published(records.store, records.read("main", "first"))


def _posted_again(folder: Path) -> None:
    mark_posted(records_in(folder), "main", "second", "101", by="ann")


def _opened_again(folder: Path) -> None:
    records = records_in(folder)
    record = records.read("main", "second")
    records.open("main", "second", record.content)
    records.refuse_second(record)
    records.note("main", "second", PostState.QUEUED, "Queued.")


def _other_content(folder: Path) -> None:
    records_in(folder).open("main", "second", Content(text="Changed"))


def _claimed(folder: Path) -> None:
    index = records_in(folder).index
    assert not index.claim_post("main", "100", "second")


def _listed(folder: Path) -> None:
    records_in(folder).all()


def _cleaned(folder: Path) -> None:
    clean_media(Store(folder), now=datetime(2100, 1, 1, tzinfo=UTC), keep_s=0)


def _waits(folder: Path) -> None:
    held(Store(folder), "main")
    next_post_at(Store(folder), "main", 60.0)


def _posted_now(folder: Path) -> None:
    posted_now(Store(folder), "main", NOW)


def _released(folder: Path) -> None:
    release(Store(folder), "main")


STEPS: dict[str, Callable[[Path], None]] = {
    step.__name__.strip("_"): step
    for step in (
        _published, _posted_again, _opened_again, _other_content, _claimed, _listed, _cleaned, _waits, _posted_now,
        _released,
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What good posts have left."""
    folder = tmp_path_factory.mktemp("good") / "data"
    good_posts(folder)
    return folder


@pytest.mark.parametrize("step", STEPS)
def test_broken_file(good: Path, tmp_path: Path, step: str) -> None:
    """Every file that good posts left, broken in every way, leads to success, or to a sentence that names it."""
    wrong = []
    for key in keys(good):
        for name, mutate in MUTATIONS.items():
            if name == "folder_link" and "/" not in key:
                continue
            if zlib.crc32(f"{plain(key)} {name} {step}".encode()) % max(1, SHARE // 2):
                continue
            said = run_case(good, tmp_path / "case", key, mutate, STEPS[step])
            if said is not None:
                wrong.append(f"{key} {name}: {said}")
    assert not wrong, "\n".join(wrong)
