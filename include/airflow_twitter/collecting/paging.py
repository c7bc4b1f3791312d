"""Which page of a window to ask for next, from nothing but the window and the pages that are committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from airflow_twitter.posts.staging import PageHeader
from airflow_twitter.posts.windows import Window

EMPTY_MAX = 50
"""After so many empty pages in a row an attempt gives up."""

DISTRUST = 2
"""After so many tokens that led nowhere, a run goes by post ids alone."""


class PagingError(RuntimeError):
    """X's pages lead nowhere: the token repeats itself and no post says where to go on."""


@dataclass(frozen=True)
class PageRequest:
    """The next page: its number in this run from 1, and where it begins.

    A page begins at the window's end, at a `token`, or below `until_id` when X no longer takes the token. `begun` is
    how many pages were committed when the attempt began.
    """

    number: int
    token: str | None
    until_id: str | None
    begun: int = 0

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


def has_all(window: Window, pages: Sequence[PageHeader]) -> bool:
    """Tell whether nothing is to be asked for: the window is complete, or ``page_max`` is reached."""
    return is_complete(window, pages) or (window.page_max is not None and len(pages) >= window.page_max)


def is_empty(window: Window) -> bool:
    """Tell whether the window spans no time, as right after another run: there is nothing to ask for."""
    return window.asked_since >= window.until


def next_page(window: Window, pages: Sequence[PageHeader], begun: int = 0) -> PageRequest | None:
    """Return the next page to ask for, None when the window is complete or has its pages.

    A token is followed unless it leads round in a circle: then the walk goes on below the oldest post. `begun` is how
    many of the pages were there when this attempt began. Raises :class:`PagingError` when no way leads on: what one
    attempt has tried in vain it does not try again, and it gives up after 50 empty pages in a row.
    """
    if has_all(window, pages):
        return None
    if not pages:
        if window.start_token is None and window.start_until_id is not None:
            return below_oldest(window, pages, begun)
        return PageRequest(1, window.start_token, None, begun)
    _check_empty(pages[begun:])
    token = pages[-1].next_token
    if token in _asked_tokens(window, pages) or _is_astray(window, pages):
        return below_oldest(window, pages, begun)
    return PageRequest(len(pages) + 1, token, pages[-1].until_id, begun)


def below_oldest(window: Window, pages: Sequence[PageHeader], begun: int = 0) -> PageRequest:
    """Return the page below the oldest post that is committed, for when a token cannot be used.

    Without any post it is the window's first page. Raises :class:`PagingError` when this attempt has asked for that
    page already (for the first one: twice).
    """
    oldest = oldest_id(window, pages)
    asked = [page for page in pages[begun:] if page.asked_token is None and page.until_id == oldest]
    if len(asked) >= (2 if oldest is None else 1):
        raise PagingError(
            "X does not take the token that it gave for the next page, and no older post says where to go on. "
            "What is committed is kept; clear the run to try again."
        )
    return PageRequest(len(pages) + 1, None, oldest, begun)


def carried_token(window: Window, pages: Sequence[PageHeader], token: str | None) -> str | None:
    """Return the token with which another run can go on; None when it has to go on below the oldest post.

    That is so for a token that leads back to a committed page, and for one that belongs to a query with an
    ``until_id``, as no run begins with both.
    """
    if token in _asked_tokens(window, pages) or (pages and pages[-1].until_id is not None):
        return None
    return token


def _asked_tokens(window: Window, pages: Sequence[PageHeader]) -> set[str | None]:
    return {window.start_token, *(page.asked_token for page in pages)}


def _check_empty(pages: Sequence[PageHeader]) -> None:
    """Bound what X's own rule, that an empty page with a token is not the end, would let go on for ever."""
    if len(pages) >= EMPTY_MAX and not any(page.result_count for page in pages[-EMPTY_MAX:]):
        raise PagingError(
            f"X gave {EMPTY_MAX} empty pages in a row, each with a token for another one. What is committed is kept; "
            "clear the run to go on behind them."
        )


def _is_astray(window: Window, pages: Sequence[PageHeader]) -> bool:
    """Tell whether the last page's token is not worth its request.

    That is so behind a page whose posts were all seen before, and once two tokens of this run led nowhere.
    """
    last = pages[-1]
    if last.oldest_id is None:
        return False
    before = oldest_id(window, pages[:-1])
    if before is not None and int(last.oldest_id) >= int(before):
        return True
    return sum(page.asked_token is None and page.until_id is not None for page in pages) >= DISTRUST


def oldest_id(window: Window, pages: Sequence[PageHeader]) -> str | None:
    """Return the oldest post id that this run and those it continues have committed."""
    ids = [page.oldest_id for page in pages if page.oldest_id]
    if window.start_until_id is not None:
        ids.append(window.start_until_id)
    return min(ids, key=int, default=None)
