"""Take posts that X no longer shows out of the dataset, without asking X for anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_twitter.api.lookup import read_fates
from airflow_twitter.collecting.holding import uses_staging
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.operators.recheck import LOOK_UP_TASK_ID, kept_plan
from airflow_twitter.operators.rendered import is_true
from airflow_twitter.posts.recheck import Plan, RecheckReport, compare, fates
from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.posts.staging import REPORT, WINDOW
from airflow_twitter.posts.taking_out import apply, count
from airflow_twitter.posts.withdrawn import Withdrawal
from airflow_twitter.times import utc_text

FEW = 10
"""Of so few posts all may be gone without anything being wrong."""


class TwitterWithdrawOperator(BaseOperator):
    """Take posts that X no longer shows out of the dataset, and keep what it showed as the newest observation.

    Writes the report rechecks/<run>.json and returns it without its lists of ids. Running it again changes nothing.

    :param action: ``remove`` the posts, or ``redact`` them: the id stays, with an empty text. (templated)
    :param withheld: treat posts that are withheld in some country like those that are gone. (templated)
    :param gone_share_max: when X calls more of the posts gone than this share (and more than a few), nothing is taken
        out, and the task fails: somebody has to look first. (templated)
    :param lock_timeout_s: how long to wait, in seconds, for another run that writes the same dataset.
    """

    template_fields: Sequence[str] = ("action", "withheld", "gone_share_max")
    ui_color = "#fbe8cf"

    def __init__(
        self,
        *,
        action: str = "remove",
        withheld: bool | str = True,
        gone_share_max: float | str = 0.2,
        lock_timeout_s: float = 600.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.action = action
        self.withheld = withheld
        self.gone_share_max = gone_share_max
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
        withheld = is_true(self.withheld)
        gone = fates(run.staging, read_fates, withheld=withheld)
        report = run.staging.read(REPORT, RecheckReport)
        if report is None:
            report = self._compare(context, run, plan, gone)
            self._refuse_too_many(report)
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

    def _refuse_too_many(self, report: RecheckReport) -> None:
        gone = {reason: len(ids) for reason, ids in report.gone.items()}
        share = sum(gone.values()) / max(1, report.checked)
        if sum(gone.values()) <= FEW or share <= float(self.gone_share_max):
            return
        raise AirflowFailException(
            f"X calls {sum(gone.values())} of {report.checked} posts gone ({share:.0%}; {gone}), more than "
            f"gone_share_max={float(self.gone_share_max):g}. Nothing was taken out: an app that lost its access, or "
            "trouble at X, looks the same. Look at some of them on X. If they are gone, trigger the DAG with a larger "
            "gone_share_max; within the same UTC day X does not bill the same posts again."
        )


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
