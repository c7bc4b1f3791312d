"""A run's share of its connection's window: what it claims, and what becomes of the claim."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowRescheduleException
from tests.airflow_in_memory import NOON, Airflow, at

from airflow_twitter.api.limits import RateLimit
from airflow_twitter.collecting.claims import GRACE_S, Claims
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.collecting.share import Share
from airflow_twitter.posts.store import Store

WINDOW_S = 900.0


class Searching:
    """A run in the middle of its search."""

    def __init__(self, airflow: Airflow, keyword: str, run_id: str | None = None, pages: int = 0) -> None:
        run_id = run_id or f"{keyword}-1"
        airflow.wait({"keyword": keyword}, run_id=run_id)
        run = airflow.run(run_id)
        self.limit = SharedLimit(airflow.context("search", run_id=run_id), "twitter_default", "recent")
        self.pages: list[object] = [None] * pages
        window, _ = run.window({"keyword": keyword})
        self.share = Share(self.limit, run, window, self.pages)

    def ask(
        self, remaining: int, count: int = 1, *, window_ends: Any = NOON + timedelta(seconds=WINDOW_S)
    ) -> None:
        """Get pages; X says how many requests are left then."""
        for _ in range(count):
            self.pages.append(None)
        self.limit.heard(RateLimit(10, remaining, window_ends, NOON))

    def turn(self, after_s: float = 0.0) -> float | None:
        """How many seconds to stay away; None when it may ask."""
        now = NOON + timedelta(seconds=after_s)
        self.limit.room_at(now)
        back_at = self.share.turn(now)
        return None if back_at is None else (back_at - now).total_seconds()


def reschedule(run: Searching, moment: datetime) -> None:
    """Let a search give its slot back."""
    with pytest.raises(AirflowRescheduleException), run.share:
        raise AirflowRescheduleException(moment)


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    """It is noon, whatever is done."""
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def airflow(data_folder: Path) -> Airflow:
    """An Airflow in memory."""
    return Airflow()


@pytest.fixture
def claims(data_folder: Path) -> Callable[[], dict[str, Any]]:
    """The claims as they stand in the data folder, by keyword."""

    def read() -> dict[str, Any]:
        files = (data_folder / "quota" / "twitter_default" / "recent").iterdir()
        found = [json.loads(file.read_bytes()) for file in files if file.is_file()]
        return {claim["keyword"]: claim for claim in found}

    return read


def test_alone(airflow: Airflow) -> None:
    """A keyword that is alone takes the whole window."""
    run = Searching(airflow, "one")
    assert run.turn() is None
    run.ask(1, count=9)
    assert run.turn() is None


def test_two_share(airflow: Airflow) -> None:
    """A keyword stops at its half while another waits, which has the rest; what that leaves is the first one's."""
    one, two = Searching(airflow, "one"), Searching(airflow, "two")
    assert one.turn() is None
    one.ask(6, count=4)
    assert one.turn() is None
    one.ask(5)
    assert one.turn() == 10.5
    reschedule(one, NOON + timedelta(seconds=10.5))

    with two.share:
        assert two.turn(2) is None
        two.ask(4)
        assert two.turn(3) is None

    again = Searching(airflow, "one", pages=5)
    assert again.turn(12) is None


def test_window_not_begun(airflow: Airflow) -> None:
    """Somebody has to begin a window, whoever comes."""
    for keyword in ("one", "two", "three"):
        assert Searching(airflow, keyword).turn() is None


def test_new_window(airflow: Airflow) -> None:
    """In a new window everybody has a share again; the page that began it counts."""
    one, two = Searching(airflow, "one"), Searching(airflow, "two")
    assert one.turn() is None
    one.ask(5, count=5)
    assert one.turn() == 10.5
    ends = NOON + timedelta(seconds=2 * WINDOW_S)
    two.share.claim(NOON + timedelta(seconds=WINDOW_S), ends)

    assert one.turn(WINDOW_S) is None
    one.ask(9, window_ends=ends)
    for left in (8, 7, 6, 5):
        assert one.turn(WINDOW_S) is None
        one.ask(left, window_ends=ends)
    assert one.turn(WINDOW_S) == 10.5


def test_runs_of_one_keyword(airflow: Airflow) -> None:
    """The runs of a keyword share one share."""
    first, second = Searching(airflow, "one"), Searching(airflow, "one", "one-2")
    Searching(airflow, "two")
    assert first.turn() is None
    first.ask(5, count=5)
    with first.share:
        pass
    assert second.turn(1) == 10.5


def test_killed(airflow: Airflow, claims: Callable[[], dict[str, Any]]) -> None:
    """A run that was killed knows from its pages what it took, and has no second share."""
    one = Searching(airflow, "one")
    Searching(airflow, "two")
    assert one.turn() is None
    one.ask(9)
    assert one.turn() is None
    one.ask(5, count=4)
    assert claims()["one"]["taken"] < 5

    again = Searching(airflow, "one", pages=5)
    assert again.turn(30) == 10.5
    again.ask(4)
    assert again.turn(31) is not None


