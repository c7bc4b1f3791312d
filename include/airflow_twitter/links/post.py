"""A link from a run to the post that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class XPostLink(BaseOperatorLink):
    """Open the post on x.com."""

    name = "Post on x.com"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the post that the operator recorded, or nothing when there was none."""
        return getattr(operator, "post_url", None) or ""
