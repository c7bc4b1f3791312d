"""The ids of all DAGs. They are in runs, in links and in what other programs call: they do not change."""

from __future__ import annotations

ANY_KEYWORD_DAG_ID = "twitter_search"

PUBLISH_DAG_ID = "twitter_publish"
POST_DAG_PREFIX = "twitter_post__"
LIST_DAG_ID = "twitter_publish_list"
DECIDE_DAG_ID = "twitter_decide"
UNPUBLISH_DAG_ID = "twitter_unpublish"
RELEASE_DAG_ID = "twitter_release"

FILL_GAPS_DAG_ID = "twitter_fill_gaps"
MAINTENANCE_DAG_ID = "twitter_maintenance"
RECHECK_DAG_ID = "twitter_recheck"
SPENDING_DAG_ID = "twitter_spending"


def keyword_dag_id(slug: str) -> str:
    """Return the DAG id of a keyword's own DAG."""
    return f"{ANY_KEYWORD_DAG_ID}__{slug}"


def post_dag_id(account: str) -> str:
    """Return the DAG id of an account's queue."""
    return f"{POST_DAG_PREFIX}{account}"
