"""Trouble is counted from one attempt and one wait to the next, until X answers or nobody can believe in it any more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from tests.airflow_in_memory import Airflow, staged

from airflow_twitter.api.errors import NetworkError, ServerError
from airflow_twitter.collecting.trouble import LASTS, TRIES, Trouble


@pytest.fixture
def kept(data_folder: Path) -> Path:
    """Where the trouble of the run is written down."""
    return data_folder / staged(data_folder).folder / "trouble.json"


def test_lasts(airflow: Airflow, clock: time_machine.Traveller, kept: Path) -> None:
    """Trouble does not pass that lasted for an hour, in five tries at least, whichever attempts made them."""
    for _ in range(TRIES - 1):
        trouble = Trouble(airflow.run(), 20)
        trouble.failed(NetworkError("once more"))
        assert trouble.lasting is None
        clock.shift(LASTS / (TRIES - 1))
    trouble = Trouble(airflow.run(), 20)
    trouble.failed(error := ServerError("and again"))
    assert trouble.lasting is error
    assert "since 2026-12-01T12:00:00Z, to 5 requests" in str(trouble)


def test_many_tries_are_not_enough(airflow: Airflow, clock: time_machine.Traveller) -> None:
    """However often X is asked within the hour, and however long it takes to ask it four times, there is hope."""
    trouble = Trouble(airflow.run(), 20)
    for _ in range(50):
        trouble.failed(NetworkError("no"))
    clock.shift(LASTS - timedelta(seconds=1))
    trouble.failed(NetworkError("no"))
    assert trouble.lasting is None
    seldom = Trouble(airflow.run("manual__2"), 20)
    for _ in range(TRIES - 1):
        seldom.failed(NetworkError("no"))
        clock.shift(timedelta(days=1))
    assert seldom.lasting is None


def test_an_answer_ends_it(airflow: Airflow, clock: time_machine.Traveller, kept: Path) -> None:
    """After an answer the count begins anew, and nothing is left of it."""
    trouble = Trouble(airflow.run(), 20)
    for _ in range(TRIES):
        trouble.failed(NetworkError("no"))
    assert kept.exists()
    Trouble(airflow.run(), 20).answered()
    assert not kept.exists()
    clock.shift(LASTS)
    trouble = Trouble(airflow.run(), 20)
    trouble.failed(NetworkError("no"))
    assert trouble.lasting is None


def test_a_cleared_run_begins_anew(airflow: Airflow, clock: time_machine.Traveller) -> None:
    """Whoever clears a run wants it tried again, however long it was in trouble before."""
    trouble = Trouble(airflow.run(), 20)
    for _ in range(TRIES):
        trouble.failed(NetworkError("no"))
    clock.shift(LASTS)
    trouble = Trouble(airflow.run(clear_number=1), 20)
    trouble.failed(NetworkError("no"))
    assert trouble.lasting is None


def test_page_size_is_kept(airflow: Airflow, kept: Path) -> None:
    """Pages that became small in a storm are as small after a wait, and grow again after three of them."""
    trouble = Trouble(airflow.run(), 40)
    for _ in range(3):
        trouble.size.failed()
        trouble.failed(ServerError("a storm"))
    for arrived in range(4):
        trouble = Trouble(airflow.run(), 40)
        assert trouble.size.current == 10, arrived
        trouble.size.arrived()
        trouble.answered()
    assert Trouble(airflow.run(), 40).size.current == 20


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"null",
        b'{"clear_number": 0, "since": "2026-12-01T12:00:00"}',
        b'{"clear_number": 0, "tries": "many"}',
        b"[" * 100_000,
    ],
)
def test_damage_counts_as_nothing(airflow: Airflow, kept: Path, damaged: bytes) -> None:
    """What was written down is a hint: a file that cannot be read begins the count anew."""
    kept.parent.mkdir(parents=True)
    kept.write_bytes(damaged)
    trouble = Trouble(airflow.run(), 20)
    trouble.failed(NetworkError("no"))
    assert "to 1 requests" in str(trouble)


def test_sizes_that_x_refuses_are_not_taken(airflow: Airflow, kept: Path) -> None:
    """A page has the size that was asked for at most, and never less than X allows."""
    kept.parent.mkdir(parents=True)
    for wrong, right in ((-5, 10), (1000, 40)):
        kept.write_text(f'{{"clear_number": 0, "size": [{wrong}, 0, 0]}}')
        assert Trouble(airflow.run(), 40).size.current == right


def test_a_place_that_cannot_be_written(airflow: Airflow, kept: Path) -> None:
    """That trouble cannot be written down stops nothing: this attempt still counts it."""
    kept.mkdir(parents=True)
    (kept / "something").touch()
    trouble = Trouble(airflow.run(), 20)
    trouble.failed(NetworkError("no"))
    assert "to 1 requests" in str(trouble)
