"""Only what was started is ended, and all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_airflow.processes import Mark, is_alive, mark, signals_deferred, start, stop

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
FAMILY = """
import subprocess, sys, time
code = "import time; time.sleep(60)"
children = [subprocess.Popen([sys.executable, "-c", code], start_new_session=new) for new in (False, True)]
print(*(child.pid for child in children), flush=True)
time.sleep(60)
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def _start(tmp_path: Path, command: list[str]) -> tuple[subprocess.Popen[bytes], Mark]:
    process = start(command, os.environ, tmp_path / "log", tmp_path)
    found = mark(process.pid)
    assert found is not None
    return process, found


def _until(says: Callable[[], str]) -> str:
    deadline = time.monotonic() + 10
    while not (said := says()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return said


def test_children_end_with_their_leader(tmp_path: Path) -> None:
    """Children are ended too, also one that made a session of its own."""
    _, leader = _start(tmp_path, [sys.executable, "-c", FAMILY])
    pids = [int(pid) for pid in _until((tmp_path / "log").read_text).split()]
    children = [mark(pid) for pid in pids]
    assert len(children) == 2
    assert all(children)
    stop([leader], grace_s=5.0)
    assert not any(is_alive(one) for one in [leader, *children] if one)


def test_children_end_when_their_leader_has_gone(tmp_path: Path) -> None:
    """A leader that was killed leaves a session, and its members are found by it."""
    process, leader = _start(tmp_path, [sys.executable, "-c", FAMILY.replace("(False, True)", "(False,)")])
    child = mark(int(_until((tmp_path / "log").read_text)))
    assert child is not None
    process.kill()
    process.wait()
    assert is_alive(child)
    stop([leader], grace_s=5.0)
    assert not is_alive(child)


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    """After the grace there is no asking any more."""
    _, leader = _start(tmp_path, [sys.executable, "-c", DEAF])
    assert _until((tmp_path / "log").read_text) == "deaf\n"
    begin = time.monotonic()
    stop([leader], grace_s=0.5)
    assert not is_alive(leader)
    assert time.monotonic() - begin >= 0.5


@pytest.mark.parametrize("boot", [None, "another-boot"])
def test_a_pid_that_another_process_has_now_is_let_alone(tmp_path: Path, boot: str | None) -> None:
    """The moment of the start tells a recycled pid, and the boot tells one from before it."""
    process, leader = _start(tmp_path, SLEEP)
    this_boot, _, ticks = leader.started.partition(":")
    stale = Mark(leader.pid, f"{boot or this_boot}:{int(ticks) - (0 if boot else 1)}")
    assert not is_alive(stale)
    stop([stale], grace_s=0.2)
    assert is_alive(leader)
    process.kill()
    process.wait()


def test_a_zombie_has_ended(tmp_path: Path) -> None:
    """A process that nobody has waited for is not taken for a running one."""
    _, leader = _start(tmp_path, [sys.executable, "-c", "pass"])
    deadline = time.monotonic() + 10
    while is_alive(leader) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(leader)
    assert Path(f"/proc/{leader.pid}").exists()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that Ctrl-C interrupts, also when the tests run in a shell's background, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_signals_wait_for_the_end_of_the_block() -> None:
    """An interrupt neither tears the block nor gets lost."""
    through = []

    def block() -> None:
        with signals_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            through.append(True)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert through
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
