"""Airflow starts and stops without disturbing anybody, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from checkout import Checkout

from local_airflow.processes import Mark, is_alive


def _home(checkout: Checkout) -> Path:
    return checkout.folder / ".airflow" / "simulator"


def _record(checkout: Checkout) -> dict[str, Any]:
    return dict(json.loads((_home(checkout) / "running.json").read_text()))


def _marks(record: dict[str, Any]) -> list[Mark]:
    return [Mark(**mark) for mark in record["services"].values()]


def test_down_without_up_is_no_error(checkout: Callable[[str], Checkout]) -> None:
    """There is nothing to stop, and `down` says so."""
    assert checkout("one").run("down") == (0, "Airflow was not running.\n")


def test_a_taken_port_is_named(checkout: Callable[[str], Checkout]) -> None:
    """`make up` at a port that is in use starts nothing and names the port."""
    here = checkout("one")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, output = here.run("up", AIRFLOW_PORT=str(port))
    assert status == 1
    assert output.startswith(f"Port {port} (AIRFLOW_PORT) is taken")
    assert not (_home(here) / "running.json").exists()


@pytest.mark.scheduler
def test_a_failed_start_leaves_nothing(checkout: Callable[[str], Checkout]) -> None:
    """When a service ends at once, its log is shown and the others are ended."""
    here = checkout("one")
    (here.folder / "include/airflow_twitter/simulator/__main__.py").write_text(
        "raise SystemExit('broken on purpose')\n"
    )
    status, output = here.run("up")
    assert status == 1
    assert "simulator has ended" in output or "simulator ended at once" in output
    assert "broken on purpose" in output
    assert not (_home(here) / "running.json").exists()


@pytest.mark.scheduler
@pytest.mark.timeout(900)
def test_two_checkouts_side_by_side(checkout: Callable[[str], Checkout]) -> None:
    """Started at the same moment they get ports of their own; one's `down` leaves the other well."""
    both = [checkout("first"), checkout("second one")]
    starts = [one.start("up") for one in both]
    outputs = [start.communicate(timeout=240)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0], outputs
    first, second = (_record(one) for one in both)
    assert first["port"] != second["port"]
    assert first["simulator_url"] != second["simulator_url"]
    assert all(is_alive(mark) for record in (first, second) for mark in _marks(record))
    for output, record in zip(outputs, (first, second), strict=True):
        assert f"http://localhost:{record['port']} " in output
        assert "not X" in output

    assert both[0].run("down") == (0, "Airflow is stopped.\n")
    assert not any(is_alive(mark) for mark in _marks(first))
    assert not _sessions(first)
    assert all(is_alive(mark) for mark in _marks(second))
    health = requests.get(f"http://127.0.0.1:{second['port']}/api/v2/monitor/health", timeout=10).json()
    assert health["scheduler"]["status"] == "healthy"

    status, output = both[1].run("up")
    assert status == 0
    assert _record(both[1]) == second, "a second `up` starts nothing"
    _check_login(output, second["port"])
    _check_secrets(both[1])
    assert both[1].run("down")[0] == 0
    assert not any(is_alive(mark) for mark in _marks(second))


@pytest.mark.scheduler
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_start_leaves_nothing(
    checkout: Callable[[str], Checkout], number: signal.Signals
) -> None:
    """Ctrl-C, and a request to end, while Airflow starts end all of it."""
    here = checkout("one")
    start = here.start("up")
    record = _home(here) / "running.json"
    deadline = time.monotonic() + 60
    while not (record.exists() and "triggerer" in record.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    running = _record(here)
    os.killpg(start.pid, number)
    start.communicate(timeout=60)
    assert start.returncode == 128 + number
    assert not any(is_alive(mark) for mark in _marks(running))
    assert not _sessions(running)
    assert not record.exists()


def _sessions(record: dict[str, Any]) -> list[int]:
    """Return every process that lives in a session of the record, zombies aside."""
    leaders = {mark.pid for mark in _marks(record)}
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) in leaders and fields[0] != "Z":
            found.append(int(pid))
    return found


def _check_login(output: str, port: int) -> None:
    password = re.search(r"user admin, password (\S+)\)", output)
    assert password
    answer = requests.post(
        f"http://127.0.0.1:{port}/auth/token", json={"username": "admin", "password": password[1]}, timeout=10
    )
    assert answer.status_code == 201
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    shown = requests.get(f"http://127.0.0.1:{port}/ui/config", headers=bearer, timeout=10).json()
    assert shown["instance_name"].endswith("SIMULATOR, not X")


def _check_secrets(checkout: Checkout) -> None:
    """Keys are for their owner alone, and no service's log holds one."""
    keys = list((checkout.folder / ".airflow" / "keys").iterdir())
    assert len(keys) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    logs = "".join(
        path.read_text(errors="replace") for path in (_home(checkout) / "logs" / "services").iterdir()
    )
    for path in keys:
        text = path.read_text().strip()
        assert (json.loads(text)["admin"] if path.suffix == ".json" else text) not in logs
