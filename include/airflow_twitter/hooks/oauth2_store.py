"""Keep the OAuth 2.0 tokens of an account in an Airflow Variable, which tasks may write and Airflow encrypts."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from airflow.sdk.log import mask_secret

from airflow_twitter.api.errors import ConfigError, TransientError
from airflow_twitter.api.token_pair import TokenPair
from airflow_twitter.posts.store import LockTimeout, Store

PREFIX = "twitter_oauth2_token__"
"""Airflow hides the value of a Variable with "token" in its name, in its UI and in logs."""
LOCK_TIMEOUT_S = 180.0
SAVE_WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)

_USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")


class VariableStore:
    """Hold the tokens of one account (`username` without the @) in a Variable.

    Refreshing is done by one process at a time among those that share the data folder's file system, by a lock
    file there. Airflow has no compare-and-swap for Variables.
    """

    def __init__(self, username: str, store: Store, *, sleep: Callable[[float], None] = time.sleep) -> None:
        if not _USERNAME.fullmatch(username):
            raise ConfigError(
                f"{username[:40]!r} is no name of an account: up to 15 letters, digits and underscores, without the @"
            )
        self.username = username
        self.key = PREFIX + username.lower()
        self._store = store
        self._sleep = sleep

    def load(self) -> TokenPair | None:
        """Return the pair that was stored last, None when there is none; TransientError when Airflow cannot say."""
        try:
            text = _get(self.key)
        except Exception as error:
            raise self._trouble("read", error) from None
        if text is None:
            return None
        pair = TokenPair.from_json(text)
        _mask(pair)
        return pair

    def save(self, pair: TokenPair) -> None:
        """Store a pair, with some patience: a pair that X gave and nobody stored is lost. Raises TransientError."""
        _mask(pair)
        for wait_s in (*SAVE_WAITS_S, None):
            try:
                _set(self.key, pair.to_json(), f"Tokens of @{self.username}; written by airflow-twitter.")
                return
            except Exception as error:
                if wait_s is None:
                    raise self._trouble("stored", error) from None
                self._sleep(wait_s)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold back every other process that would refresh the pair; TransientError after three minutes."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._store.lock(f"oauth2/{self.username.lower()}", LOCK_TIMEOUT_S))
            except LockTimeout:
                busy = f"Another process has been refreshing the tokens of @{self.username} for {LOCK_TIMEOUT_S:g} s"
                raise _unsent(TransientError(busy)) from None
            yield

    def _trouble(self, done: str, error: Exception) -> TransientError:
        # The text of a database's error may hold what was to be written.
        what = f"The tokens of @{self.username} cannot be {done}"
        return _unsent(TransientError(what, detail=f"Airflow failed with {type(error).__name__}"))


def _unsent(error: TransientError) -> TransientError:
    error.sent = False
    return error


def is_encrypted() -> bool:
    """Tell whether this Airflow encrypts Variables: whether it has a Fernet key."""
    from airflow.models.crypto import get_fernet

    return bool(get_fernet().is_encrypted)


def _in_task() -> bool:
    # As Airflow itself tells: loading the module would make this process look like a task's.
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    return getattr(runner, "SUPERVISOR_COMMS", None) is not None


def _get(key: str) -> str | None:
    """Read a Variable, from a task as from a command or the API server."""
    value: Any
    if _in_task():
        from airflow.sdk import Variable

        value = Variable.get(key, default=None)
    else:
        from airflow.models import Variable as StoredVariable

        value = StoredVariable.get(key, default_var=None)
    return None if value is None else str(value)


def _set(key: str, value: str, description: str) -> None:
    if _in_task():
        from airflow.sdk import Variable

        Variable.set(key, value, description=description)
    else:
        from airflow.models import Variable as StoredVariable

        StoredVariable.set(key, value, description=description)


def _mask(pair: TokenPair) -> None:
    for token in (pair.access_token, pair.refresh_token):
        if token:
            mask_secret(token)
