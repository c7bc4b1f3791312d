"""The DAG that shows what was bought, and compares it with X's own count."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_twitter.dag_factories.shared import Fields, refuse_unknown_keys, upkeep_dag
from airflow_twitter.dag_ids import SPENDING_DAG_ID
from airflow_twitter.operators.spending import TwitterSpendingOperator

_SECTION = "What to compare"

FIELDS: Fields = {
    "days": {
        "type": "integer",
        "minimum": 1,
        "maximum": 90,
        "default": 7,
        "title": "Days",
        "description": "How many UTC days to show and to compare, today included.",
        "section": _SECTION,
    },
    "tolerance": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.02,
        "title": "Tolerance (share)",
        "description": "By which share X's count of a day may differ before the run fails. Ten posts are never too "
        "many.",
        "section": _SECTION,
    },
}

_DOC = """
Shows what every connection bought, by UTC day and this month, from `ledger/` in the data folder, and compares the
posts with the count that X keeps of each project (`/2/usage/tweets`, which costs nothing to ask).

The run fails when they differ on a day that is over, by more than the tolerance; its log then says by how much and why
that usually is. Requests of which no answer came may have been sold: they are told apart. Prices and budgets stand in
`dags/spending.yaml`.
"""


def spending_dag() -> DAG:
    """Return the DAG."""
    with upkeep_dag(
        SPENDING_DAG_ID,
        description="What was bought from X, beside X's own count",
        doc=_DOC,
        schedule="0 6 * * *",
        fields=FIELDS,
    ) as dag:
        TwitterSpendingOperator(
            task_id="reconcile",
            days="{{ params.days }}",
            tolerance="{{ params.tolerance }}",
            pre_execute=refuse_unknown_keys,
        )
    return dag
