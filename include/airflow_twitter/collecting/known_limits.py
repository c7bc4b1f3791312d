"""What was last heard of X's limits, as Airflow's API server finds it in the state of the rate-limit asset."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_twitter.api.limits import WINDOW
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.collecting.rate_limit import Known


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


@dataclass(frozen=True)
class LimitState:
    """What is kept of one connection and endpoint, as it stands in the database."""

    conn_id: str
    endpoint: str
    value: str
    heard_at: datetime


def limit_states(session: Session) -> list[LimitState]:
    """Return what is kept of every connection and endpoint, in the order of their names."""
    rows = session.execute(
        select(AssetStateStoreModel.key, AssetStateStoreModel.value, AssetStateStoreModel.updated_at)
        .join(AssetModel, AssetModel.id == AssetStateStoreModel.asset_id)
        .where(AssetModel.name == RATE_LIMIT.name)
        .order_by(AssetStateStoreModel.key)
    )
    states = []
    for key, value, updated_at in rows:
        conn_id, _, endpoint = key.rpartition(".")
        states.append(LimitState(conn_id, endpoint, value, updated_at))
    return states


def read_limits(state: LimitState, now: datetime, *, keywords: int = 0) -> list[KnownLimit]:
    """Return the window and the days that last; none when the state is something else."""
    try:
        known = Known.from_json(json.loads(state.value))
    except ValueError:
        return []
    endpoint, heard_at = state.endpoint, state.heard_at
    limits = [
        KnownLimit(endpoint, each.limit, each.remaining, each.local_reset_at, heard_at, scope=each.scope)
        for each in (known.window, *known.days)
        if each is not None and (each.scope == WINDOW or (each.local_reset_at or now) > now)
    ]
    if known.blocked_until:
        refused = KnownLimit(endpoint, None, 0, known.blocked_until, heard_at, refused=True)
        limits = [refused, *(limit for limit in limits if limit.scope != WINDOW)]
    return [replace(limit, keywords=keywords if limit.scope == WINDOW else 0) for limit in limits]
