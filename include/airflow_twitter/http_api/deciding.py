"""Decide about a post: cancel it, say that it is on the account, or that it is not; its runs follow at once."""

from __future__ import annotations

from fastapi import status
from sqlalchemy.orm import Session

from airflow_twitter.accounts.queue import cancel_unprepared
from airflow_twitter.dag_ids import DECIDE_DAG_ID, PUBLISH_DAG_ID
from airflow_twitter.http_api.guard import Caller
from airflow_twitter.http_api.problems import BUSY_RETRY_S, ApiError
from airflow_twitter.http_api.runs import find_run, queue_again
from airflow_twitter.http_api.turns import take_back, wake
from airflow_twitter.http_api.waiting import UNDER_WAY, asked_of
from airflow_twitter.publishing.decisions import cancel, mark_not_posted, mark_posted
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState


def take_out(session: Session, records: Records, caller: Caller, key: str) -> Record:
    """Cancel a post, and free its turn. Raises TooLateError when it is out or may be, BusyError while it is being sent.

    A post that has ended in another way than cancelled, and whose run was not cleared, is returned as it is.
    """
    account = caller.account.account
    before = records.find(account, key)
    if before is None:
        text = str((asked_of(session, caller.account, key) or {}).get("text", ""))
        before = cancel_unprepared(records, account, key, text, by=caller.name)
        if before.state is PostState.CANCELLED:
            return before
    run = find_run(session, PUBLISH_DAG_ID, key)
    tried_again = run is not None and run.state in UNDER_WAY
    if before.state.over and before.state is not PostState.CANCELLED and not before.out and not tried_again:
        return before
    record = cancel(records, account, key, by=caller.name)
    take_back(session, caller.account.dag_id, key)
    take_back(session, PUBLISH_DAG_ID, key)
    return record


def say_posted(session: Session, records: Records, caller: Caller, key: str, link: str | None) -> Record:
    """Write down that a post is out; raises what mark_posted raises. Questions about it are taken back.

    Its run in the queue goes on at once, if it has begun: it tells Airflow of the post, and sends nothing.
    """
    record = mark_posted(records, caller.account.account, key, link, by=caller.name)
    _take_question_back(session, record)
    take_back(session, PUBLISH_DAG_ID, key)
    wake(session, caller.account.dag_id, key)
    return record


def say_not_posted(session: Session, records: Records, caller: Caller, key: str) -> Record:
    """Write down that a post of which nobody knew is not out, and queue it again; answers 409 where is no doubt."""
    record = records.read(caller.account.account, key)
    if not record.in_doubt:
        raise ApiError(
            status.HTTP_409_CONFLICT,
            f"There is no doubt about this post (state: {record.state.value}), so nothing was changed.",
            error_type="no_doubt",
        )
    run = find_run(session, caller.account.dag_id, key)
    if run is not None and run.state in UNDER_WAY:
        # Only a run that has ended can start again.
        raise ApiError(
            status.HTTP_409_CONFLICT,
            "The run that sent this post is just ending. Ask again.",
            headers={"Retry-After": str(BUSY_RETRY_S)},
            error_type="busy",
        )
    record = mark_not_posted(records, caller.account.account, key, by=caller.name)
    queue_again(session, caller, record)
    _take_question_back(session, record)
    return record


def _take_question_back(session: Session, record: Record) -> None:
    take_back(session, DECIDE_DAG_ID, f"{record.key}__{record.intent.sends}")
