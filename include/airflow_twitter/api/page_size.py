"""How many posts to ask for in one page while X is in trouble: large pages are the first to fail then."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)

LEAST = 10
"""X's smallest ``max_results`` (docs.x.com/x-api/posts/search-recent-posts)."""

STORM = 2
"""So many server errors in a row make a storm; a single one passes by itself."""

CALM = 3
"""After so many pages that arrived at once, larger ones are tried again."""


class PageSize:
    """Hold the size of the next page, `asked` at most.

    In a storm, from the second server error (5xx) in a row on, each one halves the page, down to 10 posts; three pages
    in a row without one double it again. A token says where a page begins, not how long it is, so the position stays
    exact. With `state`, what another one's :attr:`state` was, it goes on where that one was.
    """

    def __init__(self, asked: int, state: tuple[int, int, int] | None = None) -> None:
        self.asked = asked
        self.current, self._errors, self._calm = state or (asked, 0, 0)
        self.current = max(min(LEAST, asked), min(asked, self.current))

    @property
    def state(self) -> tuple[int, int, int] | None:
        """Size, errors and good pages in a row; None when there is nothing to be remembered."""
        calm = self.current == self.asked and not self._errors
        return None if calm else (self.current, self._errors, self._calm)

    def failed(self) -> None:
        """Count a server error."""
        self._errors += 1
        self._calm = 0
        smaller = max(min(LEAST, self.asked), self.current // 2)
        if self._errors >= STORM and smaller < self.current:
            self.current = smaller
            logger.warning(
                "X fails again: asking for %d posts a page in place of %d.", self.current, self.asked
            )

    def arrived(self) -> None:
        """Count a page that arrived."""
        self._calm = 0 if self._errors else self._calm + 1
        self._errors = 0
        if self._calm >= CALM:
            self._calm = 0
            self.current = min(self.asked, self.current * 2)
