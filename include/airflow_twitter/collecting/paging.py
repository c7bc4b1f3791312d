"""Which page of a window to ask for next, from nothing but the window and the pages that are committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from airflow_twitter.posts.staging import PageHeader
from airflow_twitter.posts.windows import Window


class PagingError(RuntimeError):
    """X's pages lead nowhere: the token repeats itself and no post says where to go on."""


@dataclass(frozen=True)
class PageRequest:
    """The next page: its number in this run from 1, and where it begins.

    A page begins at the window's end, at a `token`, or below `until_id` when X no longer takes the token.
    """

    number: int
    token: str | None
    until_id: str | None

    def params(self, window: Window, now: datetime) -> dict[str, str]:
        """Return X's parameters of the page; `now` is X's clock.

        X refuses ``end_time`` beside ``until_id``. Source: docs.x.com/x-api/posts/search/introduction.
        """
        params = {
            "query": window.query,
            "max_results": str(window.max_results),
            **window.times(now),
        }
        if self.until_id is not None:
            del params["end_time"]
            params["until_id"] = self.until_id
        if self.token is not None:
            params["next_token"] = self.token
        return params


def next_token(window: Window, pages: Sequence[PageHeader]) -> str | None:
    """Return the token of the page that follows the committed ones; None when X has no more."""
    return pages[-1].next_token if pages else window.start_token


def is_complete(window: Window, pages: Sequence[PageHeader]) -> bool:
    """Tell whether the committed pages reach the window's end: X's only sign of it is a missing token."""
    return is_empty(window) or (bool(pages) and pages[-1].next_token is None)


def is_empty(window: Window) -> bool:
    """Tell whether the window spans no time, as right after another run: there is nothing to ask for."""
    return window.asked_since >= window.until


def next_page(window: Window, pages: Sequence[PageHeader]) -> PageRequest | None:
    """Return the next page to ask for, None when the window is complete or has its pages.

    A token that was asked for before would lead round in a circle, so the walk goes on below the oldest post.
    Raises :class:`PagingError` when there is no such post.
    """
    if is_complete(window, pages) or (window.page_max is not None and len(pages) >= window.page_max):
        return None
    number = len(pages) + 1
    if not pages:
        return PageRequest(number, window.start_token, None)
    token = pages[-1].next_token
    if token in {page.asked_token for page in pages}:
        return below_oldest(window, pages)
    return PageRequest(number, token, pages[-1].until_id)


def below_oldest(window: Window, pages: Sequence[PageHeader]) -> PageRequest:
    """Return the page below the oldest post that is committed, for when a token cannot be used.

    Raises :class:`PagingError` when no post is committed, or that page was asked for already.
    """
    oldest = oldest_id(window, pages)
    if oldest is None or any(page.until_id == oldest and page.asked_token is None for page in pages):
        raise PagingError(
            "X does not take the token that it gave for the next page, and no older post says where to go on. "
            "What is committed is kept; clear the task to try again."
        )
    return PageRequest(len(pages) + 1, None, oldest)


def oldest_id(window: Window, pages: Sequence[PageHeader]) -> str | None:
    """Return the oldest post id that this run and those it continues have committed."""
    ids = [page.oldest_id for page in pages if page.oldest_id]
    if window.start_until_id is not None:
        ids.append(window.start_until_id)
    return min(ids, key=int, default=None)
