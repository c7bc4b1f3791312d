"""Show what was bought, and compare it with what X says it sold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from airflow_twitter.api.client import Usage
from airflow_twitter.api.errors import PermanentError
from airflow_twitter.collecting.spending import spending_settings
from airflow_twitter.data_folder import data_store
from airflow_twitter.hooks.twitter import TwitterHook
from airflow_twitter.spending.budgets import dollars
from airflow_twitter.spending.entries import Summary
from airflow_twitter.spending.ledger import Ledger, connections
from airflow_twitter.spending.reconciling import Comparison, compare, compare_days, reasons, unanswered

Days = dict[date, Summary]


class TwitterSpendingOperator(BaseOperator):
    """Log what each connection bought by day, and compare the posts with X's own count of each project.

    Asking X for its count costs nothing. Fails when X counts otherwise, by more than the tolerance, on a day that
    is over; all is shown before. Returns the figures by connection, and the comparisons by project.

    :param days: how many days to show and compare, today included (1 to 90). (templated)
    :param tolerance: the share, 0 to 1, by which X's figure for a day may differ. (templated)
    """

    template_fields: Sequence[str] = ("days", "tolerance")
    ui_color = "#efe9c9"

    def __init__(self, *, days: int | str = 7, tolerance: float | str = 0.02, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.days = days
        self.tolerance = tolerance

    def execute(self, context: Context) -> dict[str, Any]:
        """Show, compare, and fail where the figures differ."""
        store = data_store()
        settings = spending_settings(context)
        today = datetime.now(UTC).date()
        noted: dict[str, Days] = {}
        spent: dict[str, Any] = {}
        for conn_id in connections(store):
            ledger = Ledger(store, conn_id, settings.prices)
            noted[conn_id] = self._days(ledger, today)
            month = ledger.month(today)
            spent[conn_id] = {
                "days": {str(day): _figures(summary) for day, summary in noted[conn_id].items()},
                "month": _figures(month),
            }
            budget = settings.of(conn_id)
            self.log.info(
                "%s: %s%s today, %s%s this month.",
                conn_id,
                dollars(noted[conn_id].get(today, Summary()).dollars),
                _of(budget.day),
                dollars(month.dollars),
                _of(budget.month),
            )
        if not noted:
            self.log.info("Nothing was bought yet.")
        projects, differing = self._projects(noted, today)
        result = {"connections": spent, "projects": projects}
        if differing:
            context["ti"].xcom_push("return_value", result)
            raise AirflowFailException("\n".join(differing))
        return result

    def _days(self, ledger: Ledger, today: date) -> Days:
        first = today - timedelta(days=int(self.days) - 1)
        days = {day: ledger.day(day) for day in reversed(ledger.days()) if first <= day <= today}
        for day, summary in days.items():
            self.log.info(
                "%s, %s: %d posts, %d users, %d requests, %s%s.",
                ledger.conn_id,
                day,
                summary.posts,
                summary.users,
                summary.requests,
                dollars(summary.dollars),
                _uncertain(summary),
            )
        return days

    def _projects(self, noted: dict[str, Days], today: date) -> tuple[dict[str, Any], list[str]]:
        """Compare by project, which connections may share; return the comparisons and what is to be told."""
        usages: dict[str, Usage] = {}
        members: dict[str, list[str]] = defaultdict(list)
        told: list[str] = []
        for conn_id in noted:
            try:
                with TwitterHook(conn_id).get_conn() as client:
                    usage = client.usage(days=int(self.days))
            except AirflowNotFoundException:
                self.log.warning(
                    "There is no connection %s any more: X cannot be asked what it sold it.", conn_id
                )
                continue
            except PermanentError as error:
                told.append(f"X does not say what it sold {conn_id}: {error}")
                self.log.error("%s", told[-1])
                continue
            project = usage.project_id or conn_id
            usages[project] = usage
            members[project].append(conn_id)
        compared = {
            project: self._compare([noted[conn_id] for conn_id in members[project]], usage, today)
            for project, usage in usages.items()
        }
        for project, comparisons in compared.items():
            told += self._judge(project, members[project], comparisons)
        projects = {
            project: {"connections": members[project], "compared": [asdict(each) for each in comparisons]}
            for project, comparisons in compared.items()
        }
        return projects, told

    def _compare(self, noted: list[Days], usage: Usage, today: date) -> list[Comparison]:
        if usage.daily:
            asked_since = today - timedelta(days=int(self.days) - 1)
            return compare_days(noted, usage.daily, since=asked_since, today=today)
        first = _reset_before(today, usage.cap_reset_day)
        known = min((day for days in noted for day in days), default=today)
        if usage.project_usage is None or first is None or known > first:
            return []
        since = [summary for days in noted for day, summary in days.items() if day >= first]
        return [compare(f"since {first}", since, usage.project_usage, judged=False)]

    def _judge(self, project: str, conn_ids: list[str], comparisons: list[Comparison]) -> list[str]:
        where = f"Project {project} ({', '.join(conn_ids)})"
        for each in comparisons:
            self.log.info("%s, %s", where, each)
        wrong = [each for each in comparisons if each.differs(float(self.tolerance))]
        if not comparisons:
            self.log.warning("%s: X gives no figure by day to compare with.", where)
        elif not wrong:
            self.log.info("%s: X and the ledger agree, within %.0f %%.", where, 100 * float(self.tolerance))
        return [f"{where}, {each}" for each in wrong] + reasons(wrong)


def _figures(summary: Summary) -> dict[str, Any]:
    return {
        "posts": summary.posts,
        "users": summary.users,
        "requests": summary.requests,
        "dollars": summary.dollars,
        "reserved": summary.reserved,
        "unanswered": summary.unanswered,
        "units": dict(summary.units),
    }


def _of(budget: float | None) -> str:
    return "" if budget is None else f" of {dollars(budget)}"


def _uncertain(summary: Summary) -> str:
    """Say what is not known for sure, when there is something."""
    if not summary.unanswered and not summary.reserved:
        return ""
    return f"; {unanswered(summary.unanswered)}, up to {dollars(summary.reserved)} more may have been billed"


def _reset_before(today: date, reset_day: int | None) -> date | None:
    """Return the last day on which X began to count anew."""
    if reset_day is None or not 1 <= reset_day <= 28:
        return None
    month = today if today.day >= reset_day else today.replace(day=1) - timedelta(days=1)
    return month.replace(day=reset_day)
