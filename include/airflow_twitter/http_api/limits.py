"""What is known of the limits that hold an account back; X is not asked."""

from __future__ import annotations

from datetime import datetime

from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_twitter.accounts.settings import Account
from airflow_twitter.accounts.steps import CREATE_LIMIT
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.http_api.forms import Limit
from airflow_twitter.operators.unpublish_post import DELETE_LIMIT
from airflow_twitter.operators.upload_media import MEDIA_LIMIT
from airflow_twitter.pages.accounts import read_limits

ENDPOINTS = (CREATE_LIMIT, MEDIA_LIMIT, DELETE_LIMIT)


def limits_of(session: Session, account: Account, now: datetime) -> list[Limit]:
    """Return every limit that was heard of, and for each endpoint of which nothing is known one that says so."""
    rows = session.execute(
        select(AssetStateStoreModel.key, AssetStateStoreModel.value, AssetStateStoreModel.updated_at)
        .join(AssetModel, AssetModel.id == AssetStateStoreModel.asset_id)
        .where(
            AssetModel.name == RATE_LIMIT.name,
            AssetStateStoreModel.key.in_([f"{account.connection}.{endpoint}" for endpoint in ENDPOINTS]),
        )
    )
    states = {row.key.rpartition(".")[2]: row for row in rows}
    found: list[Limit] = []
    for endpoint in ENDPOINTS:
        row = states.get(endpoint)
        known = read_limits(endpoint, row.value, row.updated_at, 0, now) if row else []
        found += [
            Limit(
                endpoint=endpoint,
                scope=each.scope,
                limit=each.limit,
                remaining=each.remaining,
                resets_at=each.resets_at,
                refused=each.refused,
                observed_at=each.heard_at,
            )
            for each in known
        ] or [_unknown(endpoint)]
    return found


def _unknown(endpoint: str) -> Limit:
    return Limit(
        endpoint=endpoint,
        scope=None,
        limit=None,
        remaining=None,
        resets_at=None,
        refused=False,
        observed_at=None,
    )
