"""Start Airflow's services, wait until they are well, and leave nothing behind when they are not."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from local_airflow import processes, running
from local_airflow.errors import LocalError
from local_airflow.place import Place
from local_airflow.rest import Airflow
from local_airflow.settings import python

START_TIMEOUT_S = 180.0
STAMP = "prepared"
"""The file that says what a place's database was made for."""

_AIRFLOW = {
    "api-server": ["airflow", "api-server"],
    "scheduler": ["airflow", "scheduler", "--skip-serve-logs"],
    "dag-processor": ["airflow", "dag-processor"],
    "triggerer": ["airflow", "triggerer", "--skip-serve-logs"],
}
_IN_HEALTH = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}


class StartError(LocalError):
    """A service did not come up; the sentence says which, and shows the end of its log."""


def prepare(place: Place, env: Mapping[str, str], say: Callable[[str], None] = print) -> None:
    """Make or upgrade the database and the pools, unless that has been done for what is here now."""
    script = place.root / "scripts" / "prepare_database.py"
    stamp = place.home / STAMP
    wanted = _fingerprint(script, place.root / "dags" / "keywords.yaml")
    if place.database.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"Preparing Airflow's database in {place.home}")
    process = processes.start([str(python(place)), str(script)], env, _log(place, "prepare"), place.root)
    mark = processes.mark(process.pid)
    try:
        failed = process.wait()
    except BaseException:
        processes.stop([mark] if mark else [], grace_s=1.0)
        raise
    if failed:
        raise StartError(f"Airflow's database could not be prepared:\n{_end_of(place, 'prepare')}")
    stamp.write_text(wanted)


def _fingerprint(*files: Path) -> str:
    """Return what the database depends on: Airflow's version, and the contents of some files."""
    contents = hashlib.sha256(version("apache-airflow").encode())
    for file in files:
        contents.update(file.read_bytes() if file.exists() else b"")
    return contents.hexdigest()


def start_simulator(
    place: Place, now: running.Running, env: Mapping[str, str], arguments: Sequence[str]
) -> None:
    """Start the X simulator as one of the services."""
    _start(place, now, "simulator", [str(python(place)), "-m", "airflow_twitter.simulator", *arguments], env)


def start_airflow(
    place: Place, now: running.Running, env: Mapping[str, str], say: Callable[[str], None] = print
) -> None:
    """Start Airflow's services and wait until each is well.

    Raises :class:`StartError` when one ends, or is not well after ``START_TIMEOUT_S``. Whatever is raised,
    the caller stops what the record names.
    """
    begin = datetime.now(UTC)
    for name in _AIRFLOW:
        start_service(place, now, name, env)
    waiting = dict.fromkeys(_AIRFLOW)
    airflow = Airflow(now.port)
    while waiting:
        waited_s = (datetime.now(UTC) - begin).total_seconds()
        _check(place, now, list(waiting), waited_s)
        health = airflow.health()
        for name in list(waiting):
            if _is_well(name, health, begin) and (name != "api-server" or airflow.is_ready_for_tasks()):
                del waiting[name]
                say(f"  {name:<14} up after {waited_s:.0f} s")
        time.sleep(0.3)


def start_service(place: Place, now: running.Running, name: str, env: Mapping[str, str]) -> None:
    """Start one of Airflow's services, without waiting until it is well."""
    command = _AIRFLOW[name]
    _start(place, now, name, [str(python(place).with_name(command[0])), *command[1:]], env)


def _start(place: Place, now: running.Running, name: str, command: list[str], env: Mapping[str, str]) -> None:
    with processes.signals_deferred():
        process = processes.start(command, env, _log(place, name), place.root)
        mark = processes.mark(process.pid)
        if mark is not None:
            now.services[name] = mark
            running.save(place, now)
    if mark is None:
        raise StartError(f"{name} ended at once:\n{_end_of(place, name)}")


def _check(place: Place, now: running.Running, waiting: Sequence[str], waited_s: float) -> None:
    if dead := now.dead():
        raise StartError(f"{dead[0]} has ended:\n{_end_of(place, dead[0])}")
    if waited_s > START_TIMEOUT_S:
        raise StartError(f"{waiting[0]} is not up after {waited_s:.0f} s:\n{_end_of(place, waiting[0])}")


def _is_well(name: str, health: Mapping[str, Mapping[str, str | None]], begin: datetime) -> bool:
    """Say whether a service is well by its own heartbeat, not by the one of an earlier start."""
    if name not in _IN_HEALTH:
        return bool(health)
    part = health.get(_IN_HEALTH[name], {})
    heartbeat = part.get(f"latest_{_IN_HEALTH[name]}_heartbeat")
    return (
        part.get("status") == "healthy"
        and heartbeat is not None
        and datetime.fromisoformat(heartbeat) >= begin
    )


def _end_of(place: Place, name: str, lines: int = 15) -> str:
    log = _log(place, name)
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([*(f"  | {line}" for line in text), f"All of it is in {log}"])


def _log(place: Place, name: str) -> Path:
    return place.service_logs / f"{name}.log"
