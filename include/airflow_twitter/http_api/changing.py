"""Change a post that waits: what it says, when it may go out, its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import status
from sqlalchemy.orm import Session

from airflow_twitter.accounts.form import PostFormError, moment, parse_post
from airflow_twitter.accounts.queue import change_text
from airflow_twitter.http_api.guard import Caller
from airflow_twitter.http_api.problems import ApiError
from airflow_twitter.http_api.queueing import storable, wrong_field
from airflow_twitter.http_api.runs import set_not_before, set_note
from airflow_twitter.http_api.waiting import Waiting, asked_of, record_of, waiting
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState
from airflow_twitter.settings_files import spending_path
from airflow_twitter.spending.settings import read_settings
from airflow_twitter.times import rfc3339

EDITABLE = ("text", "publish_at", "expires_at")
_TICK = timedelta(microseconds=1)
_BEFORE_THE_QUEUE = frozenset({PostState.PREPARING, PostState.AWAITING_APPROVAL})


def edit(session: Session, records: Records, caller: Caller, key: str, changes: Mapping[str, Any]) -> Record:
    """Change a post that waits in the queue, after the checks that it went through before.

    A post that somebody approved, or has to, is not changed: what goes out is what was approved.
    """
    account = caller.account
    with records.hold(account.account, key):
        record = records.read(account.account, key)
        _refuse_edit(caller, record)
        asked = _changed(record, changes)
        if asked["text"] != record.content.text:
            prices = read_settings(spending_path())[0].prices
            record = change_text(records, record, asked["text"], by=caller.name, prices=prices)
        _set_times(session, records, caller, record, asked, changes)
    record = records.read(account.account, key)
    set_note(session, caller, record)
    session.commit()
    return record


def move(session: Session, records: Records, caller: Caller, key: str, place: int) -> None:
    """Give a post another place among those that wait, 1 for the first that has not begun.

    The queue goes by moments, so that is what is changed. A post is not moved before its own publish_at.
    """
    account = caller.account
    with records.store.lock(f"accounts/{account.account}/order"):
        queue = [each for each in waiting(session, records, account) if not each.running]
        here = next((each for each in queue if each.key == key), None)
        if here is None:
            raise _waits_no_more()
        others = [each for each in queue if each.key != key]
        before, after = others[: place - 1], others[place - 1 :]
        at = _moment_between(before, after, here.not_before)
        publish_at = _publish_at(session, records, caller, key)
        if publish_at is not None and at < publish_at:
            if after and after[0].not_before <= publish_at:
                raise ApiError(
                    status.HTTP_409_CONFLICT,
                    f"The post is not to go out before {rfc3339(publish_at)}, so it cannot stand there. Change "
                    "publish_at first.",
                )
            at = publish_at
        _put_at(session, records, caller, here, at)
        # Whatever stands before it has to be earlier, if only by a tick.
        for each in reversed(before):
            if each.not_before < at:
                break
            at -= _TICK
            _put_at(session, records, caller, each, at)
        session.commit()


def why_not_editable(record: Record) -> str | None:
    """Return why a post cannot be changed, None when it can be while it waits."""
    if record.out or record.state.over or record.intent.sends:
        return "it was sent already, or is not to be sent any more"
    if record.approval is not None:
        return "somebody has to approve exactly this text. Change it in the approval, or cancel it and queue another"
    if record.state in _BEFORE_THE_QUEUE:
        return "it is being checked; ask again when it is queued"
    return None


def _refuse_edit(caller: Caller, record: Record) -> None:
    reason = why_not_editable(record)
    if reason is not None:
        raise ApiError(
            status.HTTP_409_CONFLICT, f"The post cannot be changed: {reason}.", error_type="not_editable"
        )


def _changed(record: Record, changes: Mapping[str, Any]) -> dict[str, Any]:
    for field, value in changes.items():
        if field not in EDITABLE:
            raise wrong_field(field, f"only {', '.join(EDITABLE)} can be changed")
        if isinstance(value, str) and not storable(value):
            raise wrong_field(field, "it holds characters that no text can hold")
    try:
        asked = parse_post({**record.details["asked"], "text": record.content.text, **changes})
        expires_at = moment(asked, "expires_at")
    except PostFormError as error:
        raise wrong_field(error.field, error.reason) from None
    if expires_at and expires_at <= datetime.now(UTC):
        raise wrong_field("expires_at", "that has passed")
    return asked


def _set_times(
    session: Session,
    records: Records,
    caller: Caller,
    record: Record,
    asked: dict[str, Any],
    changes: Mapping[str, Any],
) -> None:
    edited = {field: asked[field] for field in changes}
    details: dict[str, Any] = {
        "asked": {**record.details["asked"], **asked},
        "edited": {**record.details.get("edited", {}), **edited},
    }
    if "expires_at" in changes:
        expires_at = moment(asked, "expires_at")
        details["expires_at"] = expires_at and rfc3339(expires_at)
    if "publish_at" in changes:
        now = datetime.now(UTC)
        at = max(moment(asked, "publish_at") or now, now)
        if not set_not_before(session, caller.account.dag_id, record.key, at):
            raise _waits_no_more()
        details["run_after"] = at.isoformat()
    with records.change(record.account, record.key) as changed:
        changed.details = {**changed.details, **details}
        if set(changes) - {"text"}:
            changed.note(changed.state, "Its times were changed.", at=records.now(), by=caller.name)


def _moment_between(before: list[Waiting], after: list[Waiting], otherwise: datetime) -> datetime:
    """Return a moment that stands behind some posts and before others, as early as possible."""
    if before:
        at = before[-1].not_before + _TICK
        return min(at, after[0].not_before - _TICK) if after else at
    return min(otherwise, after[0].not_before - _TICK) if after else otherwise


def _publish_at(session: Session, records: Records, caller: Caller, key: str) -> datetime | None:
    record = record_of(records, caller.account.account, key)
    asked = record.details.get("asked") if record else asked_of(session, caller.account, key)
    try:
        at = moment(asked or {}, "publish_at")
    except PostFormError:
        return None
    return at if at and at > datetime.now(UTC) else None


def _put_at(session: Session, records: Records, caller: Caller, each: Waiting, at: datetime) -> None:
    if each.queued and not set_not_before(session, caller.account.dag_id, each.key, at):
        raise _waits_no_more()
    if record_of(records, caller.account.account, each.key) is None:
        if not each.queued:
            raise ApiError(
                status.HTTP_409_CONFLICT,
                f"The post {each.key} is being checked. Ask again.",
                error_type="busy",
            )
        return
    with records.change(caller.account.account, each.key) as record:
        record.details = {**record.details, "run_after": at.isoformat()}


def _waits_no_more() -> ApiError:
    return ApiError(
        status.HTTP_409_CONFLICT, "The post does not wait any more: its turn has come.", error_type="too_late"
    )
