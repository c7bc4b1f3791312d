"""Whom the project talks to, X or a simulator, and what is known of X's rate limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from airflow_twitter.collecting.claims import Claims
from airflow_twitter.collecting.known_limits import KnownLimit, limit_states, read_limits
from airflow_twitter.hooks.twitter import TwitterHook
from airflow_twitter.http_api.connections import Source, source_of
from airflow_twitter.posts.store import Store


@dataclass
class Account:
    """One Connection: whom it talks to, and what is known of its limits."""

    conn_id: str
    source: Source
    limits: list[KnownLimit] = field(default_factory=list)


def read_accounts(session: Session, store: Store, *, with_limits: bool, now: datetime) -> list[Account]:
    """Return the default Connection and every other that has been heard from; limits only for who may read assets."""
    accounts = {TwitterHook.default_conn_name: Account(TwitterHook.default_conn_name, "unknown")}
    for state in limit_states(session):
        account = accounts.setdefault(state.conn_id, Account(state.conn_id, "unknown"))
        if with_limits:
            claims = Claims(store, state.conn_id, state.endpoint).current(now).values()
            keywords = len({claim.keyword for claim in claims if claim.wants(now)})
            account.limits += read_limits(state, now, keywords=keywords)
    for account in accounts.values():
        account.source = source_of(account.conn_id)
    return [accounts[conn_id] for conn_id in sorted(accounts)]
