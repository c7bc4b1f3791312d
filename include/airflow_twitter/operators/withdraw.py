"""Take posts that X no longer shows out of the dataset, without asking X for anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from airflow.sdk import BaseOperator, Context

from airflow_twitter.api.lookup import read_fates
from airflow_twitter.collecting.holding import uses_staging
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.operators.recheck import LOOK_UP_TASK_ID, kept_plan
from airflow_twitter.posts.recheck import Plan, RecheckReport, compare, fates
from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.posts.staging import REPORT, WINDOW
from airflow_twitter.posts.taking_out import apply, count
from airflow_twitter.posts.withdrawn import Withdrawal
from airflow_twitter.times import utc_text


class TwitterWithdrawOperator(BaseOperator):
    """Take posts that X no longer shows out of the dataset, and keep what it showed as the newest observation.

    Writes the report rechecks/<run>.json and returns it without its lists of ids. Running it again changes nothing.

    :param action: ``remove`` the posts, or ``redact`` them: the id stays, with an empty text. (templated)
    :param withheld: treat posts that are withheld in some country like those that are gone. (templated)
    :param lock_timeout_s: how long to wait, in seconds, for another run that writes the same dataset.
    """

    template_fields: Sequence[str] = ("action", "withheld")
    ui_color = "#fbe8cf"

    def __init__(
        self,
        *,
        action: str = "remove",
        withheld: bool | str = True,
        lock_timeout_s: float = 600.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.action = action
        self.withheld = withheld
        self.lock_timeout_s = lock_timeout_s

    @uses_staging
    def execute(self, context: Context) -> dict[str, Any]:
        """Compare, merge, take out, report; then the run's staged answers are thrown away."""
        run = CollectRun(context)
        key = f"rechecks/{safe_segment(run.run_id)}.json"
        if run.staging.read(WINDOW, Plan) is None and run.store.exists(key):
            self.log.info("This run was applied before: see %s.", run.store.url(key))
            return _counts(msgspec.json.decode(run.store.read(key), type=RecheckReport))
        plan = kept_plan(run)
        withheld = str(self.withheld).lower() == "true"
        gone = fates(run.staging, read_fates, withheld=withheld)
        report = run.staging.read(REPORT, RecheckReport)
        if report is None:
            report = self._compare(context, run, plan, gone)
            run.staging.write(REPORT, report)
        apply(run.store, plan, run.staging, gone, report, lock_timeout_s=self.lock_timeout_s)
        run.store.put(key, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
        run.store.delete_tree(run.staging.folder)
        counts = _counts(report)
        self.log.info("Checked %d posts: %s. Report: %s.", report.checked, counts, run.store.url(key))
        return counts

    def _compare(
        self, context: Context, run: CollectRun, plan: Plan, gone: Mapping[str, Withdrawal]
    ) -> RecheckReport:
        told = context["ti"].xcom_pull(task_ids=LOOK_UP_TASK_ID) or {}
        report = RecheckReport(
            run_id=run.run_id,
            action=self.action,
            stopped=told.get("stopped"),
            at=utc_text(datetime.now(UTC)),
        )
        compare(run.store, plan, run.staging, gone, report)
        count(run.store, plan, gone, report)
        report.left = plan.due - report.checked
        return report


def _counts(report: RecheckReport) -> dict[str, Any]:
    return {
        "checked": report.checked,
        "gone": {reason: len(ids) for reason, ids in report.gone.items()},
        "changed": len(report.changed),
        "unanswered": len(report.unanswered),
        "left": report.left,
        "removed": report.removed,
        "media_removed": report.media_removed,
        "stopped": report.stopped,
    }
