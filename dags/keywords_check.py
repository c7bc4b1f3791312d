"""Show every mistake in ``keywords.yaml`` under Import Errors, while the DAGs of the right entries stay."""

from __future__ import annotations

from pathlib import Path

from airflow_twitter.checked_yaml import MistakesError
from airflow_twitter.collecting.keywords import read_keywords

_, mistakes = read_keywords(Path(__file__).with_name("keywords.yaml"))
if mistakes:
    raise MistakesError(mistakes)
