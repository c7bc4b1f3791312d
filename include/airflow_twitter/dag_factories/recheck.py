"""The DAG that checks stored posts again and takes out those that X no longer shows."""

from __future__ import annotations

from airflow.sdk import DAG, chain

from airflow_twitter.collecting.form import FIELDS as SEARCH_FIELDS
from airflow_twitter.dag_factories.shared import Fields, refuse_unknown_keys, upkeep_dag
from airflow_twitter.dag_ids import RECHECK_DAG_ID
from airflow_twitter.operators.recheck import (
    LOOK_UP_TASK_ID,
    TwitterLookupOperator,
    TwitterRecheckPlanOperator,
)
from airflow_twitter.operators.withdraw import TwitterWithdrawOperator

_WHAT = "What to check"
_THEN = "What becomes of it"

FIELDS: Fields = {
    "keyword": {
        "type": ["null", "string"],
        "default": None,
        "maxLength": 500,
        "title": "Keyword",
        "description": "Check the posts of this keyword. Empty: of every dataset.",
    },
    "again_after_days": {
        "type": "number",
        "minimum": 0,
        "maximum": 36500,
        "default": 7,
        "title": "Not seen for (days)",
        "description": "Posts that a search or a check has seen within so many days are left out.",
        "section": _WHAT,
    },
    "budget": {
        "type": "number",
        "minimum": 0,
        "default": 1.0,
        "title": "Budget (dollars)",
        "description": "What the run may cost at most: X bills each post that is looked up. The posts that were not "
        "seen for longest come first; what is beyond the budget is due in the next run.",
        "section": _WHAT,
    },
    "dry_run": {
        "type": "boolean",
        "default": False,
        "title": "Only tell the price",
        "description": "Say how many posts are due and what the check would cost, and ask X nothing.",
        "section": _WHAT,
    },
    "connection": {
        "type": "string",
        "pattern": r"^[\w.-]{1,200}$",
        "default": "twitter_default",
        "title": "Connection",
        "description": "The Airflow Connection to X to use.",
        "section": _WHAT,
    },
    "vocabulary": SEARCH_FIELDS["vocabulary"] | {"section": _WHAT},
    "action": {
        "type": "string",
        "enum": ["remove", "redact"],
        "default": "remove",
        "title": "Posts that are gone",
        "description": "remove: take their lines out. redact: keep the line with its id and an empty text.",
        "section": _THEN,
    },
    "withheld": {
        "type": "boolean",
        "default": True,
        "title": "Withheld posts as well",
        "description": "Treat posts that are withheld in some country like those that are gone.",
        "section": _THEN,
    },
    "gone_share_max": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.2,
        "title": "Most that may be gone",
        "description": "The share (0.2 is a fifth) of the posts that may be gone. When X calls more of them gone, and "
        "more than 10, nothing is taken out and the run fails: an app that lost its access looks the same.",
        "section": _THEN,
    },
}

_DOC = """
X's terms ask that posts which it no longer shows be removed wherever they are kept. This DAG asks X for the stored
posts by id, 100 a request, and takes out of `posts/`, `includes/` and `tweets_<slug>.json` those that are deleted, whose
author is protected or suspended, or that are withheld.

| task | what it does |
|---|---|
| `price` | chooses the posts that were not seen for longest, within the budget, and prices them; asks X nothing |
| `look_up` | asks X; each answer is kept before the next request. Waits without a slot |
| `withdraw` | takes out what is gone, keeps what was shown as the newest observation, writes `rechecks/<run>.json` |

A failed or cleared task goes on behind the last answer that is kept. Of a post that was removed only its id stays, in
`withdrawn/`, so that pages which were staged before do not bring it back. It has no schedule, since it costs money:
trigger it, or give it one in a copy of this file.
"""


def recheck_dag() -> DAG:
    """Return the DAG."""
    with upkeep_dag(
        RECHECK_DAG_ID,
        description="Check which stored posts X still shows, and take out the others",
        doc=_DOC,
        schedule=None,
        fields=FIELDS,
    ) as dag:
        chain(
            TwitterRecheckPlanOperator(
                task_id="price",
                keyword="{{ '' if params.keyword is none else params.keyword }}",
                again_after_days="{{ params.again_after_days }}",
                budget="{{ params.budget }}",
                pre_execute=refuse_unknown_keys,
            ),
            TwitterLookupOperator(
                task_id=LOOK_UP_TASK_ID,
                twitter_conn_id="{{ params.connection }}",
                vocabulary="{{ params.vocabulary }}",
                budget="{{ params.budget }}",
                tell_only="{{ params.dry_run }}",
            ),
            TwitterWithdrawOperator(
                task_id="withdraw",
                action="{{ params.action }}",
                withheld="{{ params.withheld }}",
                gone_share_max="{{ params.gone_share_max }}",
            ),
        )
    return dag
