"""One attempt's way through the pages of a window: wait for room, ask, commit, until it ends or is told to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_twitter.api.client import Page, XClient
from airflow_twitter.api.errors import InvalidRequestError, PermanentError, RateLimitedError, XError
from airflow_twitter.collecting.asking import Asker, header_of
from airflow_twitter.collecting.clearing import refuse_stale
from airflow_twitter.collecting.continuing import refuse_continued
from airflow_twitter.collecting.estimating import Estimating
from airflow_twitter.collecting.form import parse
from airflow_twitter.collecting.paging import PageRequest, is_complete, next_page, next_token
from airflow_twitter.collecting.pausing import DeadlineReached, Pause, settles_at
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.collecting.share import Share
from airflow_twitter.collecting.spending import RunSpending
from airflow_twitter.collecting.trouble import Trouble
from airflow_twitter.collecting.verifying import Verifying
from airflow_twitter.hooks.twitter import TwitterHook
from airflow_twitter.posts.deciding import check_reach
from airflow_twitter.posts.partial import BUDGET, DRY_RUN, PAGE_MAX, Partial
from airflow_twitter.posts.windows import Window
from airflow_twitter.spending.budgets import BudgetReached
from airflow_twitter.times import rfc3339


class DryRun(Exception):
    """Nothing is to be bought; the message says what would be."""


class Walk:
    """One attempt's way through the pages that are not committed yet."""

    def __init__(
        self,
        context: Context,
        run: CollectRun,
        window: Window,
        search: Mapping[str, Any],
        conn_id: str,
        log: Any,
    ) -> None:
        self.log = log
        self.hook = TwitterHook(conn_id, vocabulary=window.vocabulary)
        self.limit = SharedLimit(context, conn_id, window.endpoint)
        self.context = context
        self.ti = context["ti"]
        self.run = run
        self.window = window
        self.pages = run.staging.pages()
        asked = parse(search)
        self.dry_run: bool = asked["dry_run"]
        self.verify_counts: bool = asked["verify_counts"]
        self.spending = RunSpending(context, run, conn_id, window, asked["run_budget"])
        self.estimating = Estimating(context, run, window, self.spending, asked["estimate"])
        self.share = Share(self.limit, run, window, self.pages)
        self.attempt = str(self.ti.try_number)
        self.begun = sum(page.attempt != self.attempt for page in self.pages)
        self.trouble = Trouble(run, window.max_results)
        self._pause = Pause(window, self.pages, self.trouble, self.push, log)
        self.failed_at = ""
        self.partial: Partial | None = None

    def go(self) -> None:
        """Fetch and commit page by page to the window's end, or to ``page_max``."""
        if next_page(self.window, self.pages, self.begun) is not None:
            refuse_stale(self.context)
            refuse_continued(self.run.staging)
        if self.pages:
            self.log.info(
                "Resuming behind page %d: committed pages are not asked for again.", self.pages[-1].number
            )
        else:
            check_reach(self.window, datetime.now(UTC))
        self.spending.make_up(self.pages)
        with self.share, self.hook.get_conn() as client:
            client.watch = self.trouble
            self._estimate(client)
            asker = Asker(client, self.window, self.spending, self.trouble.size)
            while (request := next_page(self.window, self.pages, self.begun)) is not None:
                self._wait_for_room()
                self._fetch(client, asker, request)
            if self.verify_counts and is_complete(self.window, self.pages):
                self._verify(client)
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

    def _estimate(self, client: XClient) -> None:
        """Ask what the search will find, when that is wanted; raises DryRun when nothing else is."""
        self.estimating.make_up()
        is_new = not self.pages and next_page(self.window, self.pages, self.begun) is not None
        if self.estimating.mode != "off" and is_new:
            self._authenticate(client)
            client.watch = None if self.estimating.mode == "warn" else self.trouble  # it is done without
            self.estimating.ask(client, self._pause)
            client.watch = self.trouble
        if self.dry_run:
            raise DryRun(str(self.estimating.without_counts()))

    def _verify(self, client: XClient) -> None:
        """Have X count the window, so that `merge` can compare; that it cannot be counted takes nothing away."""
        if self.window.since >= self.window.until:
            return
        try:
            verifying = Verifying(self.context, self.run, self.window, self.spending)
            self.log.info("X counts %d posts in this window.", verifying.ask(client, self._pause))
        except (XError, BudgetReached, DeadlineReached) as error:
            self.log.warning("The window is complete, but is not compared with X's counts: %s", error)

    def end_dry(self, found: DryRun) -> None:
        """Say what the run would fetch, and leave nothing of it behind."""
        self.partial = Partial.of(DRY_RUN)
        self.push(resumes_at=None)
        if not self.pages:
            self.run.store.delete_tree(self.run.staging.folder)
        self.log.info(
            "PIPELINE END: dry run, no post was bought. The search from %s to %s for %s would fetch: %s.",
            rfc3339(self.window.since),
            rfc3339(self.window.until),
            self.window.query,
            found,
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
        self.ti.xcom_push("dollars", self.spending.spent(datetime.now(UTC)))
        self.ti.xcom_push("estimate", self.estimating.to_json())
        self.ti.xcom_push("reason", self.partial and self.partial.reason)
        self.ti.xcom_push("why", self.partial and self.partial.why)

    def _authenticate(self, client: XClient) -> None:
        while True:
            try:
                return client.authenticate()
            except RateLimitedError as error:
                self._refused(error)
            except PermanentError:
                self.failed_at = "Failed to generate Bearer Token"
                raise

    def _refused(self, error: RateLimitedError) -> None:
        """Wait until X has room again, as it said or as nobody knows."""
        self.log.warning("%s", error)
        self._pause(self.limit.refused(error, now := datetime.now(UTC)), self.limit.waits_for(now))

    def _fetch(self, client: XClient, asker: Asker, request: PageRequest) -> None:
        try:
            self._authenticate(client)
            self.run.staging.check_room(self.window.max_results)
            request, page = asker.ask(request, self.pages)
        except RateLimitedError as error:
            self._refused(error)
        except InvalidRequestError:
            settled_at = settles_at(self.window, client.server_now())
            if settled_at is None:
                raise
            self.log.warning("X's clock is behind ours, and the window has not settled by it.")
            self._pause(settled_at, "settling")
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

    def _posts(self) -> int:
        return sum(page.result_count for page in self.pages)

    def go_on(self) -> str:
        """Return what to do to go on where this run is."""
        again = f'continue_from_run="{self.run.run_id}"' if self.pages else "the same settings"
        return f"trigger {self.run.dag_id} with {again}"
