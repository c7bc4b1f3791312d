"""What the factories have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Context, CronDataIntervalTimetable, Param, get_parsing_context
from airflow.sdk.exceptions import AirflowFailException

Fields = Mapping[str, Mapping[str, Any]]
"""JSON schemas of a form's fields by name, each with title, description, section and default."""

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "airflow-twitter",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=15),
}


def upkeep_dag(dag_id: str, *, description: str, doc: str, schedule: str | None, fields: Fields) -> DAG:
    """Return a DAG without tasks that looks after what there is, of which one run at a time is at work."""
    return DAG(
        dag_id,
        description=description,
        doc_md=doc,
        schedule=schedule and CronDataIntervalTimetable(schedule, timezone="UTC"),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args=DEFAULT_ARGS,
        params={name: Param(**schema) for name, schema in fields.items()},
        tags=["twitter", "upkeep"],
    )


def wanted(factories: Mapping[str, Callable[[], DAG]]) -> dict[str, DAG]:
    """Return the DAGs by id; while a task parses the file for its own DAG, only that one is made."""
    dag_id = get_parsing_context().dag_id
    return {name: make() for name, make in factories.items() if dag_id in (None, name)}


def refuse_unknown_keys(context: Context) -> None:
    """Fail a run whose conf holds a key that its form does not have: Airflow itself would take it silently."""
    conf = context["dag_run"].conf or {}
    known = context["dag"].params
    if unknown := sorted(set(conf) - set(known)):
        raise AirflowFailException(
            f"Unknown keys in the run's conf: {', '.join(unknown)}. Known are: {', '.join(known)}. Nothing was bought."
        )
