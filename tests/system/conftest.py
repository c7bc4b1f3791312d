"""Whole DAG runs: `dag.test()` against a simulator over real HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_twitter.simulator import Simulator, Topic, World

KEY, SECRET = "app-key", "app-secret-of-tests"

TOPICS = {
    "sevdesk": Topic(total=2),
    "accounting": Topic(total=60),
    "invoice": Topic(total=60),
}


@dataclass(frozen=True)
class Run:
    """A finished DAG run: its state and id, everything that it logged, its tasks' states and XComs.

    `queued` are the runs that it triggered: dag_id, run_id, conf, run_after.
    """

    state: str
    run_id: str
    log: str
    tasks: dict[str, str]
    xcoms: dict[str, dict[str, Any]]
    queued: list[dict[str, Any]]


@pytest.fixture
def start_simulator(connect: Callable[..., None]) -> Iterator[Callable[..., Simulator]]:
    """Start a simulator and point the connection at it; keyword arguments go to the simulator."""
    started: list[Simulator] = []

    def start(**options: Any) -> Simulator:
        simulator = Simulator(
            **{"world": World(seed=7, topics=TOPICS), "credentials": (KEY, SECRET), **options}
        )
        simulator.start()
        started.append(simulator)
        connect(simulator.url, KEY, SECRET)
        return simulator

    yield start
    for simulator in started:
        simulator.stop()


class DagRunner:
    """A process that has Airflow loaded and runs DAGs when it is told to."""

    def __init__(self, log: Path) -> None:
        self._log = log
        reading, writing = os.pipe()
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("dag_runner.py")), str(writing)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                # What a DAG triggers is to run, where somebody runs it.
                env={**os.environ, "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"},
            )
        os.close(writing)
        self._results = os.fdopen(reading)

    def run(self, dag_id: str, conf: dict[str, Any] | None = None) -> Run:
        """Run a DAG to its end with what the environment says now, and return what became of it."""
        begin = self._log.stat().st_size
        env = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("AIRFLOW_CONN_", "TWITTER_"))
        }
        request = json.dumps({"dag_id": dag_id, "conf": conf, "env": env})
        assert self._process.stdin
        self._process.stdin.write(request.encode() + b"\n")
        self._process.stdin.flush()
        result = self._results.readline()
        log = self._log.read_bytes()[begin:].decode()
        assert result, f"the DAG runner died:\n{log[-4000:]}"
        return Run(log=log, **json.loads(result))

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._results.close()


@pytest.fixture(scope="session")
def dag_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagRunner]:
    """The process that runs DAGs, one for all tests."""
    runner = DagRunner(tmp_path_factory.mktemp("dag-runner") / "log.txt")
    yield runner
    runner.stop()


@pytest.fixture
def run_dag(dag_runner: DagRunner, data_folder: Path) -> Callable[..., Run]:
    """Run a DAG of the project to its end, with a conf."""
    return dag_runner.run
