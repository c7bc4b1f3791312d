"""Gigabytes without a line break, wherever they lie, cost little memory and are told like any damage."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from tests.hostile.conftest import Ground


def test_gigabytes(ground: Ground, tmp_path: Path) -> None:
    """No step over a file of 1.25 GiB takes 600 MiB of memory, hangs, or ends without a sentence that names it."""
    file, report = tmp_path / "ground", tmp_path / "report"
    file.write_bytes(pickle.dumps(ground))
    command = [sys.executable, "-m", "tests.hostile.gigabytes", file, tmp_path / "cases", report]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    *wrong, last = report.read_text().splitlines() or [""]
    assert last.endswith(" cases"), done.stderr[-3000:]
    assert int(last.split()[0]) > 5
    assert not wrong, "\n".join(wrong)
