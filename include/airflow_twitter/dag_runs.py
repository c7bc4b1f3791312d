"""What Airflow knows of other runs, as a task may ask it."""

from __future__ import annotations

from typing import Any

_ACTIVE = ["queued", "running"]


def is_active(ti: Any, dag_id: str, *run_ids: str) -> bool:
    """Tell whether one of the runs is queued or running; `ti` is the task instance that asks Airflow."""
    return bool(ti.get_dr_count(dag_id, run_ids=list(run_ids), states=_ACTIVE))
