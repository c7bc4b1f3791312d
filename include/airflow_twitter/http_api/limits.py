"""What is known of the limits that hold an account back; X is not asked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from airflow_twitter.accounts.settings import Account
from airflow_twitter.accounts.steps import CREATE_LIMIT, DELETE_LIMIT, MEDIA_LIMIT
from airflow_twitter.collecting.known_limits import limit_states, read_limits
from airflow_twitter.http_api.forms import Limit

ENDPOINTS = (CREATE_LIMIT, MEDIA_LIMIT, DELETE_LIMIT)


def limits_of(session: Session, account: Account, now: datetime) -> list[Limit]:
    """Return every limit that was heard of, and for each endpoint of which nothing is known one that says so."""
    states = {state.endpoint: state for state in limit_states(session) if state.conn_id == account.connection}
    found: list[Limit] = []
    for endpoint in ENDPOINTS:
        state = states.get(endpoint)
        known = read_limits(state, now) if state else []
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
