"""The record of what runs in a place, so that `make down` ends that and nothing else."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local_airflow.errors import LocalError
from local_airflow.place import Place
from local_airflow.processes import Mark, is_alive, signals_deferred, stop

LOCK = "running.lock"
RELIED_ON = ("api-server", "simulator")
"""What the others still need while they end."""


class BusyError(LocalError):
    """Another command is at work in this place."""


@dataclass
class Running:
    """What was started: ports, and each service's process by name."""

    port: int
    simulator_url: str | None = None
    services: dict[str, Mark] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def dead(self) -> list[str]:
        """Return the names of the services that have ended."""
        return [name for name, mark in self.services.items() if not is_alive(mark)]


def load(place: Place) -> Running | None:
    """Return what was started in a place and not stopped again, running still or not."""
    try:
        values = json.loads(_record(place).read_text())
    except FileNotFoundError:
        return None
    services = {name: Mark(**mark) for name, mark in values.pop("services").items()}
    return Running(**values, services=services)


def save(place: Place, running: Running) -> None:
    """Write the record; before a service is relied on, so that a crash here leaves nothing unknown."""
    temporary = _record(place).with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(running), indent=1))
    os.replace(temporary, _record(place))


def stop_recorded(place: Place, grace_s: float = 5.0) -> bool:
    """End everything that the record names, and forget it. Return whether there was a record."""
    running = load(place)
    if running is None:
        return False
    with signals_deferred():
        services = running.services
        stop((mark for name, mark in services.items() if name not in RELIED_ON), grace_s)
        stop((mark for name, mark in services.items() if name in RELIED_ON), min(grace_s, 3.0))
        _record(place).unlink()
    return True


@contextmanager
def only_one(place: Place) -> Iterator[None]:
    """Hold the place while starting or stopping. Raises :class:`BusyError` when another command does."""
    place.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place.home / LOCK).open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"Another make command is at work in {place.home}: wait for it, or end it."
            ) from None
        yield


def _record(place: Place) -> Path:
    return place.home / "running.json"
