"""Airflow's commands that fill a gap, to be typed as they are."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from typing import Any

from airflow_twitter.times import rfc3339


def trigger_command(dag_id: str, conf: dict[str, Any]) -> str:
    """Return the command that triggers a DAG with a conf."""
    return shlex.join(["airflow", "dags", "trigger", dag_id, "--conf", json.dumps(conf, ensure_ascii=False)])


def backfill_command(dag_id: str, ticks: list[datetime], conf: dict[str, Any]) -> str:
    """Return the command that backfills the scheduled intervals which begin at these ticks, without a hole."""
    words = ["airflow", "backfill", "create", "--dag-id", dag_id]
    words += ["--from-date", _date(ticks[0]), "--to-date", _date(ticks[-1])]
    # Else it would pass over intervals that have a run: one that failed, or a green one whose window is not complete.
    words += ["--reprocess-behavior", "completed"]
    if conf:
        words += ["--dag-run-conf", json.dumps(conf)]
    return shlex.join(words)


def _date(tick: datetime) -> str:
    midnight = tick.replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{tick:%Y-%m-%d}" if tick == midnight else rfc3339(tick)
