"""Take a post over from a program: check it, and start its run of twitter_publish, once."""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.models.dagrun import DagRun
from fastapi import status
from sqlalchemy.orm import Session

from airflow_twitter.accounts.form import PostFormError, parse_post
from airflow_twitter.accounts.preparing import check_post, refuse_hopeless, without_signatures
from airflow_twitter.dag_ids import PUBLISH_DAG_ID
from airflow_twitter.http_api.guard import Caller
from airflow_twitter.http_api.problems import ApiError
from airflow_twitter.http_api.runs import find_run, start
from airflow_twitter.http_api.waiting import record_of, waiting
from airflow_twitter.publishing.errors import DuplicateError
from airflow_twitter.publishing.records import Records
from airflow_twitter.settings_files import spending_path
from airflow_twitter.spending.settings import read_settings

RETRY_MIN_S = 10


def queue(
    session: Session, records: Records, caller: Caller, body: Mapping[str, Any], idempotency_key: str | None
) -> str:
    """Return the id of the post that a program asks for; asked again with the same key it is the same post.

    Raises ApiError, TextRejectedError and DuplicateError; then nothing was queued.
    """
    asked = checked(caller, body)
    key = post_id(caller, idempotency_key)
    if _asked_before(session, records, caller, key, asked):
        return key
    prices = read_settings(spending_path())[0].prices
    content = check_post(asked, _some_video(asked), prices).content
    if asked["video"] is None and not asked["allow_duplicate"] and not asked["dry_run"]:
        for other in records.same_content(caller.account.account, content):
            if not other.state.frees_content:
                raise DuplicateError(
                    f"The post {other.key} says the same (state: {other.state.value}). Change the text, or set "
                    "allow_duplicate if both are meant.",
                    post_url=other.post_url,
                    first=other.key,
                )
    with records.store.lock(f"accounts/{caller.account.account}/queueing"):
        if not asked["dry_run"]:
            refuse_when_full(session, records, caller)
        start(session, caller, PUBLISH_DAG_ID, key, asked)
    if not _asked_before(session, records, caller, key, asked):
        raise ApiError(status.HTTP_409_CONFLICT, "The post was removed while it was queued. Ask again.")
    return key


def checked(caller: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return all fields of a post, in the words of the form; answers 422 with the field that is wrong."""
    if "account" in body:
        raise wrong_field("account", "the address names the account")
    for field, value in body.items():
        if isinstance(value, str) and not storable(value):
            raise wrong_field(field, "it holds characters that no text can hold")
    try:
        asked = parse_post({**body, "account": caller.account.account})
        refuse_hopeless(asked, caller.account, caller.name, datetime.now(UTC))
    except PostFormError as error:
        raise wrong_field(error.field, error.reason) from None
    return asked


def wrong_field(field: str, reason: str) -> ApiError:
    """Return the answer to a field that is wrong."""
    field = field if storable(field) else "?"
    shown = reason if storable(reason) else "it is wrong"
    return ApiError(
        status.HTTP_422_UNPROCESSABLE_CONTENT, f"{field}: {shown}", error_type="invalid", field=field
    )


def storable(text: str) -> bool:
    """Tell whether a database takes a text: no NUL, and no half of a character."""
    return "\0" not in text and text.encode("utf-8", "replace").decode() == text


def post_id(caller: Caller, idempotency_key: str | None) -> str:
    """Return a new id, or the one that follows from a key: each user has keys of his own in each account."""
    if idempotency_key is None:
        return f"api__{uuid.uuid4().hex}"
    parts = "\0".join((caller.account.account, str(caller.user.get_id()), idempotency_key))
    return f"api__{hashlib.sha256(parts.encode()).hexdigest()[:32]}"


def refuse_when_full(session: Session, records: Records, caller: Caller) -> None:
    """Answer 429 when as many posts wait as the account allows, and say when the next one may have left."""
    account = caller.account
    count = len(waiting(session, records, account))
    if count >= account.queue_max:
        raise ApiError(
            status.HTTP_429_TOO_MANY_REQUESTS,
            f"{count} posts of {account.account} wait, and no more than {account.queue_max} may. Ask again later.",
            headers={"Retry-After": str(max(RETRY_MIN_S, math.ceil(account.distance_s)))},
            error_type="queue_full",
        )


def _asked_before(
    session: Session, records: Records, caller: Caller, key: str, asked: Mapping[str, Any]
) -> bool:
    run: DagRun | None = find_run(session, PUBLISH_DAG_ID, key)
    before = run.conf if run is not None else None
    if before is None and (record := record_of(records, caller.account.account, key)) is not None:
        before, asked = record.details.get("asked"), without_signatures(asked)
    if before is None:
        return False
    if before != dict(asked):
        raise ApiError(
            status.HTTP_422_UNPROCESSABLE_CONTENT,
            "This Idempotency-Key was used for another post. Use a new key for each post.",
            error_type="idempotency_key_reused",
        )
    return True


def _some_video(asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """Stand for a video that has not been looked at."""
    return {"sha256": "", "warnings": ()} if asked["video"] is not None else None
