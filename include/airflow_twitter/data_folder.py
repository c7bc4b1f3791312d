"""Where the data lie."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk.configuration import conf

from airflow_twitter.posts.store import Store


def data_store() -> Store:
    """Return the store below ``TWITTER_DATA``, by default ``data/`` beside the DAGs folder."""
    return Store(os.environ.get("TWITTER_DATA") or Path(conf.get("core", "dags_folder")).parent / "data")
