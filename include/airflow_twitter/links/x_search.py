"""A link from a finished search to the same search on x.com."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from airflow_twitter.posts.windows import Window

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class XSearchLink(BaseOperatorLink):
    """Open the same search, newest first, on x.com."""

    name = "Search on x.com"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address that the operator made of its window, or nothing when it had none."""
        return getattr(operator, "search_url", "")


def x_search_url(window: Window) -> str:
    """Return the address of a window's search on x.com, whose times are Unix seconds."""
    since, until = (int(moment.timestamp()) for moment in (window.since, window.until))
    query = f"{window.query} since_time:{since} until_time:{until}"
    return f"https://x.com/search?q={quote(query, safe='')}&f=live"
