"""What a post costs: asked of the account's budgets before it is sent, and noted in the ledger of its connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow_twitter.accounts.post_run import PostRun
from airflow_twitter.api.errors import TransientError, XError
from airflow_twitter.collecting.spending import spending_settings
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.text import check_text
from airflow_twitter.spending.budgets import Budgets
from airflow_twitter.spending.ledger import Ledger, Purchase, Reservation


def post_unit(text: str) -> str:
    """Return the kind of unit that X bills a post as: a link makes it another one."""
    return "post_with_url_created" if check_text(text, has_media=True).links else "post_created"


class PostSpending:
    """The spending of one post. What may have been sold without an answer stays set aside, as X may bill it."""

    def __init__(self, run: PostRun, record: Record, client: Any) -> None:
        settings = spending_settings(run.context)
        self._ledger = Ledger(run.store, run.account.connection, settings.prices)
        self._budgets = settings.of(run.account.connection)
        self._records = run.records
        self._record = record
        self._client = client
        self._run = f"{run.account.dag_id}/{run.key}"
        self._place = f"{self._run}/post"
        self._reservation: Reservation | None = None

    def reserve(self) -> None:
        """Set the price of the post aside; raises BudgetReached when a budget does not hold it.

        A post that is out, or was sent and may be, is only looked for.
        """
        if self._record.out or self._record.in_doubt:
            return
        self._reservation = self._ledger.reserve(
            self._place,
            run=self._run,
            units={post_unit(self._record.content.text): 1},
            at=self._client.server_now(),
            budgets=self._budgets,
            since=self._record.created_at,
        )

    def give_back(self) -> None:
        """Say that X certainly did not create the post in this try."""
        if self._reservation is not None:
            self._ledger.release(self._reservation)

    def bought(self, record: Record) -> None:
        """Note the post that is out; noting it again changes nothing. One that a person posted costs nothing here."""
        if record.post_id is None or not record.intent.sends:
            return
        items = {post_unit(record.content.text): [record.post_id]}
        self._note(f"post/{record.post_id}", record.posted_at or self._client.server_now(), items)

    def me(self) -> Any:
        """Ask X who the account is, and note the read."""
        user = self._client.me()
        self._read("user_read", [user.id])
        return user

    def timeline(self, user_id: str, *, since: datetime) -> Any:
        """Read the account's timeline, and note the reads: X bills each of its own posts once a day."""
        posts = self._client.timeline(user_id, since=since)
        self._read("own_post_read", [post.id for post in posts])
        return posts

    def __getattr__(self, name: str) -> Any:
        """Do everything else as the client does it."""
        return getattr(self._client, name)

    def delete_post(self, post_id: str) -> bool:
        """Delete a post, and note the request; False when there was none any more.

        No budget keeps a post on X that is to be taken back. What X may have done without an answer is noted when
        the next request finds nothing left to delete.
        """
        at, place = self._client.server_now(), f"{self._run}/delete"
        reservation = self._ledger.reserve(
            place,
            run=self._run,
            units={"post_deleted": 1},
            at=at,
            budgets=Budgets(),
            since=self._record.created_at,
        )
        asked_before = self._record.deletion_asked_at is not None
        try:
            deleted = bool(self._client.delete_post(post_id))
        except TransientError as error:
            if error.sent:
                self._mark_asked(at)
            else:
                self._ledger.release(reservation)
            raise
        except XError:
            self._ledger.release(reservation)
            raise
        if deleted or asked_before:
            bought = Purchase(
                key=f"delete/{post_id}", place=place, run=self._run, at=at, items={"post_deleted": [post_id]}
            )
            self._ledger.record(bought, reservation)
        else:
            self._ledger.release(reservation)
        return deleted or asked_before

    def _mark_asked(self, at: datetime) -> None:
        with self._records.change(self._record.account, self._record.key) as record:
            record.deletion_asked_at = at

    def _read(self, kind: str, ids: Sequence[str]) -> None:
        if ids:
            at = self._client.server_now()
            self._ledger.record(
                Purchase(
                    key=f"{self._run}/read/{at.isoformat()}",
                    run=self._run,
                    at=at,
                    items={kind: list(ids)},
                )
            )

    def _note(self, key: str, at: datetime, items: dict[str, list[str]]) -> None:
        purchase = Purchase(key=key, place=self._place, run=self._run, at=at, items=items)
        self._ledger.record(purchase, self._reservation)
