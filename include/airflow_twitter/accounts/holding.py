"""What an account's queue waits for as a whole: a person, when X says no to the account; and the distance between posts.

All lie in the data store, so that every worker and the pages see the same. The hold is a file: as long as it is
there, no post of the account goes on, and to delete it is to release the account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from airflow_twitter.posts.regular import UnusableFile
from airflow_twitter.posts.store import Store

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True)
class Hold:
    """Why and since when an account is held. `error_type` and `error` are those of a post's state."""

    since: _Moment
    error_type: str
    error: str
    run_id: str


def held(store: Store, account: str) -> Hold | None:
    """Return why an account is held; None when it is not. A hold that cannot be read holds all the same."""
    try:
        return msgspec.json.decode(store.read(_hold_key(account)), type=Hold)
    except FileNotFoundError:
        return None
    except (UnusableFile, ValueError, RecursionError):
        reason = (
            f"The account is held, but {store.url(_hold_key(account))} cannot be read. Release it to go on, or "
            "move away what lies there."
        )
        return Hold(datetime.fromtimestamp(0, UTC), "unknown", reason, "")


def hold(store: Store, account: str, why: Hold) -> Hold:
    """Hold an account, and return why it is held: the first reason stays."""
    with store.lock(_hold_key(account)):
        before = held(store, account)
        if before is None:
            store.put(_hold_key(account), msgspec.json.encode(why))
        return before or why


def release(store: Store, account: str) -> Hold | None:
    """Let an account's queue go on, and return what it was held for; None when it was not held."""
    with store.lock(_hold_key(account)):
        before = held(store, account)
        store.delete(_hold_key(account))
        store.delete(_refused_key(account))
        return before


def refused_now(store: Store, account: str, key: str) -> int:
    """Keep that X refused a post for no reason that shows; return how many it has refused one after the other."""
    with store.lock(_refused_key(account)):
        refused = _refused(store, account)
        refused = [*refused, *([] if key in refused else [key])]
        store.put(_refused_key(account), msgspec.json.encode(refused))
        return len(refused)


def posted_now(store: Store, account: str, at: datetime) -> None:
    """Keep when the account posted last, from which the distance to the next post is counted."""
    with store.lock(_refused_key(account)):
        store.delete(_refused_key(account))
    with store.lock(_last_key(account)):
        last = _last_post(store, account)
        if last is None or at > last:
            store.put(_last_key(account), msgspec.json.encode(at.astimezone(UTC)))


def next_post_at(store: Store, account: str, distance_s: float) -> datetime | None:
    """Return from when on the account may post again; None when it never has."""
    last = _last_post(store, account)
    return None if last is None else last + timedelta(seconds=distance_s)


def _last_post(store: Store, account: str) -> datetime | None:
    try:
        return msgspec.json.decode(store.read(_last_key(account)), type=_Moment)
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def _refused(store: Store, account: str) -> list[str]:
    try:
        return msgspec.json.decode(store.read(_refused_key(account)), type=list[str])
    except (FileNotFoundError, ValueError, RecursionError):
        return []


def _refused_key(account: str) -> str:
    return f"accounts/{account}/refused.json"


def _hold_key(account: str) -> str:
    return f"accounts/{account}/held.json"


def _last_key(account: str) -> str:
    return f"accounts/{account}/last_post.json"
