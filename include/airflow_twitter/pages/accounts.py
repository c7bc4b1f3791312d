"""Whom the project talks to, X or a simulator, and what is known of X's rate limits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.connection import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_twitter.api.limits import WINDOW
from airflow_twitter.api.transport import is_loopback
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.collecting.claims import Claims
from airflow_twitter.collecting.rate_limit import Known
from airflow_twitter.hooks.twitter import DEFAULT_BASE_URL, TwitterHook, base_url
from airflow_twitter.posts.store import Store

Source = Literal["X", "simulator", "other", "missing", "unknown"]


@dataclass(frozen=True)
class KnownLimit:
    """What was last heard of one endpoint's window. Times are on our clock.

    `refused` says that X last turned a request away; then `resets_at` is when to ask again. Numbers that X did
    not tell are None. `scope` is "window", or names a limit of 24 hours; `keywords` want a share of the window.
    """

    endpoint: str
    limit: int | None
    remaining: int | None
    resets_at: datetime | None
    heard_at: datetime
    refused: bool = False
    scope: str = WINDOW
    keywords: int = 0


@dataclass
class Account:
    """One Connection: whom it talks to, and what is known of its limits."""

    conn_id: str
    source: Source
    limits: list[KnownLimit] = field(default_factory=list)


def read_accounts(session: Session, store: Store, *, with_limits: bool, now: datetime) -> list[Account]:
    """Return the default Connection and every other that has been heard from; limits only for who may read assets."""
    accounts = {TwitterHook.default_conn_name: Account(TwitterHook.default_conn_name, "unknown")}
    for key, value, updated_at in _states(session):
        conn_id, _, endpoint = key.rpartition(".")
        account = accounts.setdefault(conn_id, Account(conn_id, "unknown"))
        if with_limits:
            claims = Claims(store, conn_id, endpoint).current(now).values()
            keywords = len({claim.keyword for claim in claims if claim.wants(now)})
            account.limits += read_limits(endpoint, value, updated_at, keywords, now)
    for account in accounts.values():
        account.source = source_of(account.conn_id)
    return [accounts[conn_id] for conn_id in sorted(accounts)]


def source_of(conn_id: str) -> Source:
    """Tell what the host of a Connection is: X, a simulator on this machine, or something else."""
    try:
        connection = Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        return "missing"
    except PermissionError:  # a secrets backend does not give it to the API server
        return "unknown"
    try:
        host = urlsplit(base_url(connection)).hostname or ""
    except ValueError:
        return "other"
    if is_loopback(host):
        return "simulator"
    return "X" if host == urlsplit(DEFAULT_BASE_URL).hostname else "other"


def read_limits(
    endpoint: str, value: str, heard_at: datetime, keywords: int, now: datetime
) -> list[KnownLimit]:
    """Read one entry of the rate-limit asset's state: the window, and days that last; none when it is something else."""
    try:
        known = Known.from_json(json.loads(value))
    except ValueError:
        return []
    limits = [
        KnownLimit(endpoint, each.limit, each.remaining, each.local_reset_at, heard_at, scope=each.scope)
        for each in (known.window, *known.days)
        if each is not None and (each.scope == WINDOW or (each.local_reset_at or now) > now)
    ]
    if known.blocked_until:
        refused = KnownLimit(endpoint, None, 0, known.blocked_until, heard_at, refused=True)
        limits = [refused, *(limit for limit in limits if limit.scope != WINDOW)]
    return [replace(limit, keywords=keywords if limit.scope == WINDOW else 0) for limit in limits]


def _states(session: Session) -> Iterable[tuple[str, str, datetime]]:
    rows = session.execute(
        select(AssetStateStoreModel.key, AssetStateStoreModel.value, AssetStateStoreModel.updated_at)
        .join(AssetModel, AssetModel.id == AssetStateStoreModel.asset_id)
        .where(AssetModel.name == RATE_LIMIT.name)
        .order_by(AssetStateStoreModel.key)
    )
    return [(key, value, updated_at) for key, value, updated_at in rows]
