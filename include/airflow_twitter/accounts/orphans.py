"""Posts that nobody will send any more, since their runs were ended by hand, or are gone."""

from __future__ import annotations

from typing import Any

from airflow_twitter.accounts.settings import Account
from airflow_twitter.dag_ids import DECIDE_DAG_ID, PUBLISH_DAG_ID
from airflow_twitter.dag_runs import is_active
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState


def close_orphans(records: Records, ti: Any, account: Account, content: Content, *, but: str) -> None:
    """Close all posts with this content that have no run any more, `but` one: they keep others back for nothing.

    A post in doubt is none of them: it may be on X. `ti` is the task instance that asks Airflow.
    """
    dags = (PUBLISH_DAG_ID, account.dag_id, DECIDE_DAG_ID)
    for post in records.same_content(account.account, content):
        if post.key == but or post.out or post.in_doubt or post.state.over:
            continue
        runs = [post.key, f"{post.key}__{post.intent.sends}"]
        if not any(is_active(ti, dag_id, *runs) for dag_id in dags):
            records.note(account.account, post.key, PostState.FAILED, "Its run was ended before it was sent.")
