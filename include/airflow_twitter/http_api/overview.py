"""What a person or a dashboard sees of the accounts at a glance: what waits, what is in doubt, what ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from airflow_twitter.accounts.addresses import frame_url
from airflow_twitter.accounts.holding import Hold, held, next_post_at
from airflow_twitter.accounts.settings import Account, read_accounts
from airflow_twitter.http_api.changing import why_not_editable
from airflow_twitter.http_api.connections import profile_url, source_of
from airflow_twitter.http_api.ended import ended, in_doubt
from airflow_twitter.http_api.forms import HeldFor, Limits, PostState
from airflow_twitter.http_api.limits import limits_of
from airflow_twitter.http_api.shown import ended_posts, shown_posts
from airflow_twitter.http_api.waiting import Waiting, is_paused, record_of, waiting
from airflow_twitter.posts.store import StoreError
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState as State
from airflow_twitter.settings_files import accounts_path


class ListedPost(PostState):
    """A post as a list shows it."""

    begun: bool = Field(description="Its turn has come: it cannot be moved any more.")
    editable: bool
    changed_at: datetime | None
    posted_at: datetime | None
    frame_url: str | None = Field(description="A picture of the video, as long as it is kept.")


class AccountState(BaseModel):
    """How an account stands. `posts` are the first of the `total` that wait, `ended` the newest of those that do not."""

    account: str
    dag_id: str
    may_change: bool = Field(description="Whether you may change its posts, and release it.")
    paused: bool | None = Field(description="null: Airflow does not know its DAG yet.")
    talks_to: str = Field(description="X, simulator, other, missing, or unknown.")
    profile_url: str | None
    held: HeldFor | None
    total: int
    posts: list[ListedPost]
    in_doubt: list[ListedPost] = Field(description="Somebody has to say whether these are on the account.")
    ended: list[ListedPost]
    limits: Limits


class Accounts(BaseModel):
    """The accounts that you may see."""

    now: datetime
    problems: list[str]
    accounts: list[AccountState]


def overview(
    session: Session,
    records: Records,
    may: Callable[[Any, Account], bool],
    *,
    waiting_max: int = 100,
    ended_max: int = 20,
) -> Accounts:
    """Return how the accounts stand that somebody `may` ("GET" or "PUT") see, in the order of accounts.yaml."""
    accounts, mistakes = read_accounts(accounts_path())
    problems = [
        "accounts.yaml has mistakes, which show under Import Errors; accounts with one are missing here."
    ]
    return Accounts(
        now=datetime.now(UTC),
        problems=problems if mistakes else [],
        accounts=[
            _account(session, records, account, may("PUT", account), waiting_max, ended_max)
            for account in accounts
            if may("GET", account)
        ],
    )


def _account(
    session: Session, records: Records, account: Account, may_change: bool, waiting_max: int, ended_max: int
) -> AccountState:
    found = waiting(session, records, account)
    over = ended(session, account, {each.key for each in found})
    doubted = in_doubt(session, records, account, over)
    recent = {each.key: each.text for each in over if each.key not in doubted}
    recent = dict(list(recent.items())[:ended_max])
    at = {each.key: each.at for each in over}
    why = held(records.store, account.account)
    waits = {each.key: each for each in found}
    talks_to = source_of(account.connection)

    def listed(posts: Sequence[PostState]) -> list[ListedPost]:
        return [_listed(records, account, post, waits.get(post.id), at.get(post.id)) for post in posts]

    # The run of a post that is out already may have something left to do: it waits for nothing.
    under_way = listed(shown_posts(session, records, account, found, limit=waiting_max))
    done = [post for post in under_way if State(post.state).over]
    return AccountState(
        account=account.account,
        dag_id=account.dag_id,
        may_change=may_change,
        paused=is_paused(session, account.dag_id),
        talks_to=talks_to,
        profile_url=profile_url(account.connection) if talks_to == "X" else None,
        held=held_for(why),
        total=len(found) - len(done),
        posts=[post for post in under_way if post not in done],
        in_doubt=listed(ended_posts(session, records, account, dict.fromkeys(doubted))),
        ended=done + listed(ended_posts(session, records, account, recent)),
        limits=limits_now(session, records, account, len(found)),
    )


def held_for(why: Hold | None) -> HeldFor | None:
    """Return why an account is held, as the API gives it."""
    if why is None:
        return None
    return HeldFor(since=why.since, error_type=why.error_type, error=why.error, post=why.run_id)


def limits_now(session: Session, records: Records, account: Account, count: int) -> Limits:
    """Return what holds an account back, of whose posts `count` wait."""
    return Limits(
        account=account.account,
        queue_max=account.queue_max,
        waiting=count,
        distance_s=account.distance_s,
        next_post_at=next_post_at(records.store, account.account, account.distance_s),
        limits=limits_of(session, account, datetime.now(UTC)),
    )


def _listed(
    records: Records, account: Account, post: PostState, waits: Waiting | None, at: datetime | None
) -> ListedPost:
    record = record_of(records, account.account, post.id)
    sha256 = record.content.media_sha256 if record else None
    free = waits is not None and waits.queued and not waits.running
    return ListedPost(
        **post.model_dump(),
        begun=waits is not None and waits.running,
        editable=free and record is not None and why_not_editable(record) is None,
        changed_at=record.history[-1].at if record and record.history else at,
        posted_at=record.posted_at if record else None,
        frame_url=frame_url(account.account, post.id) if sha256 and _kept(records, sha256) else None,
    )


def _kept(records: Records, sha256: str) -> bool:
    try:
        return records.store.exists(f"media/frames/{sha256}.jpg")
    except StoreError:
        return False
