"""Run DAGs of the project one after the other in one process that has Airflow loaded: JSON lines in, JSON lines out.

A process of its own, because Airflow's loggers hold on to the standard output that they first saw, and because a
test may kill it. Asks for `{"dag_id", "conf", "env"}` on standard input; what Airflow logs goes to standard output;
the results go to the file descriptor named on the command line.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import select


def xcoms(run_id: str) -> dict[str, dict[str, Any]]:
    """All XComs of a run, by task and key."""
    found: dict[str, dict[str, Any]] = {}
    with create_session() as session:
        for row in session.scalars(select(XComModel).where(XComModel.run_id == run_id)):
            found.setdefault(row.task_id, {})[row.key] = XComModel.deserialize_value(row)
    return found


def take_queued() -> list[dict[str, Any]]:
    """The runs that were triggered and that nobody will start here, oldest first; they are gone afterwards."""
    with create_session() as session:
        runs = session.scalars(
            select(DagRun).where(DagRun.state == DagRunState.QUEUED).order_by(DagRun.run_after)
        )
        taken = []
        for run in runs.all():
            taken.append(
                {
                    "dag_id": run.dag_id,
                    "run_id": run.run_id,
                    "conf": run.conf,
                    "run_after": run.run_after.isoformat(),
                }
            )
            session.delete(run)
        return taken


def main(results: int) -> None:
    """Answer requests until standard input ends."""
    initdb()
    with os.fdopen(results, "w") as out:
        for line in sys.stdin:
            request = json.loads(line)
            os.environ.update(request["env"])
            # A run leaves its params in the DAG object; a scheduler's tasks parse the file afresh, and so do we.
            bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
            run = bag.dags[request["dag_id"]].test(logical_date=None, run_conf=request["conf"])
            sys.stdout.flush()
            tasks = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
            result = {
                "state": str(run.state),
                "run_id": run.run_id,
                "tasks": tasks,
                "xcoms": xcoms(run.run_id),
                "queued": take_queued(),
            }
            print(json.dumps(result), file=out, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
