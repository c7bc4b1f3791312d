"""Ask X for one page of a window, by the way that gets through."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from airflow_twitter.api.client import Page, XClient
from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.api.errors import TokenRejectedError
from airflow_twitter.api.page_size import PageSize
from airflow_twitter.collecting.paging import PageRequest, below_oldest
from airflow_twitter.collecting.spending import RunSpending
from airflow_twitter.posts.staging import PageHeader
from airflow_twitter.posts.windows import Window
from airflow_twitter.times import utc_text

log = logging.getLogger(__name__)


class Asker:
    """Ask for the pages of one window, smaller ones while X fails, and without tokens that X does not take."""

    def __init__(self, client: XClient, window: Window, spending: RunSpending, size: PageSize) -> None:
        self._client = client
        self._window = window
        self._spending = spending
        self._size = size

    def ask(self, request: PageRequest, pages: Sequence[PageHeader]) -> tuple[PageRequest, Page]:
        """Ask for a page; when X rejects its token, for the one below the oldest post. Return what was asked for."""
        try:
            return request, self._ask(request)
        except TokenRejectedError as error:
            if request.token is None:
                raise
            log.warning("%s", error)
        request = below_oldest(self._window, pages, request.begun)
        return request, self._ask(request)

    def _ask(self, request: PageRequest) -> Page:
        params = request.params(self._window, self._client.server_now())
        endpoint = ENDPOINTS[self._window.endpoint]
        with self._spending.page(self._client, request.number, self._size.current):
            return self._client.search(endpoint, params, expand=self._window.expand, size=self._size)


def header_of(request: PageRequest, page: Page, window: Window, attempt: str) -> PageHeader:
    """Return what is committed beside a page: how it was asked for, by which try, and what follows it."""
    return PageHeader(
        number=request.number,
        asked_token=request.token,
        until_id=request.until_id,
        attempt=attempt,
        next_token=page.next_token,
        fingerprint=window.fingerprint,
        fetched_at=utc_text(page.server_time),
        request_id=page.request_id,
        result_count=page.result_count,
        newest_id=page.newest_id,
        oldest_id=page.oldest_id,
    )
