"""What Airflow knows of other runs, as a task may ask it."""

from __future__ import annotations

from typing import Any

ACTIVE = ["queued", "running"]


def is_active(ti: Any, dag_id: str, run_id: str) -> bool:
    """Tell whether a run is queued or running."""
    return bool(ti.get_dr_count(dag_id, run_ids=[run_id], states=ACTIVE))
