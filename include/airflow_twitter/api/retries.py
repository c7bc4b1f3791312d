"""Try again what usually passes: exponential backoff with full jitter, bounded in tries and time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from airflow_twitter.api.errors import TransientError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 30.0
TRIES_MAX = 15


def retry(
    ask: Callable[[], Result],
    deadline: float,
    *,
    sleep: Callable[[float], None],
    monotonic: Callable[[], float],
    failed: Callable[[TransientError], None],
) -> Result:
    """Call `ask` until it succeeds or fails for good; after a TransientError tell `failed`, wait and try again.

    The wait before try n is drawn from 0 to 2^(n-2) seconds, at most 30. After `TRIES_MAX` tries, and where a wait
    would end after `deadline`, a moment of `monotonic`, the last error is raised.
    """

    def spent(state: RetryCallState) -> bool:
        # tenacity's own stop conditions read the machine's clock, not the one given.
        return state.attempt_number >= TRIES_MAX or monotonic() + state.upcoming_sleep > deadline

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TransientError):
            failed(error)

    retrying = Retrying(
        retry=retry_if_exception_type(TransientError),
        wait=wait_random_exponential(multiplier=BACKOFF_FIRST_S, max=BACKOFF_MAX_S),
        stop=spent,
        sleep=sleep,
        after=tell,
        before_sleep=_warn,
        reraise=True,
    )
    return retrying(ask)


def _warn(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning("%s Try %d follows in %.1f s", error, state.attempt_number + 1, state.upcoming_sleep)
