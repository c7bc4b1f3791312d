"""Keep a run's staged pages from being cleaned away while one of its tasks is at work."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from airflow.sdk import Context

from airflow_twitter.data_folder import data_store
from airflow_twitter.posts.holding import used
from airflow_twitter.posts.staging import Staging

Result = TypeVar("Result")


def uses_staging(execute: Callable[[Any, Context], Result]) -> Callable[[Any, Context], Result]:
    """Hold the staging folder of the context's run while a task's method works on it."""

    @wraps(execute)
    def held(self: Any, context: Context) -> Result:
        ti = context["ti"]
        store = data_store()
        with used(store, Staging(store, ti.dag_id, ti.run_id).folder):
            return execute(self, context)

    return held
