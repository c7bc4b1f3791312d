"""Where Airflow's API server finds the file of the accounts."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk.configuration import conf

FILE = "accounts.yaml"


def accounts_path() -> Path:
    """Return what ``TWITTER_ACCOUNTS`` names, else ``accounts.yaml`` in Airflow's folder of DAGs."""
    named = os.environ.get("TWITTER_ACCOUNTS")
    return Path(named) if named else Path(conf.get("core", "dags_folder")) / FILE
