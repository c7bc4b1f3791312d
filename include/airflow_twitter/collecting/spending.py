"""What a collecting run spends: its ledger, its budgets, and how a run goes on that reached one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_twitter.api.client import XClient
from airflow_twitter.api.errors import XError
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.posts.staging import PageHeader
from airflow_twitter.settings_files import spending_path
from airflow_twitter.spending.budgets import BudgetReached, Scope, dollars
from airflow_twitter.spending.estimates import EstimateTooHigh
from airflow_twitter.spending.ledger import Ledger, Purchase, Reservation
from airflow_twitter.spending.pages import page_items, page_units
from airflow_twitter.spending.settings import FILE, Settings, read_settings
from airflow_twitter.times import rfc3339

log = logging.getLogger(__name__)


def spending_settings(context: Context | None = None) -> Settings:
    """Return prices and budgets; fails the task when the file has a mistake: then nobody knows what may be spent."""
    path = spending_path(getattr((context or {}).get("dag"), "fileloc", None))
    settings, mistakes = read_settings(path)
    if not path.exists():
        log.warning("There is no %s: X's prices of August 2026 hold, and there are no budgets.", path)
    if mistakes:
        told = "\n".join(map(str, mistakes))
        raise AirflowFailException(
            f"{told}\nNothing is bought while {path} does not say what may be spent. Correct it and clear the task."
        )
    return settings


_WHEN: dict[Scope, str] = {"run": "in this run", "day": "today", "month": "this month"}


class Spender(Protocol):
    """What is to be known of a run that spends: since when it does, and whether it asks for authors as well."""

    @property
    def decided_at(self) -> datetime: ...
    @property
    def clear_number(self) -> int: ...
    @property
    def expand(self) -> bool: ...


class RunSpending:
    """The spending of one run through one connection.

    Before a request the most that it may cost is set aside; what it bought is noted once it is committed. The
    committed pages are the truth: what a crash kept from being noted is made up for at the next start.
    """

    def __init__(
        self, context: Context, run: CollectRun, conn_id: str, window: Spender, run_budget: float | None
    ) -> None:
        settings = spending_settings(context)
        budgets = settings.of(conn_id)
        self.budgets = budgets if run_budget is None else replace(budgets, run=run_budget)
        self.prices = settings.prices
        self.ledger = Ledger(run.store, conn_id, settings.prices)
        self._staging = run.staging
        self._window = window
        self._run = f"{run.dag_id}/{run.run_id}"
        self._held: Reservation | None = None

    def make_up(self, pages: Sequence[PageHeader]) -> None:
        """Note the committed pages that are not in the ledger."""
        for header in pages:
            if not self.ledger.knows(self._key(header), _fetched_at(header)):
                self.bought(header, self._staging.body(header.number))

    @contextmanager
    def page(self, client: XClient, number: int, max_results: int) -> Iterator[None]:
        """Ask for a page inside this; raises BudgetReached before, when it may cost more than is left."""
        with self.request(client, f"page-{number}", page_units(max_results, expand=self._window.expand)):
            yield

    @contextmanager
    def request(self, client: XClient, name: str, units: Mapping[str, int]) -> Iterator[None]:
        """Make a request that is paid for inside this; `name` is the same when it is made again."""
        held = self.ledger.reserve(
            self.place(name),
            run=self._run,
            units=units,
            at=client.server_now(),
            budgets=self.budgets,
            since=self._window.decided_at,
        )
        self._held = held
        before = client.unanswered
        try:
            yield
        except XError:
            # An answer that was lost may have been sold, whatever X said when it was asked again.
            if client.unanswered == before:
                self.ledger.release(held)
            raise
        finally:
            if client.unanswered > before:
                self.ledger.unanswered(held, client.unanswered - before)

    def bought(self, header: PageHeader, body: bytes) -> None:
        """Note a page that is committed."""
        key = self._key(header)
        place = self.place(f"page-{header.number}")
        self.note(key, place, _fetched_at(header), page_items(body, key))

    def note(self, key: str, place: str, at: datetime, items: Mapping[str, Any]) -> None:
        """Note what the request at a place bought."""
        purchase = Purchase(key=key, place=place, run=self._run, at=at, items=items)
        held = self._held if self._held and self._held.place == purchase.place else None
        self.ledger.record(purchase, held)

    def spent(self, now: datetime) -> float:
        """Return the dollars that the run has spent, and may have."""
        return self.ledger.spent("run", at=now, run=self._run, since=self._window.decided_at)

    def so_far(self, now: datetime) -> str:
        """Say what the run, its day and its month have spent, and of how much."""
        sums: dict[Scope, float] = {
            "run": self.spent(now),
            "day": self.ledger.day(now).dollars,
            "month": self.ledger.month(now).dollars,
        }
        budgets = dict(self.budgets.given())
        told = [
            f"{dollars(spent)}{f' of {dollars(budgets[scope])}' if scope in budgets else ''} {_WHEN[scope]}"
            for scope, spent in sums.items()
        ]
        return f"{self.ledger.conn_id} has spent {', '.join(told)} (UTC)."

    def left(self, now: datetime) -> Iterator[tuple[Scope, float, float]]:
        """Yield each budget with its scope, and what is spent of it."""
        for scope, budget in self.budgets.given():
            yield (
                scope,
                budget,
                self.ledger.spent(scope, at=now, run=self._run, since=self._window.decided_at),
            )

    def place(self, name: str) -> str:
        """Return the name of a request of this run among all requests."""
        return f"{self._run}/{self._window.clear_number}/{name}"

    def _key(self, header: PageHeader) -> str:
        # A page that is bought again, after its run's staging was deleted, is another purchase.
        return f"{self.place(f'page-{header.number}')}@{header.fetched_at}"


def how_to_go_on(reached: BudgetReached, go_on: str, now: datetime) -> str:
    """Say with which exact parameters to go on; `go_on` is what to do if there were no budget."""
    if reached.scope == "run":
        if isinstance(reached, EstimateTooHigh):
            return f"To go on, {go_on} and run_budget={reached.needed:g} or more, or estimate=warn to buy what fits."
        if reached.wanted <= reached.budget:
            return f"To go on, {go_on}: the new run has a budget of its own."
        return f"To go on, {go_on} and run_budget={reached.wanted:g} or more, which is what one request may cost."
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = today + timedelta(days=1)
    if reached.scope == "month":
        begins = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
    return (
        f"To go on, {go_on} from {rfc3339(begins)} on, when the next {reached.scope} begins, or at once with a larger "
        f"budget of the {reached.scope} for {reached.conn_id} in {FILE}."
    )


def _fetched_at(header: PageHeader) -> datetime:
    return datetime.fromisoformat(header.fetched_at)
