"""What the tests of publishing share: a store, and records on a clock that passes only when told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from desk import Desk
from films import film

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.records import Records
from airflow_twitter.simulator import Simulator


class Clock:
    """A clock that stands still unless it is moved on."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


MakeFilm = Callable[..., Path]


@pytest.fixture(scope="session")
def make_film(tmp_path_factory: pytest.TempPathFactory) -> MakeFilm:
    """Return a function that makes a video as films.film does, each kind once."""
    folder = tmp_path_factory.mktemp("films")

    def make(**kind: object) -> Path:
        name = (
            "_".join(f"{key}-{value}" for key, value in sorted(kind.items()) if key != "options") or "plain"
        )
        path = folder / f"{name}{'_options' if 'options' in kind else ''}"
        return path if path.exists() else film(path, **kind)  # type: ignore[arg-type]

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store in an empty folder."""
    return Store(tmp_path / "data")


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def records(store: Store, clock: Callable[[], datetime]) -> Records:
    """Return the records of an empty store."""
    return Records(store, now=clock)


@pytest.fixture
def simulator(clock: Clock) -> Iterator[Simulator]:
    """Return a running simulator whose clock is the records'."""
    with Simulator(clock=lambda: clock().timestamp()) as running:
        yield running


@pytest.fixture
def desk(simulator: Simulator, records: Records, clock: Clock) -> Iterator[Desk]:
    """Return an account with a post, `first`, that nobody has sent."""
    desk = Desk(simulator, records, clock)
    with desk.client:
        yield desk
