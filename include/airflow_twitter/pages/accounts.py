"""Whom the project talks to, X or a simulator, and what is known of X's rate limits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.connection import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_twitter.api.limits import RateLimit
from airflow_twitter.api.transport import is_loopback
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.hooks.twitter import DEFAULT_BASE_URL, TwitterHook, base_url

Source = Literal["X", "simulator", "other", "missing", "unknown"]


@dataclass(frozen=True)
class KnownLimit:
    """What was last heard of one endpoint's window. Times are on our clock.

    `refused` says that X last turned a request away; then `resets_at` is when to ask again. Numbers that X did
    not tell are None.
    """

    endpoint: str
    limit: int | None
    remaining: int | None
    resets_at: datetime | None
    heard_at: datetime
    refused: bool = False


@dataclass
class Account:
    """One Connection: whom it talks to, and what is known of its limits."""

    conn_id: str
    source: Source
    limits: list[KnownLimit] = field(default_factory=list)


def read_accounts(session: Session, *, with_limits: bool) -> list[Account]:
    """Return the default Connection and every other that has been heard from; limits only for who may read assets."""
    accounts = {TwitterHook.default_conn_name: Account(TwitterHook.default_conn_name, "unknown")}
    for key, value, updated_at in _states(session):
        conn_id, _, endpoint = key.rpartition(".")
        account = accounts.setdefault(conn_id, Account(conn_id, "unknown"))
        known = read_limit(endpoint, value, updated_at)
        if known is not None and with_limits:
            account.limits.append(known)
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


def read_limit(endpoint: str, value: str, heard_at: datetime) -> KnownLimit | None:
    """Read one entry of the rate-limit asset's state; None when it is something else."""
    try:
        state: dict[str, Any] = json.loads(value)
        blocked_until = state.get("blocked_until")
        if blocked_until:
            return KnownLimit(
                endpoint, None, 0, datetime.fromisoformat(blocked_until), heard_at, refused=True
            )
        known = RateLimit.from_json(state["limit"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return KnownLimit(endpoint, known.limit, known.remaining, known.local_reset_at, heard_at)


def _states(session: Session) -> Iterable[tuple[str, str, datetime]]:
    rows = session.execute(
        select(AssetStateStoreModel.key, AssetStateStoreModel.value, AssetStateStoreModel.updated_at)
        .join(AssetModel, AssetModel.id == AssetStateStoreModel.asset_id)
        .where(AssetModel.name == RATE_LIMIT.name)
        .order_by(AssetStateStoreModel.key)
    )
    return [(key, value, updated_at) for key, value, updated_at in rows]
