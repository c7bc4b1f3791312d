"""Throwing away what need not be kept, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException
from tests.airflow_in_memory import Airflow

from airflow_twitter.operators.maintenance import TwitterMaintenanceOperator
from airflow_twitter.posts import coverage
from airflow_twitter.posts.holding import used
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]
ACCOUNTING = {"keyword": "accounting", "max_results": 20}

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def clean(airflow: Airflow) -> Callable[..., dict[str, Any]]:
    """Run the operator; `active` are the ids of runs that are at work."""

    def run(*active: str, **days: Any) -> dict[str, Any]:
        context = airflow.context("clean", run_id="scheduled__1")
        context["ti"].get_dr_count = lambda dag_id, run_ids, states: sum(run in active for run in run_ids)
        return TwitterMaintenanceOperator(task_id="clean", **days).execute(context)

    return run


def folders(data_folder: Path) -> list[str]:
    """The runs that are staged."""
    return sorted(path.name for path in data_folder.glob("staging/*/*"))


def test_merged_run_goes_after_its_time(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clean: Any, clock: time_machine.Traveller
) -> None:
    """The pages of a merged run go after 30 days; dataset, coverage and export stay, and nothing is asked."""
    simulator = start_simulator()
    airflow.collect(ACCOUNTING)
    kept = {str(path) for path in data_folder.rglob("*") if "staging" not in path.parts and path.is_file()}
    asked = len(simulator.book.requests)

    clock.shift(timedelta(days=30))
    assert clean()["kept"] == {"merged": 1}
    assert folders(data_folder) == ["manual__1"]
    clock.shift(timedelta(seconds=1))
    cleaned = clean()

    assert cleaned["runs"] == ["staging/twitter_search/manual__1"]
    assert cleaned["bytes"] > 10_000
    assert folders(data_folder) == []
    assert {path for path in kept if Path(path).exists() or ".locks" in path} == kept
    assert len(simulator.book.requests) == asked
    assert clean()["runs"] == []


def test_cleared_after_cleaning(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clean: Any
) -> None:
    """A run that is cleared after its pages were removed refuses clearly, and buys nothing."""
    simulator = start_simulator()
    airflow.collect(ACCOUNTING)
    clean(staging_days=-1)
    asked = len(simulator.book.requests)

    with pytest.raises(AirflowFailException, match="they were cleaned away"):
        airflow.wait(ACCOUNTING, clear_number=1)
    assert len(simulator.book.requests) == asked


def test_only_told(airflow: Airflow, start_simulator: Start, data_folder: Path, clean: Any) -> None:
    """A dry run says what would go and removes nothing."""
    start_simulator()
    airflow.collect(ACCOUNTING)

    assert clean(staging_days=-1, tell_only="True")["runs"] == ["staging/twitter_search/manual__1"]
    assert folders(data_folder) == ["manual__1"]


def test_active_run_stays(airflow: Airflow, start_simulator: Start, data_folder: Path, clean: Any) -> None:
    """Neither a run that Airflow knows as active goes, nor one whose task is at work, however old."""
    start_simulator()
    airflow.collect(ACCOUNTING)

    assert clean("manual__1", staging_days=-1)["kept"] == {"in use": 1}
    with used(Store(data_folder), "staging/twitter_search/manual__1"):
        assert clean(staging_days=-1)["kept"] == {"in use": 1}
    assert folders(data_folder) == ["manual__1"]


def test_unmerged_run_stays(airflow: Airflow, start_simulator: Start, data_folder: Path, clean: Any) -> None:
    """Pages that were bought and not merged are never removed."""
    start_simulator()
    airflow.search(ACCOUNTING)

    assert clean(staging_days=-1, partial_days=-1)["kept"] == {"unmerged": 1}
    assert folders(data_folder) == ["manual__1"]


def test_partial_run_stays_longer(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clean: Any, clock: time_machine.Traveller
) -> None:
    """A partial run can be continued for 90 days; then its pages go too."""
    start_simulator()
    airflow.collect({**ACCOUNTING, "page_max": 1})

    clock.shift(timedelta(days=90))
    assert clean()["kept"] == {"partial": 1}
    clock.shift(timedelta(seconds=1))
    assert clean()["runs"] == ["staging/twitter_search/manual__1"]


def test_continued_runs(airflow: Airflow, start_simulator: Start, data_folder: Path, clean: Any) -> None:
    """Of a chain of partial runs only the last is needed to go on; once that is complete, none."""
    start_simulator()
    one_page = {**ACCOUNTING, "page_max": 1}
    airflow.collect(one_page)
    airflow.collect({**one_page, "continue_from_run": "manual__1"}, run_id="manual__2")

    assert clean(staging_days=-1)["runs"] == ["staging/twitter_search/manual__1"]
    airflow.collect({**ACCOUNTING, "continue_from_run": "manual__2"}, run_id="manual__3")
    assert clean()["runs"] == []
    assert clean(staging_days=-1)["runs"] == [f"staging/twitter_search/manual__{number}" for number in (2, 3)]
    assert folders(data_folder) == []


def test_error_keeps_the_run_continuable(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clean: Any
) -> None:
    """What an error stopped and was merged all the same is partial, and stays for as long."""
    start_simulator(rules=[Rule(endpoint="search_recent", fault="credits", nth=2)])
    with pytest.raises(AirflowFailException):
        airflow.search(ACCOUNTING)
    airflow.validate()
    airflow.merge()

    assert clean(staging_days=-1)["kept"] == {"partial": 1}


def test_run_of_a_joined_record(
    airflow: Airflow,
    start_simulator: Start,
    data_folder: Path,
    clean: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run whose record was joined to a block is done with, since complete windows hold all of its own."""
    start_simulator()
    monkeypatch.setattr(coverage, "MAX_RUNS", 2)
    for number, day in enumerate(("26", "27", "28"), start=1):
        times = {"start_time": f"2026-11-{day}", "end_time": f"2026-11-{int(day) + 1}"}
        airflow.collect({**ACCOUNTING, **times}, run_id=f"manual__{number}")
    assert "" in {
        window.run_id for query in coverage.queries(Store(data_folder))[0] for window in query.windows
    }

    assert len(clean(staging_days=-1)["runs"]) == 3


