"""Upkeep that is killed at each of its effects on the disk, and done again."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from tests.airflow_in_memory import Airflow, at

from airflow_twitter.operators.maintenance import TwitterMaintenanceOperator
from airflow_twitter.operators.recheck import TwitterLookupOperator, TwitterRecheckPlanOperator
from airflow_twitter.operators.withdraw import TwitterWithdrawOperator
from airflow_twitter.simulator import Simulator

EFFECTS = ("replace", "rename", "unlink", "rmdir", "fsync", "link")

pytestmark = pytest.mark.usefixtures("clock")


def killed_at(number: int, work: Callable[[], Any]) -> bool:
    """Do the work in a process that is killed at its effect of this number; False when it has no so many."""
    child = os.fork()
    if child == 0:
        seen = itertools.count(1)

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def effect(*arguments: Any, **options: Any) -> Any:
                if next(seen) == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **options)

            return effect

        try:
            for name in EFFECTS:
                setattr(os, name, counted(getattr(os, name)))
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def content(data_folder: Path) -> dict[str, bytes]:
    """Every visible file, and every leftover that is not a lock or a note."""
    return {
        str(path.relative_to(data_folder)): path.read_bytes()
        for path in data_folder.rglob("*")
        if path.is_file() and not {".locks", ".notes"} & set(path.parts) and path.name != ".held"
    }


def kill_everywhere(
    data_folder: Path, work: Callable[[], Any], look: Callable[[], Any], *, every: int = 1
) -> int:
    """Kill the work at each effect, or every few, do it again, and compare with the work that was never killed."""
    before = data_folder.with_name("before")
    shutil.copytree(data_folder, before)
    work()
    expected = look()
    for number in itertools.count(1, every):
        shutil.rmtree(data_folder)
        shutil.copytree(before, data_folder)
        if not killed_at(number, work):
            return number - 1
        work()
        assert look() == expected, f"killed at effect {number}"
    raise AssertionError


def test_withdraw(
    airflow: Airflow,
    start_simulator: Callable[..., Simulator],
    clock: time_machine.Traveller,
    data_folder: Path,
) -> None:
    """Killed at its effects and done again, the same posts are gone, and the report says the same."""
    simulator = start_simulator()
    one_day = {"start_time": "2026-11-28", "end_time": "2026-11-29", "overlap_s": 0}
    airflow.collect({"keyword": "daily", "max_results": 100, "expand": True, **one_day})
    clock.shift(timedelta(hours=1))
    simulator.withdraw(simulator.truth("daily", at("11-28"), at("11-29"))[::3])
    TwitterRecheckPlanOperator(task_id="price", again_after_days=0).execute(
        airflow.context("price", run_id="check")
    )
    TwitterLookupOperator(task_id="look_up").execute(airflow.context("look_up", run_id="check"))

    def seen() -> dict[str, bytes]:
        """What is in the data folder, but for the moment of the report, and what `twitter_maintenance` sweeps."""
        found = content(data_folder)
        return {name: data for name, data in found.items() if not name.startswith(("rechecks/", ".trash/"))}

    effects = kill_everywhere(
        data_folder,
        lambda: TwitterWithdrawOperator(task_id="withdraw", gone_share_max=1).execute(
            airflow.context("withdraw", run_id="check")
        ),
        seen,
        every=4,
    )

    assert effects > 30


def test_maintenance(airflow: Airflow, start_simulator: Callable[..., Simulator], data_folder: Path) -> None:
    """Killed at any effect and done again, the old run is gone without a trace, and the other one is whole."""
    start_simulator()
    airflow.collect({"keyword": "accounting", "max_results": 20})
    airflow.collect({"keyword": "daily", "page_max": 1}, run_id="manual__2")

    def work() -> None:
        context = airflow.context("clean", run_id="scheduled__1")
        context["ti"].get_dr_count = lambda dag_id, run_ids, states: 0
        TwitterMaintenanceOperator(task_id="clean", staging_days=-1).execute(context)

    assert kill_everywhere(data_folder, work, lambda: content(data_folder)) > 5
    assert [path.name for path in data_folder.glob("staging/*/*")] == ["manual__2"]
