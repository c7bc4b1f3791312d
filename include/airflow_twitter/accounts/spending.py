"""What a post costs: asked of the account's budgets before it is sent, and noted in the ledger of its connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow_twitter.accounts.post_run import PostRun
from airflow_twitter.collecting.spending import spending_settings
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.text import check_text
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
        self._record = record
        self._client = client
        self._run = f"{run.account.dag_id}/{run.key}"
        self._place = f"{self._run}/post"
        self._reservation: Reservation | None = None

    def reserve(self) -> None:
        """Set the price of the post aside; raises BudgetReached when a budget does not hold it."""
        if self._record.out:
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
        """Note the post that is out; noting it again changes nothing."""
        if record.post_id is None:
            return
        items = {post_unit(record.content.text): [record.post_id]}
        self._note(f"post/{record.post_id}", record.posted_at or self._client.server_now(), items)

    def me(self) -> Any:
        """Ask X who the account is, and note the read."""
        user = self._client.me()
        self._read([f"user/{user.id}"])
        return user

    def timeline(self, user_id: str, *, since: datetime) -> Any:
        """Read the account's timeline, and note the reads: X bills each of its own posts once a day."""
        posts = self._client.timeline(user_id, since=since)
        self._read([post.id for post in posts])
        return posts

    def __getattr__(self, name: str) -> Any:
        """Do everything else as the client does it."""
        return getattr(self._client, name)

    def _read(self, ids: Sequence[str]) -> None:
        if ids:
            at = self._client.server_now()
            self._ledger.record(
                Purchase(
                    key=f"{self._run}/read/{at.isoformat()}",
                    run=self._run,
                    at=at,
                    items={"own_post_read": list(ids)},
                )
            )

    def _note(self, key: str, at: datetime, items: dict[str, list[str]]) -> None:
        purchase = Purchase(key=key, place=self._place, run=self._run, at=at, items=items)
        self._ledger.record(purchase, self._reservation)
