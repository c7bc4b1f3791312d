"""The DAG that throws away what need not be kept any longer."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_twitter.dag_factories.shared import Fields, refuse_unknown_keys, upkeep_dag
from airflow_twitter.dag_ids import MAINTENANCE_DAG_ID
from airflow_twitter.operators.maintenance import TwitterMaintenanceOperator

_SECTION = "How long things are kept"
_DAYS = {"type": "number", "minimum": 0, "maximum": 36500, "section": _SECTION}

FIELDS: Fields = {
    "staging_days": _DAYS
    | {
        "default": 30,
        "title": "Staged pages (days)",
        "description": "How long the pages of a run are kept after it was merged. While they are there it can be "
        "validated and merged again for nothing.",
    },
    "partial_days": _DAYS
    | {
        "default": 90,
        "title": "Partial runs (days)",
        "description": "How long the pages of a partial run are kept, so that it can be continued.",
    },
    "quarantine_days": _DAYS
    | {
        "default": 30,
        "title": "Quarantine (days)",
        "description": "How long refused posts, and damaged files that were set aside, are kept.",
    },
    "media_days": _DAYS
    | {
        "default": 30,
        "title": "Videos (days)",
        "description": "How long a video is kept after it came, once the posts that need it are over.",
    },
    "dry_run": {
        "type": "boolean",
        "default": False,
        "title": "Only tell",
        "description": "Say what would be removed, and remove nothing.",
        "section": _SECTION,
    },
}

_DOC = """
Removes, once a day, from the data folder:

| what | when |
|---|---|
| `staging/<dag>/<run>/` of a run that was merged | `staging_days` after that |
| the same of a partial run that can still be continued | `partial_days` after that |
| `quarantine/…`, and files named `….damaged-…` | `quarantine_days` after they were written, or found damaged |
| `media/…` | `media_days` after it came, unless a post on its way needs it |
| temporary files that killed processes left | after a day |

Never the pages of a run that is active, or whose posts are not merged. A run that is cleared after its pages were
removed says so, and buys nothing.
"""


def maintenance_dag() -> DAG:
    """Return the DAG."""
    with upkeep_dag(
        MAINTENANCE_DAG_ID,
        description="Throw away staged pages and quarantine that need not be kept any longer",
        doc=_DOC,
        schedule="@daily",
        fields=FIELDS,
    ) as dag:
        TwitterMaintenanceOperator(
            task_id="clean",
            staging_days="{{ params.staging_days }}",
            partial_days="{{ params.partial_days }}",
            quarantine_days="{{ params.quarantine_days }}",
            media_days="{{ params.media_days }}",
            tell_only="{{ params.dry_run }}",
            pre_execute=refuse_unknown_keys,
        )
    return dag
