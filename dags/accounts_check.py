"""Show every mistake in ``accounts.yaml`` under Import Errors, while the DAGs of the right accounts stay."""

from __future__ import annotations

from pathlib import Path

from airflow_twitter.accounts.settings import read_accounts
from airflow_twitter.checked_yaml import MistakesError

_, mistakes = read_accounts(Path(__file__).with_name("accounts.yaml"))
if mistakes:
    raise MistakesError(mistakes)
