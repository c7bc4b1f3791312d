"""Search X page by page, each page committed before the next is asked for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from airflow_twitter.api.client import Page, XClient
from airflow_twitter.api.errors import (
    InvalidRequestError,
    PermanentError,
    RateLimitedError,
    TransientError,
)
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.collecting.asking import Asker, header_of
from airflow_twitter.collecting.clearing import refuse_stale
from airflow_twitter.collecting.form import parse
from airflow_twitter.collecting.holding import uses_staging
from airflow_twitter.collecting.paging import (
    PageRequest,
    PagingError,
    is_complete,
    next_page,
    next_token,
)
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.collecting.run import CollectRun, log_start
from airflow_twitter.collecting.share import Share
from airflow_twitter.collecting.spending import RunSpending, how_to_go_on
from airflow_twitter.hooks.twitter import TwitterHook
from airflow_twitter.links.x_search import XSearchLink, x_search_url
from airflow_twitter.posts.partial import BUDGET, DEADLINE, PAGE_MAX, Partial
from airflow_twitter.posts.store import StoreError
from airflow_twitter.posts.windows import Window, WindowError, check_reach, rfc3339
from airflow_twitter.spending.budgets import BudgetReached

SLEEP_MAX_S = 10.0
"""Up to this the task sleeps; beyond it gives its slot back. A shorter reschedule may be lost by Airflow."""


class DeadlineReached(Exception):
    """X has room again only after the run's deadline."""


