"""A disk that is really full, at any write: a clear error, nothing half written, nothing bought in vain."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fire.kill_scenes import SCENES
from tests.fire.kills import Theatre
from tests.fire.whole import temporary_files, unlike, whole_tree

from airflow_twitter.posts.staging import ROOM_OF_POST
from airflow_twitter.posts.store import DiskFull, Store
from airflow_twitter.spending.ledger import Ledger, Purchase

pytestmark = pytest.mark.system
PAGE = 4096
STEPS = 6
ROOM = {"search": 10 * ROOM_OF_POST, "look_up": 60 * ROOM_OF_POST}
MAKE_ROOM = ("refetch", "maintenance")
FILLER = ".filler"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of four megabytes."""
    folder = tmp_path_factory.mktemp("disk")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "airflow-twitter-tests", folder],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("Only root can make a disk that is really full")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def theatre(disk: Path) -> Iterator[Theatre]:
    """What the scenes need, with the data folder on that disk."""
    with Theatre(disk / "data") as theatre:
        yield theatre


def free(disk: Path) -> int:
    """The bytes that are free."""
    status = os.statvfs(disk)
    return status.f_bavail * status.f_bsize


def leave(disk: Path, size: int) -> None:
    """Fill the disk but for so many bytes."""
    (disk / FILLER).unlink(missing_ok=True)
    with (disk / FILLER).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free(disk) - size)


def make_room(disk: Path) -> None:
    """Take away what fills the disk."""
    (disk / FILLER).unlink()


@pytest.mark.parametrize("name", SCENES)
def test_full_at_any_write(name: str, theatre: Theatre, disk: Path) -> None:
    """However little is free, the task ends or says that the disk is full; with room its retry ends exact."""
    scene = SCENES[name]
    theatre.rehearse(scene)
    theatre.set()
    before = free(disk)
    theatre.play([scene.step], theatre.xcoms)
    needed = max(0, before - free(disk)) + 24 * PAGE
    ended = []
    for step in range(STEPS):
        theatre.set()
        # Nothing is bought for which there is not room enough; all others write until there is none.
        spare = ROOM.get(scene.step[0], 0) if step else 0
        leave(disk, spare + step * needed // (STEPS - 1) // PAGE * PAGE)
        (outcome,) = theatre.together([theatre.order([scene.step], theatre.xcoms)])
        ended.append(outcome["error"])
        assert outcome["signal"] is None
        assert outcome["error"] is None or outcome["error"].startswith("DiskFull: The disk has no room for ")
        assert theatre.wrong_now() == []
        assert temporary_files(theatre.data) == []
        make_room(disk)
        theatre.play([scene.step, *scene.after], theatre.xcoms)
        assert unlike(theatre.good, whole_tree(theatre.data)) == []
        assert theatre.wrong_dataset() == []
        assert theatre.simulator.book.sold_twice == []
    assert ended[0] is not None or name in MAKE_ROOM
    assert ended[-1] is None


def test_the_ledger_on_a_full_disk(disk: Path) -> None:
    """A purchase for which there is no room is not half noted, and is noted once there is."""
    store = Store(disk / "ledger-data")
    ledger = Ledger(store, "twitter_default")
    ledger.record(purchase(0))
    leave(disk, 0)
    refused = [number for number in range(1, 9) if is_refused(store, purchase(number))]
    assert len(refused) > 2
    make_room(disk)
    again = Ledger(store, "twitter_default")
    for number in range(9):
        again.record(purchase(number))
    assert Ledger(store, "twitter_default").day(NOON).posts == 900
    shutil.rmtree(store.root)


def is_refused(store: Store, bought: Purchase) -> bool:
    """Note a purchase; tell whether there was no room, and see that the ledger then is as it was."""
    (key,) = store.list("ledger")
    held = store.read(key)
    try:
        Ledger(store, "twitter_default").record(bought)
    except DiskFull:
        return store.read(key) == held
    return False


def purchase(number: int) -> Purchase:
    """A page of a hundred posts."""
    ids = [str(1_900_000_000_000_000_000 + number * 100 + each) for each in range(100)]
    name = f"page-{number}"
    return Purchase(key=name, place=name, run="run", at=NOON, items={"post_read": ids})
