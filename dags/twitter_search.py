"""Collect posts by keyword: one DAG per entry of ``keywords.yaml``, and one for any keyword."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import get_parsing_context

from airflow_twitter.dag_factories.search import any_keyword_dag, keyword_dags
from airflow_twitter.dag_ids import ANY_KEYWORD_DAG_ID

globals().update(keyword_dags(Path(__file__).with_name("keywords.yaml")))

if get_parsing_context().dag_id in (None, ANY_KEYWORD_DAG_ID):
    twitter_search = any_keyword_dag()
