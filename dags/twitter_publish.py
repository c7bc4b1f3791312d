"""Publish posts: one DAG that prepares them, and a queue for each account of ``accounts.yaml``."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG  # noqa: F401  Airflow looks for DAGs only in files that speak of them

from airflow_twitter.dag_factories.publish import publishing_dags

globals().update(publishing_dags(Path(__file__).with_name("accounts.yaml")))
