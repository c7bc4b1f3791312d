"""Choose a free port on loopback, also when another checkout is choosing at the same moment."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local_airflow.errors import LocalError

TRIES = 50


class PortError(LocalError):
    """No port could be had."""


@dataclass
class Claim:
    """A port that nobody else takes until :meth:`release`, or until this process ends."""

    port: int
    _file: IO[bytes]

    def release(self) -> None:
        self._file.close()


def claim(first: int) -> Claim:
    """Claim the first free port from ``first`` on. Raises :class:`PortError` when there is none."""
    for port in range(first, min(first + TRIES, 65536)):
        if claimed := _try(port):
            return claimed
    raise PortError(f"None of the ports {first} to {first + TRIES - 1} is free.")


def claim_exactly(wanted: str, variable: str) -> Claim:
    """Claim the port that ``variable`` names. Raises :class:`PortError` when it is taken, or is no port."""
    if not wanted.isdecimal() or not 0 < int(wanted) < 65536:
        raise PortError(f"{variable}={wanted} is not a port: set it to a number from 1 to 65535.")
    if claimed := _try(int(wanted)):
        return claimed
    raise PortError(
        f"Port {wanted} ({variable}) is taken by another program. "
        f"Set {variable} to a free port, or unset it and one is chosen."
    )


def _try(port: int) -> Claim | None:
    """Lock a file that stands for the port, then see whether the port can be bound."""
    folder = Path(tempfile.gettempdir()) / f"airflow-twitter-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = (folder / str(port)).open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        file.close()
        return None
    return Claim(port, file)
