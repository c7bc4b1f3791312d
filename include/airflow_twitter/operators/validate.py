"""Turn committed pages into good posts and quarantine, without asking X for anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_twitter.collecting.holding import uses_staging
from airflow_twitter.collecting.paging import next_token
from airflow_twitter.collecting.run import SEARCH_TASK_ID, CollectRun
from airflow_twitter.posts.partial import INTERRUPTED, Partial
from airflow_twitter.posts.run_validation import validate_run


class TwitterValidateOperator(BaseOperator):
    """Validate the committed pages of this run post by post.

    A bad post goes to quarantine with its page and reason, and takes no good one with it. Returns a dict of counts
    (``posts``, ``bad``, ``pages`` …) with ``next_token``, which is None when the window is complete, else with
    ``reason`` and ``why`` it is not. Made to run however the search ended: what was bought before it failed is
    validated all the same, and without any page it is skipped.

    :param bad_share_max: fail when more than this share (0 to 1) of the posts is bad; all stays staged. (templated)
    :param search_task_id: the task whose ``next_token`` says whether the window is complete.
    """

    template_fields: Sequence[str] = ("bad_share_max",)
    ui_color = "#def2d9"

    def __init__(
        self, *, bad_share_max: float | str = 0.1, search_task_id: str = SEARCH_TASK_ID, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.bad_share_max = bad_share_max
        self.search_task_id = search_task_id

    @uses_staging
    def execute(self, context: Context) -> dict[str, Any]:
        """Write the good posts to staging and the rest to quarantine; fails when too many are bad."""
        run = CollectRun(context)
        pages = self._told(context, "pages")
        staged = run.staging.pages()
        if not staged and (pages is None or self._told(context, "reason")):
            raise AirflowSkipException(f"{self.search_task_id} bought nothing: there is nothing to validate.")
        window = run.kept_window()
        report = validate_run(run.staging, slug=window.slug, dag_id=run.dag_id, run_id=run.run_id)
        if pages not in (None, report.pages):
            raise AirflowFailException(
                f"{self.search_task_id} told of {pages} pages, {report.pages} are staged in {run.staging.folder}. Clear "
                f"{self.search_task_id}: what is staged is not bought again."
            )
        self.log.info(
            "%d posts of %d pages are good, %d were refused, X reported %d partial errors.",
            report.posts,
            report.pages,
            report.bad,
            report.errors,
        )
        if report.quarantine:
            self.log.warning("What was refused, with reasons: %s", run.store.url(report.quarantine))
        if report.bad_share > float(self.bad_share_max):
            self.log.error("PIPELINE END: %.0f %% of the posts are bad.", 100 * report.bad_share)
            raise AirflowFailException(
                f"{report.bad} of {report.posts + report.bad} posts are bad, more than bad_share_max="
                f"{self.bad_share_max}. See {report.quarantine} for the reasons; the pages stay staged, and a cleared "
                "run validates them again for nothing."
            )
        # The committed pages tell it for a search that was killed before it could.
        token = next_token(window, staged) if pages is None else self._told(context, "next_token")
        partial = None if token is None else self._why_partial(context)
        return {
            "pages": report.pages,
            "posts": report.posts,
            "bad": report.bad,
            "errors": report.errors,
            "quarantine": report.quarantine,
            "last_fetched_at": report.last_fetched_at,
            "next_token": token,
            "reason": partial and partial.reason,
            "why": partial and partial.why,
        }

    def _why_partial(self, context: Context) -> Partial:
        return Partial.of(self._told(context, "reason") or INTERRUPTED, self._told(context, "why"))

    def _told(self, context: Context, key: str) -> Any:
        """Return what the search pushed."""
        return context["ti"].xcom_pull(task_ids=self.search_task_id, key=key)
