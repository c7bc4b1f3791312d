"""Ask X how many posts a run will find, before it buys them: once a run, however often it starts again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from airflow.sdk import Context

from airflow_twitter.api.client import XClient
from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.api.errors import InvalidRequestError, NetworkError, RateLimitedError, XError
from airflow_twitter.api.prices import round_dollars
from airflow_twitter.collecting.pausing import settles_at
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.collecting.spending import RunSpending
from airflow_twitter.posts.windows import Window
from airflow_twitter.spending.budgets import BudgetReached
from airflow_twitter.spending.estimates import Asked, Counting, Estimate, EstimateTooHigh, estimate
from airflow_twitter.times import rfc3339, utc_text

log = logging.getLogger(__name__)

Pause = Callable[[datetime, str], None]
"""Wait until a moment, for what is named; may end the attempt by a reschedule."""


class Estimating:
    """The estimate of one run.

    `mode` is off, warn (a higher price than is left is told) or enforce (it ends the run). Only enforce waits for
    X's limit of counts, and fails without counts; warn goes on without them.
    """

    def __init__(
        self, context: Context, run: CollectRun, window: Window, spending: RunSpending, mode: str
    ) -> None:
        self.mode = mode
        self._window = window
        self._spending = spending
        self._store = run.store
        self._key = f"{run.staging.folder}/estimate.json"
        self._limit = SharedLimit(context, spending.ledger.conn_id, f"counts_{window.endpoint}")
        self._counting = self._kept()

    @property
    def known(self) -> Estimate | None:
        """The estimate, None while nothing was counted."""
        return self._estimate(self._counting) if self._counting and self._counting.done else None

    def without_counts(self) -> Estimate:
        """Return what can be said without asking X."""
        return self.known or self._estimate(None)

    def make_up(self) -> None:
        """Note what was counted and is not in the ledger."""
        for asked in self._counting.asked if self._counting else ():
            self._note(asked)

    def ask(self, client: XClient, pause: Pause) -> None:
        """Count unless that is done, log the estimate, and with enforce raise EstimateTooHigh when it is."""
        if self.known is None:
            try:
                self._count(client, pause)
            except (XError, BudgetReached) as error:
                if self.mode == "enforce":
                    raise
                log.warning("The search begins without an estimate: %s", error)
                return
        log.info("Estimate: %s.", self.known)
        self._compare(client.server_now())

    def to_json(self) -> dict[str, Any] | None:
        """Return the estimate as JSON values."""
        return None if self.known is None else msgspec.to_builtins(self.known)

    def _compare(self, now: datetime) -> None:
        found = self.known
        if found is None or found.dollars is None:
            return
        for scope, budget, spent in self._spending.left(now):
            if round_dollars(spent + found.dollars) > budget:
                too_high = EstimateTooHigh(self._spending.ledger.conn_id, scope, budget, spent, found)
                if self.mode == "enforce":
                    raise too_high
                log.warning("%s The run will stop before the page that might break it.", too_high)

    def _count(self, client: XClient, pause: Pause) -> None:
        counting = self._counting = self._counting or Counting(endpoint=self._window.endpoint)
        asked = {counting.next_token}
        while not counting.done:
            self._wait(pause)
            try:
                self._count_page(client, counting)
                if not counting.done:
                    refuse_repeated(counting.next_token, asked)
            except RateLimitedError as error:
                resumes_at = self._limit.refused(error, now := datetime.now(UTC))
                if self.mode != "enforce":
                    raise
                pause(resumes_at, self._limit.waits_for(now))
            except InvalidRequestError:
                settled_at = settles_at(self._window, client.server_now())
                if settled_at is None:
                    raise
                log.warning("X's clock is behind ours, and the window has not settled by it.")
                pause(settled_at, "settling")

    def _wait(self, pause: Pause) -> None:
        now = datetime.now(UTC)
        if self._window.settled_at > now:
            pause(self._window.settled_at, "settling")
        room_at = self._limit.room_at(now)
        if room_at > now and self.mode != "enforce":
            raise RateLimitedError(f"X has no room for counts until {rfc3339(room_at)}")
        if room_at > now:
            pause(room_at, self._limit.waits_for(now))

    def _count_page(self, client: XClient, counting: Counting) -> None:
        # X bills every request for counts: one that was lost is not the next one's.
        name = f"counts-{len(counting.asked) + 1}@{utc_text(client.server_now())}"
        endpoint = ENDPOINTS[self._window.endpoint]
        with self._spending.request(client, name, {counting.unit: 1}):
            counts = client.counts(endpoint, self._params(client, counting))
        asked = Asked(self._spending.place(name), utc_text(counts.answer.server_time), counts.total)
        counting.asked.append(asked)
        counting.next_token = counts.next_token
        counting.done = counts.next_token is None
        self._store.put(self._key, msgspec.json.encode(counting) + b"\n")
        self._note(asked)
        self._limit.heard(counts.answer.limit)

    def _note(self, asked: Asked) -> None:
        unit = Counting(endpoint=self._window.endpoint).unit
        self._spending.note(asked.key, asked.key, datetime.fromisoformat(asked.at), {unit: 1})

    def _params(self, client: XClient, counting: Counting) -> dict[str, str]:
        """Return X's parameters: the window, without what a run that this one continues has fetched."""
        window = self._window
        params = {"query": window.query, "granularity": "day", **window.times(client.server_now())}
        if window.start_until_id is not None:
            del params["end_time"]
            params["until_id"] = window.start_until_id
        if counting.next_token is not None:
            params["next_token"] = counting.next_token
        return params

    def _estimate(self, counting: Counting | None) -> Estimate:
        window = self._window
        return estimate(
            counting,
            max_results=window.max_results,
            page_max=window.page_max,
            expand=window.expand,
            prices=self._spending.prices,
        )

    def _kept(self) -> Counting | None:
        try:
            return msgspec.json.decode(self._store.read(self._key), type=Counting)
        except (OSError, ValueError, RecursionError):
            return None


def refuse_repeated(token: str | None, asked: set[str | None]) -> None:
    """Add a token of X's counts to those that were asked for; raises NetworkError for one that comes again.

    Each request for counts is paid for, so a circle must not be followed.
    """
    if token in asked:
        raise NetworkError("X gave pages of counts that lead round in a circle")
    asked.add(token)
