"""What every client of X does alike: send, log, try short trouble again, turn refusals into errors."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self, TypedDict, TypeVar

import requests
from requests.auth import AuthBase

from airflow_twitter.api.answers import Answer
from airflow_twitter.api.errors import TransientError
from airflow_twitter.api.limits import RateLimit, read_limit
from airflow_twitter.api.refusals import redirect, refusal, request_id
from airflow_twitter.api.retries import retry
from airflow_twitter.api.transport import Timeouts, check_base_url, open_session, send
from airflow_twitter.times import utc_now

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class Watch(Protocol):
    """Who wants to know of trouble: of every try that failed, and of every answer to what was asked for."""

    def failed(self, error: TransientError) -> None: ...
    def answered(self) -> None: ...


class Settings(TypedDict, total=False):
    """The settings of a BaseClient, by name."""

    connect_timeout_s: float
    read_timeout_s: float
    retry_for_s: float
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    session: requests.Session | None


class BaseClient(ABC):
    """Speak to X over one connection that is kept alive; close it, or use it as a context manager.

    `base_url` must be https, or http on loopback (ConfigError). All times are in seconds; once `retry_for_s`
    have passed in a call, no further try begins. `watch` is told how the tries end. Clocks and sleep can be replaced
    in tests. Not to be shared by threads.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 60.0,
        retry_for_s: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        session: requests.Session | None = None,
    ) -> None:
        self.base_url = check_base_url(base_url)
        self._timeouts = Timeouts(connect_timeout_s, read_timeout_s)
        self._retry_for_s = retry_for_s
        self._sleep = sleep
        self._monotonic = monotonic
        self._now = now
        self._session = session or open_session(self.base_url)
        self._limits: dict[str, RateLimit] = {}
        self._skew_s = 0.0
        self.watch: Watch | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def server_now(self) -> datetime:
        """Return the time on X's clock (aware UTC), as far as an answer has told it; else on ours."""
        return self._now() + timedelta(seconds=self._skew_s)

    @abstractmethod
    def _redact(self, body: bytes) -> bytes:
        """Return `body` without our secrets, in case a server repeats what it was sent."""

    def _deadline(self) -> float:
        return self._monotonic() + self._retry_for_s

    def _retry(self, ask: Callable[[], Result], deadline: float) -> Result:
        return retry(ask, deadline, sleep=self._sleep, monotonic=self._monotonic, failed=self._failed)

    def _failed(self, error: TransientError) -> None:
        if self.watch is not None:
            self.watch.failed(error)

    def _send(
        self,
        method: str,
        path: str,
        auth: AuthBase,
        *,
        params: Mapping[str, str] | None = None,
        data: str | bytes | None = None,
        content_type: str | None = None,
        accepted: Collection[int] = (200,),
        endpoint: str | None = None,
    ) -> Answer:
        """Send one request, log it, and raise unless X answered with an accepted status.

        `endpoint` is our name of it, under which its limit is kept, and by which refusals are told apart.
        """
        started = self._monotonic()
        response = send(
            self._session,
            method,
            f"{self.base_url}{path}",
            auth=auth,
            timeouts=self._timeouts,
            monotonic=self._monotonic,
            params=params,
            data=data,
            content_type=content_type,
        )
        now = self._now()
        limit = read_limit(response.headers, now)
        self._skew_s = limit.skew_s
        if endpoint is not None:
            self._limits[endpoint] = limit
        request = f"{method} {path}"
        logger.info(
            "%s -> %s in %.2f s, %s",
            request,
            response.status,
            self._monotonic() - started,
            limit,
        )
        if response.status in accepted:
            return Answer(response.body, limit, limit.observed_at, request_id(response.headers))
        if 300 <= response.status < 400:
            raise redirect(request, response.status, response.headers)
        body = self._redact(response.body)
        raise refusal(request, response.status, response.headers, body, now, endpoint=endpoint)
