"""Run every step over files of more than a gigabyte, with little more memory than the imports take.

As a script this is that process: ``python -m tests.hostile.gigabytes GROUND FOLDER REPORT``. Its files are sparse, and
so take no room on the disk. It writes what was wrong, a case a line, and how many cases there were.
"""

from __future__ import annotations

import os
import pickle
import re
import resource
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import time_machine
from tests.airflow_in_memory import NOON
from tests.hostile.cases import keys, plain, run_case
from tests.hostile.conftest import Ground
from tests.hostile.steps import STEPS

SIZE = 5 * 2**28
"""Bytes of a file: 1.25 GiB."""
ROOM = 600 * 2**20
"""Bytes of memory that a step may take beyond what the process has before."""
SHARE = int(os.environ.get("HOSTILE_SHARE", "24"))


def _longer(path: Path, outside: Path) -> None:
    """Have a last line that does not end."""
    os.truncate(path, SIZE)


def _nothing_else(path: Path, outside: Path) -> None:
    os.truncate(path, 0)
    os.truncate(path, SIZE)


def _framed(path: Path, outside: Path) -> None:
    """Have the file begin and end as it did."""
    end = path.read_bytes()[-64:]
    os.truncate(path, SIZE)
    with path.open("ab") as file:
        file.write(end)


GIGABYTES: dict[str, Callable[[Path, Path], None]] = {
    "longer": _longer,
    "nothing_else": _nothing_else,
    "framed": _framed,
}


def kinds(found: list[str]) -> list[str]:
    """Return one file of each kind: names of runs, days and numbers do not make one."""
    by_kind: dict[str, str] = {}
    for key in found:
        by_kind.setdefault(re.sub(r"\d+|__(stopped|begun)", "", plain(key)), key)
    return sorted(by_kind.values())


def limit_memory() -> None:
    """Have this process take no more than ROOM from now on."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main(ground: Ground, folder: Path, report: TextIO) -> None:
    """Run all cases."""
    limit_memory()
    cases = 0
    for key in kinds(keys(ground.data)):
        for name, mutate in GIGABYTES.items():
            for step in STEPS:
                if zlib.crc32(f"{plain(key)} {name} {step}".encode()) % SHARE:
                    continue
                cases += 1
                said = run_case(ground.data, folder / "case", key, mutate, ground.later(step))
                if said is not None:
                    print(f"{key} {name} {step}: {said}", file=report, flush=True)
    print(f"{cases} cases", file=report, flush=True)


if __name__ == "__main__":
    with time_machine.travel(NOON, tick=False), open(sys.argv[3], "w") as report:
        main(pickle.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]), report)
