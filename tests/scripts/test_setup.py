"""`make setup` says in one line what is missing on a machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("awk", "cat", "cksum", "dirname", "make", "rm", "sed", "sh")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a folder with the project's set-up script, and a PATH without any Python in `bin`."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = next(
            path
            for folder in [*os.defpath.split(":"), "/usr/bin"]
            if (path := Path(folder or ".", tool)).exists()
        )
        (tmp_path / "bin" / tool).symlink_to(found)
    (tmp_path / "scripts").mkdir()
    for name in (
        "Makefile",
        "pyproject.toml",
        "requirements.txt",
        "requirements-dev.txt",
        "scripts/setup.sh",
    ):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def _python(machine: Path, name: str, pretence: str) -> None:
    """Put a Python on the PATH that first runs ``pretence``."""
    stub = machine / "bin" / name
    stub.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{pretence}\n$2"\n')
    stub.chmod(0o755)


def _setup(machine: Path, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(machine / "bin"), **env}
    return subprocess.run(
        ["sh", "scripts/setup.sh", "run"],
        cwd=machine,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _pretend_version(version: tuple[int, int]) -> str:
    return f"import sys; sys.version_info = ({version[0]}, {version[1]}, 0, 'final', 0)"


NO_VENV = "import sys; sys.modules['ensurepip'] = None"


def test_an_old_python_is_named_in_one_line(machine: Path) -> None:
    """Too old: the line says which one it is, and which to install."""
    _python(machine, "python3", _pretend_version((3, 9)))
    done = _setup(machine)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "python3 is Python 3.9: install Python 3.11, 3.12 or 3.13, or name one with PYTHON=/path/to/python"
    ]
    assert not (machine / ".venv").exists()


def test_a_python_that_is_too_new_is_named_too(machine: Path) -> None:
    """Airflow is not for Python 3.14 here."""
    _python(machine, "python3", _pretend_version((3, 14)))
    assert _setup(machine).stderr.startswith("python3 is Python 3.14: install")


def test_a_missing_venv_module_is_named_in_one_line(machine: Path) -> None:
    """Debian leaves venv out: the line names the package."""
    _python(machine, "python3", f"{_pretend_version((3, 12))}\n{NO_VENV}")
    done = _setup(machine)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "python3 (Python 3.12) has no venv module: install it (Debian and Ubuntu: apt install python3.12-venv)"
    ]


def test_no_python_at_all(machine: Path) -> None:
    """Without any Python the line says what to install."""
    done = _setup(machine)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("No Python found: install Python 3.11")


def test_a_python_that_was_asked_for_and_does_not_run(machine: Path) -> None:
    """PYTHON that names nothing is not passed over for another one."""
    _python(machine, "python3", "")
    done = _setup(machine, PYTHON="/nowhere/python")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "PYTHON=/nowhere/python does not run: name a Python 3.11, 3.12 or 3.13"
    ]


def test_another_python_is_found_behind_an_old_one(machine: Path) -> None:
    """An old python3 is passed over when a fitting one stands beside it."""
    _python(machine, "python3", _pretend_version((3, 9)))
    _python(machine, "python3.12", f"{_pretend_version((3, 12))}\n{NO_VENV}")
    assert _setup(machine).stderr.startswith("python3.12 (Python 3.12) has no venv module")


def test_make_alone_lists_the_commands(machine: Path) -> None:
    """`make` shows every command that the README names."""
    done = subprocess.run(["make"], cwd=machine, capture_output=True, text=True, check=True)
    for command in ("setup", "env", "demo", "up", "down", "test", "lint", "bench", "simulator"):
        assert f"make {command} " in done.stdout
