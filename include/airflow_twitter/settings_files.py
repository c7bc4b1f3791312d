"""Where the files of settings lie that stand beside the DAGs."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk.configuration import conf

from airflow_twitter.spending.settings import FILE


def settings_file(name: str, *, variable: str | None = None, dag_file: str | None = None) -> Path:
    """Return where a file lies: where an environment variable says, beside a DAG's file, or in the folder of DAGs.

    A worker has the DAG's file, whatever bundle it comes from.
    """
    named = os.environ.get(variable) if variable else None
    if named:
        return Path(named)
    beside = Path(dag_file).with_name(name) if dag_file else None
    if beside is not None and beside.is_absolute() and beside.exists():
        return beside
    return Path(conf.get("core", "dags_folder")) / name


def keywords_path(dag_file: str | None = None) -> Path:
    """Return where ``keywords.yaml`` lies."""
    return settings_file("keywords.yaml", dag_file=dag_file)


def accounts_path() -> Path:
    """Return where ``accounts.yaml`` lies for Airflow's API server, which may have no DAG files."""
    return settings_file("accounts.yaml", variable="TWITTER_ACCOUNTS")


def spending_path(dag_file: str | None = None) -> Path:
    """Return where ``spending.yaml`` lies."""
    return settings_file(FILE, variable="TWITTER_SPENDING", dag_file=dag_file)
