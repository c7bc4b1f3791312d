"""Search X page by page, each page committed before the next is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context
from airflow.sdk.bases.skipmixin import XCOM_SKIPMIXIN_KEY, XCOM_SKIPMIXIN_SKIPPED
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_twitter.api.errors import PermanentError, TransientError
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.collecting.holding import uses_staging
from airflow_twitter.collecting.paging import PagingError
from airflow_twitter.collecting.pausing import DeadlineReached
from airflow_twitter.collecting.run import CollectRun, log_start
from airflow_twitter.collecting.spending import how_to_go_on
from airflow_twitter.collecting.walk import DryRun, Walk
from airflow_twitter.hooks.twitter import TwitterHook
from airflow_twitter.links.x_search import XSearchLink, x_search_url
from airflow_twitter.posts.partial import BUDGET, DEADLINE, Partial
from airflow_twitter.posts.store import StoreError
from airflow_twitter.posts.windows import WindowError
from airflow_twitter.spending.budgets import BudgetReached


class TwitterSearchOperator(BaseOperator):
    """Search X for a keyword and commit every page to the run's staging folder.

    Position, window and deadline live in staging alone: whatever interrupts the task, it goes on behind the last
    committed page and never asks for a page again. While X has no room for more than 10 seconds it gives its slot
    back and is rescheduled to the moment that X named; so it does for a while when its keyword has had its share of
    X's window and others wait. Pushes to XCom, before every wait and at the end: ``pages``, ``posts``, ``dollars``,
    ``next_token`` (None when the window is complete), ``resumes_at`` and ``waits_for`` (the scope of a limit,
    "refusal", "settling" or "share"), and why the window is partial, as ``reason`` (one word) and ``why`` (a
    sentence). However it ends, what is committed is for ``validate`` and ``merge``. Where it was
    asked for, ``estimate`` says what the window holds; a dry run ends with it: it buys nothing, leaves nothing staged,
    and is skipped.

    :param search: what to search for: fields of :data:`airflow_twitter.collecting.form.FIELDS`, of which
        ``keyword`` must be given. (templated)
    :param twitter_conn_id: the Connection to use. (templated)
    :param complete_task_id: a task right downstream that stands for a complete window: skipped by a dry run.
    """

    template_fields: Sequence[str] = ("search", "twitter_conn_id")
    inherits_from_skipmixin = True  # so that Airflow looks for the tasks that it has skipped
    template_fields_renderers: ClassVar[dict[str, str]] = {"search": "json"}
    operator_extra_links = (XSearchLink(),)
    ui_color = "#d6ecfa"

    def __init__(
        self,
        *,
        search: Mapping[str, Any],
        twitter_conn_id: str = TwitterHook.default_conn_name,
        complete_task_id: str | None = None,
        inlets: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(inlets=[*inlets, RATE_LIMIT], **kwargs)
        self.search = search
        self.twitter_conn_id = twitter_conn_id
        self.complete_task_id = complete_task_id

    @uses_staging
    def execute(self, context: Context) -> None:
        """Commit the pages that are missing; reschedules itself to wait, and fails at once where waiting is vain."""
        run = CollectRun(context)
        with run.staging.alone():
            self._search(context, run)

    def _search(self, context: Context, run: CollectRun) -> None:
        window, decided = run.window(self.search)
        if decided:
            log_start(self.log, window)
        self.search_url = x_search_url(window)
        walk = Walk(context, run, window, self.search, self.twitter_conn_id, self.log)
        try:
            walk.go()
        except DryRun as found:
            walk.end_dry(found)
            if self.complete_task_id is not None:
                skipped = {XCOM_SKIPMIXIN_SKIPPED: [self.complete_task_id]}
                context["ti"].xcom_push(XCOM_SKIPMIXIN_KEY, skipped)
            raise AirflowSkipException("A dry run buys nothing.") from None
        except DeadlineReached as reached:
            walk.end_partial(
                Partial.of(DEADLINE, str(reached)), "Trigger a new run later, or one with a later deadline."
            )
        except BudgetReached as reached:
            walk.end_partial(
                Partial.of(BUDGET, str(reached)), how_to_go_on(reached, walk.go_on(), datetime.now(UTC))
            )
        except (TransientError, StoreError) as error:
            walk.push_failed(error)
            if error is walk.trouble.lasting:
                self.log.error("PIPELINE END: %s", walk.trouble)
                raise AirflowFailException(f"{error} {walk.trouble}") from None
            raise
        except (PermanentError, PagingError, WindowError) as error:
            walk.push_failed(error)
            self.log.error("%s", error)
            self.log.error("PIPELINE END: %s", walk.failed_at or getattr(error, "what", "") or error)
            raise AirflowFailException(str(error)) from None
        walk.push(resumes_at=None)
        self.log.info("%s", walk.spending.so_far(datetime.now(UTC)))
