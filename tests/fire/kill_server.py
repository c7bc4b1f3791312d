"""Run tasks in processes that may be killed: lists of orders as JSON lines in, outcomes as JSON lines out.

Airflow and the project are loaded once; every task runs in a fork, as a scheduler's tasks do. An order holds `data`
(the folder), `env`, `dag_id`, `steps` (each a task with its arguments), `xcoms`, `sabotage`, and `die_at`, or
`record` and `look`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests import airflow_in_memory
from tests.fire.kill_points import Moments
from tests.fire.kill_tasks import do
from tests.fire.sabotage import SABOTAGES

LONGEST_S = 60


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Run the steps and return the XComs, the error if there was one, and the moments if they were asked for."""
    os.environ.update(order["env"])
    SABOTAGES.get(order["sabotage"], lambda: None)()
    airflow_in_memory.DAG_ID = order["dag_id"]
    airflow = airflow_in_memory.Airflow()
    for run_id, task_id, values in order["xcoms"]:
        airflow.xcoms[run_id, task_id] = values
    moments = Moments(
        Path(order["data"]),
        die_at=order.get("die_at"),
        record=order.get("record", False),
        look=order.get("look", False),
    )
    if order.get("record") or order.get("die_at") is not None:
        moments.watch()
    error = None
    try:
        for name, arguments in order["steps"]:
            do(airflow, name, arguments)
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    moments.end()
    xcoms = [[*key, values] for key, values in airflow.xcoms.items()]
    return {"xcoms": xcoms, "error": error, "moments": moments.recorded}


def start(order: dict[str, Any]) -> tuple[int, int]:
    """Fork a process that carries out an order; return its pid and where it will tell its result."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(LONGEST_S)  # one that hangs dies of it, which is told
        result = json.dumps(run(order)).encode()
        with os.fdopen(writing, "wb") as file:
            file.write(result)
        os._exit(0)
    os.close(writing)
    return pid, reading


def finish(pid: int, reading: int) -> dict[str, Any]:
    """Wait for a process and return what it told, and the signal that it died of."""
    with os.fdopen(reading, "rb") as file:
        result = file.read()
    _, status = os.waitpid(pid, 0)
    outcome: dict[str, Any] = json.loads(result) if result else {"error": None}
    return outcome | {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None}


def main(out: int) -> None:
    """Carry out lists of orders, those of one list at the same time, until standard input ends."""
    for line in sys.stdin:
        started = [start(order) for order in json.loads(line)]
        outcomes = [finish(*one) for one in started]
        os.write(out, json.dumps(outcomes).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
