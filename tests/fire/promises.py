"""What is promised beside the matrix, the mixes and the kills, and the tests that hold it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parents[2]

PROMISES: dict[str, tuple[str, ...]] = {
    "A full disk loses nothing, and nothing is bought that could not be kept": (
        "tests/fire/test_full_disk.py",
    ),
    "A killed task, or scheduler, is gone on with by Airflow's own retry (real scheduler)": (
        "tests/system/test_killed.py",
    ),
    "Doing a run again gives the same files, or a clear refusal": ("tests/fire/test_again.py",),
    "Many keywords share one quota, and small ones are not starved (real scheduler, twenty keywords)": (
        "tests/system/test_fair_share.py",
        "tests/collecting/test_fair_share.py",
        "tests/collecting/test_share.py",
        "tests/collecting/test_rate_limit.py",
    ),
    "No budget is overspent, and everything that was bought is in the ledger": (
        "tests/spending",
        "tests/operators/test_search_spending.py",
        "tests/operators/test_search_estimate.py",
        "tests/operators/test_spending.py",
        "tests/system/test_spending.py",
    ),
    "What is complete, partial or missing is told, late posts are caught, and gaps are filled": (
        "tests/upkeep",
        "tests/operators/test_gaps.py",
        "tests/operators/test_verify_counts.py",
        "tests/operators/test_late_index.py",
        "tests/scripts/test_gaps.py",
    ),
    "Hostile fields and files end in a clear error or in quarantine": ("tests/hostile",),
    "No secret is in any log, file, database, argument or answer (real scheduler)": (
        "tests/system/test_secrets.py",
    ),
    "What was merged is thrown away in time, and what X no longer shows leaves the dataset": (
        "tests/operators/test_maintenance.py",
        "tests/operators/test_recheck.py",
        "tests/operators/test_upkeep_killed.py",
        "tests/posts/test_withdrawn.py",
        "tests/system/test_upkeep.py",
    ),
}


@dataclass(frozen=True)
class Held:
    """A promise that its tests hold: how many there are of them, and how long they took, in seconds."""

    promise: str
    paths: tuple[str, ...]
    tests: int
    took_s: float


class NotHeld(Exception):
    """Report a promise with a test that failed, or was skipped, or that has none."""


def hold() -> Iterator[Held]:
    """Run the tests of one promise after the other; raises NotHeld at the first that is not held."""
    for promise, paths in PROMISES.items():
        started = time.monotonic()
        yield Held(promise, paths, count_passed(promise, paths), time.monotonic() - started)


def count_passed(promise: str, paths: Sequence[str]) -> int:
    """Run tests and return how many there are; raises NotHeld unless all of them pass."""
    with tempfile.TemporaryDirectory(prefix="promises-") as folder:
        report = Path(folder, "report.xml")
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *paths],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        suites = list(ElementTree.parse(report).getroot().iter("testsuite")) if report.exists() else []
    tests, *others = (
        sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    )
    if ended.returncode or any(others) or not tests:
        raise NotHeld(f"{promise}: {ended.stdout[-2000:]}")
    return tests
