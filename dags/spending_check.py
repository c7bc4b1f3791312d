"""Show every mistake in ``spending.yaml`` under Import Errors, where it is seen before a run buys anything."""

from __future__ import annotations

from pathlib import Path

from airflow_twitter.checked_yaml import MistakesError
from airflow_twitter.spending.settings import FILE, read_settings

_, mistakes = read_settings(Path(__file__).with_name(FILE))
if mistakes:
    raise MistakesError(mistakes)
