"""What every task of a collecting run shares: where its files lie, and the window that it covers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_twitter.api.errors import QueryError
from airflow_twitter.collecting.continuing import take_over
from airflow_twitter.collecting.form import FormError, parse
from airflow_twitter.collecting.paging import carried_token, has_all, is_complete, next_token, oldest_id
from airflow_twitter.collecting.request import search_request
from airflow_twitter.data_folder import data_store
from airflow_twitter.posts import coverage
from airflow_twitter.posts.deciding import RunTimes, decide, decide_continuation, same_span
from airflow_twitter.posts.holding import used
from airflow_twitter.posts.staging import WINDOW, PageHeader, Staging
from airflow_twitter.posts.windows import SearchRequest, Window, WindowError
from airflow_twitter.times import rfc3339

log = logging.getLogger(__name__)

SEARCH_TASK_ID = "search"
VALIDATE_TASK_ID = "validate"
COMPLETE_TASK_ID = "window_complete"


class CollectRun:
    """One DAG run: its staging folder, its window, and what Airflow says of it.

    ``window.json`` is decided by the first attempt that asks for it and only read afterwards, so that a retry,
    a wait or a cleared task goes on with the same query over the same span.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.dag_id: str = context["ti"].dag_id
        self.run_id: str = context["ti"].run_id
        self.store = data_store()
        self.staging = Staging(self.store, self.dag_id, self.run_id)

    def kept_window(self) -> Window:
        """Return the window that an earlier task decided; fails the task when there is none."""
        kept = self.staging.read(WINDOW, Window)
        if kept is None:
            raise AirflowFailException(
                f"{self.staging.folder} holds no window: nothing was searched in this run, or its staged pages "
                "were cleaned away. Clear the run from its first task on."
            )
        return kept

    def window(self, search: Mapping[str, Any]) -> tuple[Window, bool]:
        """Return the run's window and whether this call decided it.

        Fails the task, without a retry, when what was asked for cannot be collected, or when the run was merged
        before and its pages are gone: buying them again must be asked for with ``refetch``.
        """
        try:
            return self._window(search)
        except (FormError, QueryError, WindowError, coverage.CoverageError) as error:
            log.error("PIPELINE END: %s", error)
            raise AirflowFailException(str(error)) from None

    def _window(self, search: Mapping[str, Any]) -> tuple[Window, bool]:
        times = self._times()
        asked = parse(search)
        before = self.staging.read(WINDOW, Window)
        if before is not None and not (asked["refetch"] and before.clear_number < times.clear_number):
            self._refuse_cleaned(before.slug, before.fingerprint, before.clear_number)
            return self._with_deadline(before, search, times.clear_number), False
        now = datetime.now(UTC)
        request = search_request(search, now)
        if before is None and not asked["refetch"]:
            self._refuse_cleaned(request.slug, request.fingerprint, clear_number=0)
        window = self._decide(request, times, asked["continue_from_run"], now)
        earlier = before or coverage.find_run(
            self.store, request.slug, request.fingerprint, self.dag_id, self.run_id
        )
        if earlier is not None:
            window = same_span(window, earlier.since, earlier.until, now)
            log.info("Fetching again: what was staged is thrown away.")
            self.staging.discard_pages()
        self.staging.write(WINDOW, window)
        return window, True

    def _decide(
        self, request: SearchRequest, times: RunTimes, continue_from_run: str | None, now: datetime
    ) -> Window:
        if continue_from_run is None:
            windows = coverage.windows(self.store, request.slug, request.fingerprint)
            return decide(request, times, covered_until=coverage.contiguous_end(windows), now=now)
        with used(self.store, Staging(self.store, self.dag_id, continue_from_run).folder):
            return self._continue(request, times, continue_from_run, now)

    def _with_deadline(self, window: Window, search: Mapping[str, Any], clear_number: int) -> Window:
        """Return the window with a deadline that counts from when the run was last cleared."""
        if clear_number <= window.deadline_clear_number or has_all(window, self.staging.pages()):
            return window
        deadline = search_request(search, datetime.now(UTC)).deadline
        window = msgspec.structs.replace(window, deadline=deadline, deadline_clear_number=clear_number)
        self.staging.write(WINDOW, window)
        return window

    def _continue(
        self, request: SearchRequest, times: RunTimes, continue_from_run: str, now: datetime
    ) -> Window:
        other = Staging(self.store, self.dag_id, continue_from_run)
        window = other.read(WINDOW, Window)
        if window is None:
            raise WindowError(
                f"There is no staged run {continue_from_run!r} of {self.dag_id} to continue: its id is wrong, or "
                "its pages were cleaned away."
            )
        take_over(self.context["ti"], self.store, continue_from_run)
        pages = other.pages()
        token = self._token_of(continue_from_run, window, pages)
        return decide_continuation(
            request,
            times,
            inherited=window,
            complete=token is None and is_complete(window, pages),
            token=carried_token(window, pages, token),
            oldest_id=oldest_id(window, pages),
            run_id=continue_from_run,
            now=now,
        )

    def _token_of(self, run_id: str, window: Window, pages: list[PageHeader]) -> str | None:
        """Return the token that another run's search pushed; its committed pages tell it when XCom was emptied."""

        def pull(key: str) -> Any:
            return self.context["ti"].xcom_pull(task_ids=SEARCH_TASK_ID, key=key, run_id=run_id)

        if pull("pages") is None:
            return next_token(window, pages)
        token: str | None = pull("next_token")
        return token

    def _refuse_cleaned(self, slug: str, fingerprint: str, clear_number: int) -> None:
        """Refuse to buy silently what this run has bought and merged before."""
        if self.staging.pages():
            return
        merged = coverage.find_run(self.store, slug, fingerprint, self.dag_id, self.run_id)
        if merged is not None and merged.pages > 0 and merged.clear_number >= clear_number:
            raise WindowError(
                f"This run bought {merged.pages} pages and merged them at {merged.recorded_at}, but they are no "
                f"longer in {self.staging.folder}: they were cleaned away. The posts are in the dataset. To buy the "
                "pages again, run with refetch=true."
            )

    def _times(self) -> RunTimes:
        """Read the run's interval, which only a schedule or a backfill means.

        A manual run may have none, or one that the trigger form made of the moment it was opened.
        """
        run = self.context["dag_run"]
        interval = None
        if run.run_type in ("scheduled", "backfill") and run.data_interval_start and run.data_interval_end:
            interval = (run.data_interval_start, run.data_interval_end)
        return RunTimes(interval=interval, clear_number=run.clear_number or 0)


def log_start(logger: Any, window: Window) -> None:
    """Log what the run is about and which time it covers."""
    logger.info(
        'PIPELINE START: keyword="%s", page_max=%s, max_results=%s',
        window.keyword,
        window.page_max,
        window.max_results,
    )
    logger.info(
        "Window (%s): %s to %s, query %s, endpoint %s, deadline %s.",
        window.source,
        rfc3339(window.since),
        rfc3339(window.until),
        window.query,
        window.endpoint,
        rfc3339(window.deadline),
    )