def test_dead_run(airflow: Airflow) -> None:
    """A run that does not come holds its share for five minutes, and no longer."""
    one = Searching(airflow, "one")
    Searching(airflow, "dead")
    assert one.turn() is None
    one.ask(5, count=5)
    assert one.turn(GRACE_S - 1) is not None
    assert one.turn(GRACE_S) is None


def test_looks_less_often(airflow: Airflow) -> None:
    """Who comes in vain stays away longer each time, also as a new process; a page makes up for it."""
    one = Searching(airflow, "one")
    Searching(airflow, "two")
    assert one.turn() is None
    one.ask(5, count=5)
    waits = []
    for after_s in (0, 20, 60):
        waits.append(one.turn(after_s))
        reschedule(one, NOON)
        one = Searching(airflow, "one", pages=5)
    assert waits == [10.5, 21.0, 42.0]


def test_ended(airflow: Airflow, claims: Callable[[], dict[str, Any]]) -> None:
    """A search that ends, in whatever way, wants no more; one that is rescheduled does, until it is back."""
    one, two, three = (Searching(airflow, keyword) for keyword in ("one", "two", "three"))
    assert [run.turn() for run in (one, two, three)] == [None] * 3
    one.ask(5)
    with one.share:
        pass
    with pytest.raises(RuntimeError), two.share:
        raise RuntimeError
    reschedule(three, NOON + timedelta(hours=1))
    left = claims()
    assert left["one"]["until"] is None
    assert "two" not in left
    assert left["three"]["until"] == "2026-12-01T13:05:00Z"


def test_over_claims_are_cleaned(airflow: Airflow, claims: Callable[[], dict[str, Any]]) -> None:
    """What says nothing of this window or a later one is deleted by whoever comes next."""
    one = Searching(airflow, "one")
    one.turn()
    one.ask(5)
    with one.share:
        pass
    two = Searching(airflow, "two")
    two.share.claim(NOON, NOON + timedelta(days=1))
    assert set(claims()) == {"one", "two"}
    later_s = 86_400.0
    two.limit.heard(RateLimit(10, 5, NOON + timedelta(seconds=later_s + 100), NOON))
    assert two.turn(later_s) is None
    assert set(claims()) == {"two"}


def test_short_runs_leave_nothing_behind(airflow: Airflow, claims: Callable[[], dict[str, Any]]) -> None:
    """Runs of one page a day clean up behind each other."""
    for day in range(3):
        moment = NOON + timedelta(days=day)
        with time_machine.travel(moment, tick=False):
            run = Searching(airflow, f"word{day}")
            with run.share:
                assert run.share.turn(moment) is None
                run.ask(9, window_ends=moment + timedelta(seconds=WINDOW_S))
    assert set(claims()) == {"word2"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"keyword": 1}', b"\xff"])
def test_unreadable(airflow: Airflow, data_folder: Path, content: bytes) -> None:
    """A claim that cannot be read is no reason to stop, and is cleaned away."""
    one = Searching(airflow, "one")
    claims = Claims(Store(data_folder), "twitter_default", "recent")
    key = claims.key("other", "run")
    Store(data_folder).put(key, content)
    one.ask(5, count=5)
    assert one.turn() is None
    assert not Store(data_folder).exists(key)


def test_folder_that_cannot_be_written(
    airflow: Airflow, data_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """When claims cannot be kept the search goes on, and the log says what that means."""
    data_folder.mkdir()
    (data_folder / "quota").write_text("a file where the folder should be")
    one = Searching(airflow, "one")
    one.ask(5, count=5)
    with one.share:
        assert one.turn() is None
    assert "keywords may share less fairly" in caplog.text


def test_link_out_of_the_data_folder(airflow: Airflow, data_folder: Path, tmp_path: Path) -> None:
    """A claim that is a link out of the data folder is not read."""
    one = Searching(airflow, "one")
    one.ask(5, count=5)
    secret = tmp_path / "secret"
    secret.write_text("kept")
    link = data_folder / "quota" / "twitter_default" / "recent" / "link"
    link.symlink_to(secret)
    assert one.turn() is None
    assert secret.read_text() == "kept"


def test_daily_limit_is_shared_too(airflow: Airflow) -> None:
    """What is left of a day is divided when it is less than what is left of the window."""
    one = Searching(airflow, "one")
    Searching(airflow, "two")
    assert one.turn() is None
    one.pages.append(None)
    day = RateLimit(100, 3, at("12-02 12:00:00"), NOON, scope="app 24 h")
    one.limit.heard(RateLimit(10, 9, NOON + timedelta(seconds=WINDOW_S), NOON, also=(day,)))
    assert one.turn() is None
    one.pages.append(None)
    day = RateLimit(100, 2, at("12-02 12:00:00"), NOON, scope="app 24 h")
    one.limit.heard(RateLimit(10, 8, NOON + timedelta(seconds=WINDOW_S), NOON, also=(day,)))
    assert one.turn() == 10.5
