"""A post as the API gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import status
from sqlalchemy.orm import Session

from airflow_twitter.accounts.holding import held
from airflow_twitter.accounts.settings import Account
from airflow_twitter.http_api.forms import PostState
from airflow_twitter.http_api.problems import ApiError
from airflow_twitter.http_api.states import damaged, known_of, report_of
from airflow_twitter.http_api.waiting import Waiting, asked_of, place_of, record_or_damage, waiting
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.reports import Report


def shown_post(session: Session, records: Records, account: Account, key: str) -> PostState:
    """Return a post; answers 404 when the account has no such post."""
    record, damage = record_or_damage(records, account.account, key)
    asked = asked_of(session, account, key)
    if record is None and asked is None and damage is None:
        raise ApiError(status.HTTP_404_NOT_FOUND, f"The account {account.account} has no such post.")
    queue = waiting(session, records, account)
    place = place_of(key, queue)
    waits = queue[place - 1] if place else None
    why = held(records.store, account.account)
    known = known_of(session, account, [key])
    report = damaged(damage) if damage else report_of(account, key, record, known, why, datetime.now(UTC))
    text = record.content.text if record else _text(asked)
    return _shown(account, key, report, record, place, waits, text)


def shown_posts(
    session: Session,
    records: Records,
    account: Account,
    queue: Sequence[Waiting],
    *,
    offset: int = 0,
    limit: int = 100,
) -> list[PostState]:
    """Return a part of what waits."""
    part = queue[offset : offset + limit]
    known = known_of(session, account, [each.key for each in part])
    why, now = held(records.store, account.account), datetime.now(UTC)
    shown = []
    for place, each in enumerate(part, start=offset + 1):
        record, damage = record_or_damage(records, account.account, each.key)
        report = damaged(damage) if damage else report_of(account, each.key, record, known, why, now)
        text = record.content.text if record else each.text
        shown.append(_shown(account, each.key, report, record, place, each, text))
    return shown


def ended_posts(
    session: Session, records: Records, account: Account, texts: Mapping[str, str | None]
) -> list[PostState]:
    """Return posts that wait no more, by their keys; `texts` are those of posts without a record."""
    known, now = known_of(session, account, list(texts)), datetime.now(UTC)
    shown = []
    for key, text in texts.items():
        record, damage = record_or_damage(records, account.account, key)
        report = damaged(damage) if damage else report_of(account, key, record, known, None, now)
        shown.append(
            _shown(account, key, report, record, None, None, record.content.text if record else text)
        )
    return shown


def _text(asked: Mapping[str, Any] | None) -> str | None:
    return None if asked is None else str(asked.get("text"))


def _shown(
    account: Account,
    key: str,
    report: Report,
    record: Record | None,
    place: int | None,
    waits: Waiting | None,
    text: str | None,
) -> PostState:
    return PostState(
        **report.form(),
        id=key,
        account=account.account,
        sentence=report.sentence,
        place=place,
        not_before=waits.not_before if waits else None,
        expires_at=record.details.get("expires_at") if record else None,
        text=text,
    )
