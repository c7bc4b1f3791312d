"""The X client: one search page, one page of counts, posts by id, or the usage, a call.

It never sleeps out a limit: it raises when the limit ends. Only short network and server faults are tried
again inside.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, Unpack

from airflow_twitter.api.answers import (
    Answer,
    Counts,
    Page,
    Usage,
    read_counts,
    read_page,
    read_usage,
)
from airflow_twitter.api.auth import FORM_TYPE, TOKEN_FORM, TOKEN_PATH, BearerAuth
from airflow_twitter.api.base_client import BaseClient, Settings
from airflow_twitter.api.endpoints import USAGE_FIELDS, USAGE_PATH, Endpoint
from airflow_twitter.api.errors import AuthError, NetworkError, ServerError, TransientError
from airflow_twitter.api.fields import request_fields
from airflow_twitter.api.lookup import LOOKUP_PATH, Lookup, read_lookup
from airflow_twitter.api.page_size import PageSize

__all__ = ["Answer", "Counts", "Page", "Usage", "XClient"]

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


def _ignore(error: TransientError) -> None:
    """Do nothing about an error."""


class XClient(BaseClient):
    """Ask X with the app's own token, over one connection; see BaseClient for its settings.

    `vocabulary` is "tweet" or "post". `unanswered` counts the requests of which no usable answer came: X may
    have sold what they asked for.

    Every call raises the errors of `errors.py`: TransientError once the tries are used up,
    RateLimitedError and PermanentError at once. On a 401 a new bearer token is fetched once.
    """

    def __init__(
        self, base_url: str, auth: BearerAuth, *, vocabulary: str = "tweet", **settings: Unpack[Settings]
    ) -> None:
        super().__init__(base_url, **settings)
        self.vocabulary = vocabulary
        self._fields = {expand: request_fields(vocabulary, expand) for expand in (False, True)}
        self._auth = auth
        self.unanswered = 0
        self._asked_at: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, {self._auth!r}, vocabulary={self.vocabulary!r})"

    def search(
        self,
        endpoint: Endpoint,
        params: Mapping[str, str],
        *,
        expand: bool = False,
        size: PageSize | None = None,
    ) -> Page:
        """Fetch one page of a search.

        `params` are X's own (`query`, `max_results`, `start_time`, `next_token`, ...). Fields are asked for
        in the client's vocabulary, with `expand` also authors, media and referenced posts, which X bills;
        fields or expansions in `params` replace all of these. With `size` the page is as long as that says, which
        is told what became of every try.
        Sources: docs.x.com/x-api/posts/search-recent-posts, docs.x.com/x-api/posts/search-all-posts
        """
        own = any(name == "expansions" or name.endswith(".fields") for name in params)
        fields = {} if own else self._fields[expand]
        asked = {**fields, **params}
        if size is None:
            return self._get(endpoint.path, asked, read_page, endpoint.min_interval_s)

        def resize() -> None:
            asked["max_results"] = str(size.current)

        def failed(error: TransientError) -> None:
            if isinstance(error, ServerError):
                size.failed()
                resize()

        def arrived(answer: Answer) -> Page:
            page = read_page(answer)
            size.arrived()
            return page

        resize()
        return self._get(endpoint.path, asked, arrived, endpoint.min_interval_s, failed)

    def counts(self, endpoint: Endpoint, params: Mapping[str, str]) -> Counts:
        """Fetch how many posts a query matches, by minute, hour or day (`granularity`), without buying them.

        Sources: docs.x.com/x-api/posts/get-count-of-recent-posts,
        docs.x.com/x-api/posts/get-count-of-all-posts
        """
        return self._get(endpoint.counts_path, params, read_counts)

    def lookup(self, ids: Sequence[str]) -> Lookup:
        """Fetch up to 100 posts by id, with the fields that a search asks for: which of them X still shows.

        Source: docs.x.com/x-api/posts/get-posts-by-ids
        """
        return self._get(LOOKUP_PATH, {**self._fields[False], "ids": ",".join(ids)}, read_lookup)

    def usage(self, days: int | None = None) -> Usage:
        """Fetch how many posts the project has read this month, and on each of the last `days` (1 to 90).

        It costs nothing. Source: docs.x.com/x-api/usage/get-usage
        """
        params = {} if days is None else {"days": str(days), "usage.fields": USAGE_FIELDS}
        return self._get(USAGE_PATH, params, read_usage)

    def authenticate(self) -> None:
        """Fetch a bearer token unless one is held. Every other call does this by itself."""
        self._authenticate(self._deadline())

    def _get(
        self,
        path: str,
        params: Mapping[str, str],
        read: Callable[[Answer], Result],
        min_interval_s: float = 0.0,
        failed: Callable[[TransientError], None] = _ignore,
    ) -> Result:
        """Ask for `path` and read the answer, with a new token should X no longer take the old one.

        `failed` is told of every try that did, and may change `params` for the next one.
        """

        def ask() -> Result:
            self._pace(path, min_interval_s)
            try:
                answer = self._send("GET", path, self._auth.token(), params=params)
            except TransientError as error:
                self.unanswered += isinstance(error, NetworkError) and error.sent
                failed(error)
                raise
            finally:
                self._asked_at[path] = self._monotonic()
            try:
                result = read(answer)
            except NetworkError as error:
                error.request_id = answer.request_id
                self.unanswered += 1
                raise
            if self.watch is not None:
                self.watch.answered()
            return result

        deadline = self._deadline()
        self._authenticate(deadline)
        try:
            return self._retry(ask, deadline)
        except AuthError:
            if not self._auth.can_renew:
                raise
            logger.info("X no longer takes the bearer token")
            self._auth.forget()
        self._authenticate(deadline)
        return self._retry(ask, deadline)

    def _authenticate(self, deadline: float) -> None:
        def ask() -> None:
            answer = self._send(
                "POST", TOKEN_PATH, self._auth.keys(), data=TOKEN_FORM, content_type=FORM_TYPE
            )
            self._auth.accept(answer.body)

        if self._auth.has_token:
            return
        logger.info("Requesting a bearer token")
        self._retry(ask, deadline)
        logger.info("Bearer token generated")

    def _redact(self, body: bytes) -> bytes:
        return self._auth.redact(body)

    def _pace(self, path: str, min_interval_s: float) -> None:
        """Keep the endpoint's distance between requests, counted from the end of the last one.

        It is kept before the first one too: another process may just have asked.
        """
        if not min_interval_s:
            return
        asked_at = self._asked_at.get(path)
        wait_s = min_interval_s if asked_at is None else asked_at + min_interval_s - self._monotonic()
        if wait_s > 0:
            self._sleep(wait_s)
