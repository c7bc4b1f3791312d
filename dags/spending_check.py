"""Show every mistake in ``spending.yaml`` under Import Errors, while all DAGs stay; what would buy stops at it."""

from __future__ import annotations

from pathlib import Path

from airflow_twitter.checked_yaml import MistakesError
from airflow_twitter.spending.settings import FILE, read_settings

_, mistakes = read_settings(Path(__file__).with_name(FILE))
if mistakes:
    raise MistakesError(mistakes)
