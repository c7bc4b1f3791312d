"""The DAG that fills gaps by itself, within a budget."""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

from airflow_twitter.dag_factories.shared import Fields, refuse_unknown_keys, upkeep_dag
from airflow_twitter.dag_ids import FILL_GAPS_DAG_ID
from airflow_twitter.operators.gaps import TwitterPlanFillsOperator

_COST = "What it may cost"
_WHICH = "Which gaps"

FIELDS: Fields = {
    "budget": {
        "type": "number",
        "minimum": 0,
        "default": 1.0,
        "title": "Budget (dollars)",
        "description": "What all runs that are started may cost together. It is shared out between the gaps; a run "
        "that uses up its share stops partial, and the next one goes on with it.",
        "section": _COST,
    },
    "runs_max": {
        "type": "integer",
        "minimum": 0,
        "maximum": 100,
        "default": 5,
        "title": "Runs at most",
        "description": "How many gaps to fill at once.",
        "section": _COST,
    },
    "dry_run": {
        "type": "boolean",
        "default": False,
        "title": "Only tell",
        "description": "Log which runs would be started, and start none.",
        "section": _COST,
    },
    "min_age_hours": {
        "type": "number",
        "minimum": 0,
        "maximum": 8760,
        "default": 2,
        "title": "Age (hours)",
        "description": "Leave out gaps that have ended within so many hours: their own run may be under way.",
        "section": _WHICH,
    },
    "full_archive": {
        "type": "boolean",
        "default": False,
        "title": "Full archive",
        "description": "Fill what recent search no longer reaches as well, from the endpoint all. For accounts with "
        "access to it.",
        "section": _WHICH,
    },
}

_DOC = """
Looks, once a day, for windows of the keywords in `keywords.yaml` that are missing or partial, and starts runs of their
DAGs that fill them. It buys nothing itself, and does not wait for the runs.

| task | what it does |
|---|---|
| `plan` | finds the gaps and shares the budget out; those that recent search will reach no longer come first |
| `fill` | starts one run for each: with `start_time` and `end_time`, or with `continue_from_run` |

A gap that a run is filling already is left alone, and so is one whose DAG is paused. After five tries a gap is left to
people. `make gaps` lists the same gaps with commands to fill them by hand.
"""


def fill_gaps_dag() -> DAG:
    """Return the DAG."""
    with upkeep_dag(
        FILL_GAPS_DAG_ID,
        description="Fill windows that are missing or partial, within a budget",
        doc=_DOC,
        schedule="@daily",
        fields=FIELDS,
    ) as dag:
        plan = TwitterPlanFillsOperator(
            task_id="plan",
            budget="{{ params.budget }}",
            runs_max="{{ params.runs_max }}",
            min_age_hours="{{ params.min_age_hours }}",
            full_archive="{{ params.full_archive }}",
            tell_only="{{ params.dry_run }}",
            pre_execute=refuse_unknown_keys,
        )
        TriggerDagRunOperator.partial(task_id="fill", skip_when_already_exists=True).expand_kwargs(
            plan.output
        )
    return dag
