"""The tasks that can be killed, by name: those of a collecting run, and those of the upkeep."""

from __future__ import annotations

from typing import Any

from tests.airflow_in_memory import Airflow

from airflow_twitter.operators.maintenance import TwitterMaintenanceOperator
from airflow_twitter.operators.recheck import TwitterLookupOperator, TwitterRecheckPlanOperator
from airflow_twitter.operators.withdraw import TwitterWithdrawOperator


def price(airflow: Airflow, **run: Any) -> None:
    """Plan a check of all stored posts."""
    TwitterRecheckPlanOperator(task_id="price", again_after_days=0).execute(airflow.context("price", **run))


def look_up(airflow: Airflow, **run: Any) -> None:
    """Ask X for the posts of the plan."""
    context = airflow.context("look_up", **run)
    told = TwitterLookupOperator(task_id="look_up").execute(context)
    context["ti"].xcom_push("return_value", told)


def withdraw(airflow: Airflow, **run: Any) -> None:
    """Take out what is gone."""
    TwitterWithdrawOperator(task_id="withdraw", gone_share_max=1).execute(airflow.context("withdraw", **run))


def maintain(airflow: Airflow, **run: Any) -> None:
    """Throw away what was merged, and the quarantine, however young they are."""
    context = airflow.context("clean", **run)
    context["ti"].get_dr_count = lambda *_, **__: 0
    TwitterMaintenanceOperator(task_id="clean", staging_days=0, quarantine_days=0).execute(context)


UPKEEP = {"price": price, "look_up": look_up, "withdraw": withdraw, "maintain": maintain}


def do(airflow: Airflow, name: str, arguments: dict[str, Any]) -> None:
    """Do a task, which raises what it raises."""
    if name in UPKEEP:
        UPKEEP[name](airflow, **arguments)
    else:
        getattr(airflow, name)(**arguments)
