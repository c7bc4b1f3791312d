"""Start processes in sessions of their own, and end exactly those again. Reads /proc: Linux only."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Mark:
    """A process, told apart from a later one with the same pid by the moment when it started."""

    pid: int
    started: str


@dataclass(frozen=True)
class _Row:
    mark: Mark
    parent: int
    session: int


def start(command: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path) -> subprocess.Popen[bytes]:
    """Start a command as the leader of a new session, its output in ``log``, the last start's kept beside it."""
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Let a signal that asks this process to end wait until the block is through."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def mark(pid: int) -> Mark | None:
    """Return the mark of a running process, or None."""
    row = _row(pid)
    return row.mark if row else None


def is_alive(leader: Mark) -> bool:
    """Say whether it is still that process, and no zombie."""
    return mark(leader.pid) == leader


def stop(leaders: Iterable[Mark], grace_s: float) -> None:
    """End processes and everything they started.

    The leaders are asked to end first, so that they can bring their own to an end within ``grace_s``; then
    whoever is left, and who does not go soon is killed.
    """
    leaders = list(leaders)
    family = _family(leaders)
    _ask(family & set(leaders), grace_s)
    _ask(family | _family(leaders), min(grace_s, 2.0))
    while family := {member for member in family if is_alive(member)} | _family(leaders):
        for member in family:
            _send(member, signal.SIGKILL)
        time.sleep(0.05)


def _ask(members: Iterable[Mark], grace_s: float) -> None:
    """Ask processes to end, and wait until they have, or the grace is over."""
    members = set(members)
    for member in members:
        _send(member, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while any(map(is_alive, members)) and time.monotonic() < deadline:
        time.sleep(0.05)


def _family(leaders: Iterable[Mark]) -> set[Mark]:
    """Return every process in the sessions of ``leaders``, and the descendants of those.

    A session outlives its leader, and its id is not given to another process while it does. So a pid that now
    belongs to another process says that the session has ended.
    """
    rows = _table()
    ours = (one for one in leaders if one.started.startswith(_boot()))
    sessions = {one.pid for one in ours if one.pid not in rows or rows[one.pid].mark == one}
    family = {pid for pid, row in rows.items() if row.session in sessions}
    grown = True
    while grown:
        children = {pid for pid, row in rows.items() if row.parent in family}
        grown = not children <= family
        family |= children
    return {rows[pid].mark for pid in family}


def _send(to: Mark, number: signal.Signals) -> None:
    if is_alive(to):
        with suppress(ProcessLookupError):
            os.kill(to.pid, number)


def _table() -> dict[int, _Row]:
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return {row.mark.pid: row for row in map(_row, pids) if row}


def _row(pid: int) -> _Row | None:
    """Read one process from /proc/<pid>/stat; None when it has ended, or is a zombie."""
    try:
        # The second field is the command's name in parentheses, and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return _Row(Mark(pid, f"{_boot()}:{fields[19]}"), parent=int(fields[1]), session=int(fields[3]))


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
