"""What the demos share: a simulator and a real Airflow in a place of their own, gone when the demo is over."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests

from local_airflow import ports, running, services
from local_airflow.errors import LocalError
from local_airflow.place import DEMO, make_folders, password
from local_airflow.rest import Airflow
from local_airflow.settings import PORT, SIMULATOR_PORT, environment, on_top_of_shell, simulated

EMPTY_DATABASE = "empty.db"
DAG_TIMEOUT_S = 60.0


class DemoError(LocalError):
    """The demo cannot run, or what came of it is not what the simulator holds."""


def _nothing() -> Mapping[str, str]:
    return {}


@contextmanager
def on_stage(
    simulator_options: Sequence[str], prepare: Callable[[], Mapping[str, str]] = _nothing
) -> Iterator[running.Running]:
    """Start a simulator with these options, and Airflow; leave nothing running. `prepare` returns more settings."""
    with running.only_one(DEMO):
        _clear()
        try:
            yield _start(simulator_options, prepare)
        finally:
            print("Stopping Airflow and the simulator")
            running.stop_recorded(DEMO, grace_s=1.0)


def _clear() -> None:
    """End and remove what an earlier demo left, but for an empty database to start from."""
    running.stop_recorded(DEMO)
    shutil.rmtree(DEMO.data, ignore_errors=True)
    for path in DEMO.home.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (running.LOCK, services.STAMP, EMPTY_DATABASE):
            path.unlink()
    if (DEMO.home / EMPTY_DATABASE).exists():
        shutil.copy(DEMO.home / EMPTY_DATABASE, DEMO.database)


def _start(simulator_options: Sequence[str], prepare: Callable[[], Mapping[str, str]]) -> running.Running:
    make_folders(DEMO)
    claims = [ports.claim(PORT), ports.claim(SIMULATOR_PORT)]
    now = running.Running(claims[0].port, simulator_url=f"http://127.0.0.1:{claims[1].port}")
    env = on_top_of_shell(
        {**environment(DEMO, now.port), **simulated(DEMO, str(now.simulator_url)), **prepare()}
    )
    services.prepare(DEMO, env)
    shutil.copy(DEMO.database, DEMO.home / EMPTY_DATABASE)
    print(f"Starting the X simulator and Airflow at {now.url} (user admin, password {password(DEMO)})")
    services.start_simulator(DEMO, now, env, ["--port", str(claims[1].port), *simulator_options])
    services.start_airflow(DEMO, now, env)
    return now


def logged_in(now: running.Running) -> Airflow:
    """Return the REST API of the demo's Airflow."""
    airflow = Airflow(now.port, password(DEMO))
    airflow.log_in()
    return airflow


def wait_for_dag(airflow: Airflow, dag_id: str) -> Any:
    """Return a DAG as soon as Airflow knows it."""
    deadline = time.monotonic() + DAG_TIMEOUT_S
    while time.monotonic() < deadline:
        if dag := airflow.get(f"dags/{dag_id}"):
            return dag
        time.sleep(0.5)
    errors = (airflow.get("importErrors") or {}).get("import_errors", [])
    reasons = "\n".join(str(error["stack_trace"]) for error in errors) or "No import errors either."
    raise DemoError(f"Airflow shows no DAG {dag_id} after {DAG_TIMEOUT_S:.0f} s.\n{reasons}")


def ask_simulator(now: running.Running, what: str, **params: str) -> Any:
    """Return what the simulator says of itself."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{now.simulator_url}/_simulator/{what}", params=params, timeout=30)
    answer.raise_for_status()
    return answer.json()
