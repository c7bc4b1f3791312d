"""Run tasks in processes that may be killed: orders as JSON lines in, outcomes as JSON lines out.

Airflow and the project are loaded once; every task runs in a fork, as a scheduler's tasks do. An order holds `data`
(the folder), `env`, `steps` (each a task with its arguments), `xcoms`, `sabotage`, and `die_at` or `record`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.airflow_in_memory import Airflow
from tests.fire.kill_points import Moments
from tests.fire.sabotage import SABOTAGES

LONGEST_S = 60


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Run the steps and return the XComs, the error if there was one, and the moments if they were asked for."""
    os.environ.update(order["env"])
    SABOTAGES.get(order["sabotage"], lambda: None)()
    airflow = Airflow()
    for run_id, task_id, values in order["xcoms"]:
        airflow.xcoms[run_id, task_id] = values
    moments = Moments(Path(order["data"]), die_at=order.get("die_at"), record=order.get("record", False))
    if order.get("record") or order.get("die_at") is not None:
        moments.watch()
    error = None
    try:
        for name, arguments in order["steps"]:
            getattr(airflow, name)(**arguments)
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    moments.end()
    xcoms = [[*key, values] for key, values in airflow.xcoms.items()]
    return {"xcoms": xcoms, "error": error, "moments": moments.recorded}


def main(out: int) -> None:
    """Carry out orders until standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.alarm(LONGEST_S)  # one that hangs dies of it, which is told
            result = json.dumps(run(order)).encode()
            with os.fdopen(writing, "wb") as file:
                file.write(result)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            result = file.read()
        _, status = os.waitpid(pid, 0)
        outcome = json.loads(result) if result else {}
        outcome["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        os.write(out, json.dumps(outcome).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
