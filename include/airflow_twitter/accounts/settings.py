"""Read ``dags/accounts.yaml``: every account checked on its own, every mistake with its file, line and key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft202012Validator

from airflow_twitter.checked_yaml import FileMistake, Mistake, read_entries
from airflow_twitter.dag_ids import post_dag_id

SECONDS_A_DAY = 86400

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["account"],
    "additionalProperties": False,
    "properties": {
        "account": {"type": "string", "pattern": r"^[a-z0-9_]{1,40}\Z"},
        "connection": {"type": "string", "pattern": r"^[\w.-]{1,200}\Z", "default": "twitter_default"},
        "distance_s": {"type": "number", "minimum": 0, "maximum": SECONDS_A_DAY, "default": 120},
        "queue_max": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100},
        "approval": {"type": "string", "enum": ["when_asked", "always"], "default": "when_asked"},
        "approvers": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": []},
        "author_may_approve": {"type": "boolean", "default": False},
        "approval_timeout_s": {
            "type": "number",
            "minimum": 60,
            "maximum": 30 * SECONDS_A_DAY,
            "default": 86400,
        },
        "video_folders": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "default": ["videos"],
        },
        "video_hosts": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": []},
        "video_buckets": {
            "type": "array",
            "items": {"type": "string", "pattern": "^(s3|gs)://."},
            "default": [],
        },
        "video_bytes_max": {"type": "integer", "minimum": 1, "default": 2 * 1024**3},
        "segment_bytes": {"type": "integer", "minimum": 4096, "maximum": 5_000_000, "default": 1024**2},
        "look_again_s": {"type": "number", "minimum": 10, "maximum": 3600, "default": 60},
        "visible_s": {"type": "number", "minimum": 0, "maximum": 3600, "default": 120},
    },
}
"""What one entry of ``accounts`` may say."""

DEFAULTS: dict[str, Any] = {
    name: schema["default"] for name, schema in SCHEMA["properties"].items() if "default" in schema
}


_LISTS = frozenset(name for name, schema in SCHEMA["properties"].items() if schema["type"] == "array")


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account that posts, with every setting.

    `approvers` are ids of Airflow's users, none means whoever may answer for the DAG; the author of a post is none of
    them unless `author_may_approve`. `video_folders` are relative to the data folder, or absolute. `look_again_s` is
    how often a held account looks whether it was released; `visible_s` how long a post whose answer was lost is
    looked for on the timeline.
    """

    account: str
    connection: str
    distance_s: float
    queue_max: int
    approval: str
    approvers: tuple[str, ...]
    author_may_approve: bool
    approval_timeout_s: float
    video_folders: tuple[str, ...]
    video_hosts: tuple[str, ...]
    video_buckets: tuple[str, ...]
    video_bytes_max: int
    segment_bytes: int
    look_again_s: float
    visible_s: float

    @property
    def dag_id(self) -> str:
        """Return the DAG whose waiting runs are the account's queue."""
        return post_dag_id(self.account)


class UnknownAccountError(LookupError):
    """There is no such account in ``accounts.yaml``, or its entry is wrong."""


def find_account(path: Path, name: str) -> Account:
    """Return an account by name. Raises :class:`UnknownAccountError` with the names that there are."""
    accounts, _ = read_accounts(path)
    for account in accounts:
        if account.account == name:
            return account
    known = ", ".join(account.account for account in accounts) or "none"
    raise UnknownAccountError(
        f"There is no account {name!r} in {path.name}, or its entry has a mistake, which then shows under Import "
        f"Errors. Known are: {known}."
    )


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(SCHEMA)


def read_accounts(path: Path, only: str | None = None) -> tuple[list[Account], list[Mistake]]:
    """Return the accounts that are right and everything that is wrong; an entry with a mistake is left out.

    With `only` all but that account is skipped unchecked.
    """
    try:
        entries = read_entries(path, "accounts", lists=_LISTS)
    except FileMistake as error:
        return [], [error.mistake]
    accounts: dict[str, Account] = {}
    mistakes: list[Mistake] = []
    for entry in entries:
        name = entry.values.get("account")
        if only is not None and name != only:
            continue
        wrong = entry.mistakes or list(entry.check(_validator()))
        if not wrong and name in accounts:
            wrong = [entry.at(("account",), f"{name!r} is listed twice")]
        if wrong:
            mistakes += wrong
        else:
            accounts[str(name)] = msgspec.convert({**DEFAULTS, **entry.values}, Account)
    return [*accounts.values()], mistakes