class TwitterSearchOperator(BaseOperator):
    """Search X for a keyword and commit every page to the run's staging folder.

    Position, window and deadline live in staging alone: whatever interrupts the task, it goes on behind the last
    committed page and never asks for a page again. While X has no room for more than 10 seconds it gives its slot
    back and is rescheduled to the moment that X named; so it does for a while when its keyword has had its share of
    X's window and others wait. Pushes to XCom, before every wait and at the end: ``pages``, ``posts``, ``dollars``,
    ``next_token`` (None when the window is complete), ``resumes_at`` and ``waits_for`` (the scope of a limit,
    "refusal", "settling" or "share"), and why the window is partial, as ``reason`` (one word) and ``why`` (a
    sentence). However it ends, what is committed is for ``validate`` and ``merge``.

    :param search: what to search for: fields of :data:`airflow_twitter.collecting.form.FIELDS`, of which
        ``keyword`` must be given. (templated)
    :param twitter_conn_id: the Connection to use. (templated)
    """

    template_fields: Sequence[str] = ("search", "twitter_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"search": "json"}
    operator_extra_links = (XSearchLink(),)
    ui_color = "#d6ecfa"

    def __init__(
        self,
        *,
        search: Mapping[str, Any],
        twitter_conn_id: str = TwitterHook.default_conn_name,
        inlets: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(inlets=[*inlets, RATE_LIMIT], **kwargs)
        self.search = search
        self.twitter_conn_id = twitter_conn_id

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
        walk = _Walk(self, context, run, window)
        try:
            walk.go()
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
            raise
        except (PermanentError, PagingError, WindowError) as error:
            walk.push_failed(error)
            self.log.error("%s", error)
            self.log.error("PIPELINE END: %s", walk.failed_at or getattr(error, "what", "") or error)
            raise AirflowFailException(str(error)) from None
        walk.push(resumes_at=None)
        self.log.info("%s", walk.spending.so_far(datetime.now(UTC)))


class _Walk:
    """One attempt's way through the pages that are not committed yet."""

    def __init__(
        self, operator: TwitterSearchOperator, context: Context, run: CollectRun, window: Window
    ) -> None:
        self.log = operator.log
        self.hook = TwitterHook(operator.twitter_conn_id, vocabulary=window.vocabulary)
        self.limit = SharedLimit(context, operator.twitter_conn_id, window.endpoint)
        self.context = context
        self.ti = context["ti"]
        self.run = run
        self.window = window
        self.pages = run.staging.pages()
        asked = parse(operator.search)
        self.spending = RunSpending(context, run, operator.twitter_conn_id, window, asked["run_budget"])
        self.share = Share(self.limit, run, window, self.pages)
        self.attempt = str(self.ti.try_number)
        self.begun = sum(page.attempt != self.attempt for page in self.pages)
        self.failed_at = ""
        self.partial: Partial | None = None

    def go(self) -> None:
        """Fetch and commit page by page to the window's end, or to ``page_max``."""
        if next_page(self.window, self.pages, self.begun) is not None:
            refuse_stale(self.context)
        if self.pages:
            self.log.info(
                "Resuming behind page %d: committed pages are not asked for again.", self.pages[-1].number
            )
        else:
            check_reach(self.window, datetime.now(UTC))
        self.spending.make_up(self.pages)
        with self.share, self.hook.get_conn() as client:
            asker = Asker(client, self.window, self.spending)
            while (request := next_page(self.window, self.pages, self.begun)) is not None:
                self._wait_for_room()
                self._fetch(client, asker, request)
        if is_complete(self.window, self.pages):
            self.log.info('No more pages for keyword "%s".', self.window.keyword)
        else:
            self.partial = Partial.of(PAGE_MAX)
            self.log.warning(
                "Stopped after page %s of at most %s: the window is partial. %s",
                len(self.pages),
                self.window.page_max,
                f"To go on, {self.go_on()}.",
            )

    def end_partial(self, partial: Partial, advice: str) -> None:
        """Say why the run ends before its window does, and how to go on; fails when it has not even begun."""
        self.partial = partial
        if not self.pages:
            self.log.error("PIPELINE END: %s", partial.why)
            self.push(resumes_at=None)
            raise AirflowFailException(f"{partial.why} Nothing was bought. {advice}")
        self.log.warning(
            "%s The run ends partial: %d of %s pages, %d posts. %s",
            partial.why,
            len(self.pages),
            self.window.page_max or "all",
            self._posts(),
            advice if partial.reason == BUDGET else f"To go on, {self.go_on()}.",
        )

    def push_failed(self, error: Exception) -> None:
        """Show the position, and the error as the reason why it goes no further."""
        self.partial = Partial.of_error(error)
        self.push(resumes_at=None)

    def push(self, *, resumes_at: datetime | None, waits_for: str | None = None) -> None:
        """Show the position in XCom, which Airflow empties whenever the task starts."""
        self.ti.xcom_push("pages", len(self.pages))
        self.ti.xcom_push("posts", self._posts())
        self.ti.xcom_push("next_token", next_token(self.window, self.pages))
        self.ti.xcom_push("resumes_at", resumes_at and rfc3339(resumes_at))
        self.ti.xcom_push("waits_for", waits_for)
        self.ti.xcom_push("dollars", self.spending.spent())
        self.ti.xcom_push("reason", self.partial and self.partial.reason)
        self.ti.xcom_push("why", self.partial and self.partial.why)

    def _authenticate(self, client: XClient) -> None:
        try:
            client.authenticate()
        except PermanentError:
            self.failed_at = "Failed to generate Bearer Token"
            raise

    def _fetch(self, client: XClient, asker: Asker, request: PageRequest) -> None:
        try:
            self._authenticate(client)
            self.run.staging.check_room(self.window.max_results)
            request, page = asker.ask(request, self.pages)
        except RateLimitedError as error:
            self.log.warning("%s", error)
            self._pause(self.limit.refused(error, now := datetime.now(UTC)), self.limit.waits_for(now))
        except InvalidRequestError:
            settled_in = self.window.settled_at - client.server_now()
            if settled_in <= timedelta(0):
                raise
            self.log.warning("X's clock is behind ours, and the window has not settled by it.")
            self._pause(datetime.now(UTC) + settled_in, "settling")
        else:
            self._commit(request, page)
            self.limit.heard(page.limit)

    def _commit(self, request: PageRequest, page: Page) -> None:
        header = header_of(request, page, self.window, self.attempt)
        key = self.run.staging.commit(header, page.body)
        self.pages.append(header)
        self.spending.bought(header, page.body)
        self.log.info(
            'Page %d fetched for keyword "%s": request successful, %d posts processed, saved to %s.',
            header.number,
            self.window.keyword,
            header.result_count,
            self.run.store.url(key),
        )

    def _wait_for_room(self) -> None:
        now = datetime.now(UTC)
        room_at = self.limit.room_at(now)
        if room_at > max(now, self.window.settled_at):
            self.log.info("%s", self.limit.why(now))
            self._pause(room_at, self.limit.waits_for(now))
        elif self.window.settled_at > now:
            self._pause(self.window.settled_at, "settling")
        now = datetime.now(UTC)
        if (away_until := self.share.turn(now)) is not None:
            self.log.info("This keyword has had its share of X's window: others are waiting for theirs.")
            self._pause(away_until, "share", now)

    def _pause(self, resumes_at: datetime, waits_for: str, now: datetime | None = None) -> None:
        """Wait for X: asleep when it is short, else without a slot. Raises DeadlineReached when it is too long."""
        if resumes_at > self.window.deadline:
            raise DeadlineReached(
                f"Rate limit reached: the next request is allowed at {rfc3339(resumes_at)}, after the deadline "
                f"{rfc3339(self.window.deadline)}."
            )
        wait_s = (resumes_at - (now or datetime.now(UTC))).total_seconds()
        if wait_s > SLEEP_MAX_S:
            self.push(resumes_at=resumes_at, waits_for=waits_for)
            self.log.info(
                "Waiting %.0f s for X, without a slot: going on at %s with page %d.",
                wait_s,
                rfc3339(resumes_at),
                len(self.pages) + 1,
            )
            raise AirflowRescheduleException(resumes_at)  # type: ignore[no-untyped-call]
        self.log.info("Waiting %.1f s for X.", wait_s)
        time.sleep(max(0.0, wait_s))
        self.log.info("Resuming with page %d.", len(self.pages) + 1)

    def _posts(self) -> int:
        return sum(page.result_count for page in self.pages)

    def go_on(self) -> str:
        """Return what to do to go on where this run is."""
        again = f'continue_from_run="{self.run.run_id}"' if self.pages else "the same settings"
        return f"trigger {self.run.dag_id} with {again}"
