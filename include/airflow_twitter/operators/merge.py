"""Unite a run's good posts with the dataset of its keyword, without asking X for anything."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import AssetAlias, BaseOperator, Context
from airflow.sdk.bases.skipmixin import XCOM_SKIPMIXIN_KEY, XCOM_SKIPMIXIN_SKIPPED
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_twitter.assets import posts_asset
from airflow_twitter.collecting.holding import uses_staging
from airflow_twitter.collecting.run import VALIDATE_TASK_ID, CollectRun
from airflow_twitter.operators.rendered import is_true
from airflow_twitter.posts import coverage, dataset
from airflow_twitter.posts.coverage import CoveredWindow
from airflow_twitter.posts.export import export
from airflow_twitter.posts.partial import is_trouble
from airflow_twitter.posts.run_validation import Report
from airflow_twitter.posts.staging import REPORT
from airflow_twitter.posts.verification import Verified, read_counted, verify
from airflow_twitter.posts.windows import Window
from airflow_twitter.times import rfc3339


class TwitterMergeOperator(BaseOperator):
    """Merge the validated posts of this run into ``posts/<slug>/``, record the coverage, and write the export.

    A union by id in which the newest observation wins: running it again changes nothing, and several runs at once
    lose nothing. Adds counts to the asset events of its outlets. Without posts it records the coverage and is
    skipped, so that nothing downstream runs on no news. Returns the counts of the merge.

    :param export: also write ``tweets_<slug>.json``, which costs what the whole dataset holds. (templated)
    :param lock_timeout_s: how long to wait, in seconds, for another run that writes the same dataset.
    :param validate_task_id: the task whose report says what to merge.
    :param complete_task_id: a task right downstream that is to be skipped when the window is partial.
    """

    template_fields: Sequence[str] = ("export",)
    inherits_from_skipmixin = True  # so that Airflow looks for the tasks that it has skipped
    ui_color = "#fbe8cf"

    def __init__(
        self,
        *,
        export: bool | str = True,
        lock_timeout_s: float = 600.0,
        validate_task_id: str = VALIDATE_TASK_ID,
        complete_task_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.export = export
        self.lock_timeout_s = lock_timeout_s
        self.validate_task_id = validate_task_id
        self.complete_task_id = complete_task_id

    @uses_staging
    def execute(self, context: Context) -> dict[str, Any]:
        """Merge, record, export, tell; skipped when the run has no posts."""
        run = CollectRun(context)
        window = run.kept_window()
        report = run.staging.read(REPORT, Report)
        told = context["ti"].xcom_pull(task_ids=self.validate_task_id)
        if report is None or told is None:
            raise AirflowFailException(f"Nothing has been validated yet: clear {self.validate_task_id}.")
        counts = self._merge(run, window.slug, report)
        complete = told["next_token"] is None
        verified = self._verify(context, run, window.slug) if complete else None
        self._record(run, window, report, told, verified)
        if not complete:
            self._warn_partial(run, window, report, told)
        if not report.posts:
            self.log.info("PIPELINE END: total_tweets=0")
            self._mark_partial(context, told)
            raise AirflowSkipException("X found no posts in this window: nothing to merge.")
        if is_true(self.export):
            export(run.store, window.slug, lock_timeout_s=self.lock_timeout_s)
        self._tell(context, window, counts, told)
        self.log.info("PIPELINE END: total_tweets=%d", report.posts)
        self._mark_partial(context, told)
        return counts

    def _merge(self, run: CollectRun, slug: str, report: Report) -> dict[str, Any]:
        counts: dict[str, Any] = {}
        if report.posts:
            with run.staging.validated() as lines:
                result = dataset.merge(run.store, slug, lines, lock_timeout_s=self.lock_timeout_s)
            counts = asdict(result)
        for kind, name in (("users", "users"), ("media", "media"), ("included_posts", "posts")):
            if getattr(report, kind):
                with run.staging.validated(kind) as lines:
                    dataset.merge_includes(run.store, slug, name, lines, lock_timeout_s=self.lock_timeout_s)
        return counts

    def _verify(self, context: Context, run: CollectRun, slug: str) -> Verified | None:
        """Compare what is stored with what X counted, if it was asked; told in log and XCom."""
        counted = read_counted(run.staging)
        if counted is None:
            return None
        verified = verify(run.store, slug, counted)
        self.log.log(logging.INFO if verified.agrees else logging.WARNING, "%s", verified)
        told = {"counted": verified.counted, "stored": verified.stored, "missing": verified.missing}
        context["ti"].xcom_push("verified", {**told, "agrees": verified.agrees})
        return verified

    def _record(
        self,
        run: CollectRun,
        window: Window,
        report: Report,
        told: Mapping[str, Any],
        verified: Verified | None,
    ) -> None:
        since = window.since
        if report.last_fetched_at:
            since = min(window.until, window.covered_since(datetime.fromisoformat(report.last_fetched_at)))
        coverage.record(
            run.store,
            window.slug,
            window.query,
            window.endpoint,
            CoveredWindow(
                since=since,
                until=window.until,
                state="complete" if told["next_token"] is None else "partial",
                next_token=told["next_token"],
                reason=told.get("reason"),
                why=told.get("why"),
                posts=report.posts,
                counted=verified.counted if verified else None,
                stored=verified.stored if verified else None,
                pages=report.pages,
                dag_id=run.dag_id,
                run_id=run.run_id,
                continues=window.continues,
                clear_number=window.clear_number,
                recorded_at=datetime.now(UTC),
            ),
            lock_timeout_s=self.lock_timeout_s,
        )

    def _warn_partial(self, run: CollectRun, window: Window, report: Report, told: Mapping[str, Any]) -> None:
        self.log.warning(
            "The window %s to %s is partial: %d of %s pages, %d posts (%s). %s To go on, trigger %s with "
            'continue_from_run="%s".',
            rfc3339(window.since),
            rfc3339(window.until),
            report.pages,
            window.page_max or "all",
            report.posts,
            told.get("reason"),
            told.get("why"),
            run.dag_id,
            run.run_id,
        )

    def _mark_partial(self, context: Context, told: Mapping[str, Any]) -> None:
        """Have the task that stands for a complete window skipped; after trouble Airflow marks it as failed itself.

        The last thing to be done: a merge that fails must leave that task failed, or its run would be green.
        """
        partial = told["next_token"] is not None and not is_trouble(told.get("reason"))
        if partial and self.complete_task_id is not None:
            skipped = {XCOM_SKIPMIXIN_SKIPPED: [self.complete_task_id]}
            context["ti"].xcom_push(XCOM_SKIPMIXIN_KEY, skipped)

    def _tell(
        self, context: Context, window: Window, counts: dict[str, Any], told: Mapping[str, Any]
    ) -> None:
        extra = {
            "slug": window.slug,
            "since": rfc3339(window.since),
            "until": rfc3339(window.until),
            "complete": told["next_token"] is None,
            "reason": told.get("reason"),
            **{name: counts[name] for name in ("new", "updated", "unchanged")},
        }
        for outlet in self.outlets:
            events = context["outlet_events"][outlet]
            if isinstance(outlet, AssetAlias):
                events.add(posts_asset(window.slug), extra=extra)
            else:
                events.extra = extra