def test_check_that_never_ended(data_folder: Path, clean: Any) -> None:
    """What a check of posts has staged goes like the pages of a merged run."""
    plan = b'{"ids":["1"],"files":{},"due":1,"decided_at":"2026-11-30T12:00:00.000000Z"}'
    Store(data_folder).put("staging/twitter_recheck/manual__1/window.json", plan)
    assert clean(staging_days=1)["kept"] == {"check": 1}
    assert len(clean(staging_days=0.9)["runs"]) == 1


def test_quarantine_and_leftovers(data_folder: Path, clean: Any) -> None:
    """Quarantine and damaged files go by their age, what killed processes left after a day, and nothing else."""
    store = Store(data_folder)
    for key in ("quarantine/tea/a_dag/a_run.jsonl", "tweets_tea.json.damaged-20261101T000000.000000Z"):
        store.put(key, b"{}\n")
    store.put("posts/tea/2026-11-01.jsonl", b'{"id":"1"}\n')
    leftover = data_folder / "posts" / "tea" / ".2026-11-01.jsonl.0123456789ab.tmp"
    leftover.write_bytes(b"half")
    (data_folder / ".trash" / "0123").mkdir(parents=True)
    (data_folder / ".trash" / "0123" / "x.page").write_bytes(b"old")
    for path in data_folder.rglob("*"):
        os.utime(path, (1_764_590_400, 1_764_590_400))  # 1 December 2025

    cleaned = clean()

    assert len(cleaned["quarantine"]) == 2
    assert cleaned["leftovers"] == 2
    assert store.list() == ["posts/tea/2026-11-01.jsonl"]
    assert not leftover.exists()
    assert list((data_folder / ".trash").iterdir()) == []


def test_damage_counts_from_when_it_was_found(data_folder: Path, clean: Any) -> None:
    """A file that was written long ago, and is found damaged today, is kept as long as any other."""
    store = Store(data_folder)
    for key, keep in (("posts/tea/2026-11-01.jsonl", True), ("coverage/tea/0.jsonl", False)):
        store.put(key, b"{}\n")
        os.utime(data_folder / key, (1_764_590_400, 1_764_590_400))
        store.set_aside(key, keep=keep)

    assert clean()["quarantine"] == []
    assert len(clean(quarantine_days=-1)["quarantine"]) == 2
    assert store.list() == ["posts/tea/2026-11-01.jsonl"]


def test_what_is_being_written_stays(data_folder: Path, clean: Any) -> None:
    """A file that a living process writes is left alone."""
    with Store(data_folder).writer("posts/tea/2026-11-01.jsonl") as file:
        file.write(b"{}")
        assert clean()["leftovers"] == 0
    assert Store(data_folder).list() == ["posts/tea/2026-11-01.jsonl"]


def test_damaged_folders_stay(data_folder: Path, clean: Any) -> None:
    """What cannot be told from its files is kept: without a window, with a damaged one, or a cut name."""
    store = Store(data_folder)
    store.put("staging/a_dag/one/pages/00001.page", b"x")
    store.put("staging/a_dag/two/window.json", b"{")
    store.put(f"staging/a_dag/three%~{'0' * 16}/window.json", b"{}")

    assert clean(staging_days=-1, partial_days=-1)["kept"] == {"unmerged": 3}
    assert len(store.list("staging")) == 3
