"""Throw away what need not be kept any longer, without asking X for anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from airflow.sdk import BaseOperator, Context

from airflow_twitter.dag_runs import is_active
from airflow_twitter.data_folder import data_store
from airflow_twitter.operators.rendered import is_true
from airflow_twitter.posts.retention import Retention, clean
from airflow_twitter.publishing.retention import clean_media

DAY_S = 86_400.0


class TwitterMaintenanceOperator(BaseOperator):
    """Remove staged pages of runs that were merged long ago, old quarantine, videos of posts that are over, leftovers.

    Never the pages of a run that is active, or was not merged. Returns what was removed and how many runs were kept,
    by reason.

    :param staging_days: how long the pages of a run are kept after it was merged. (templated)
    :param partial_days: the same for a partial run that can still be continued. (templated)
    :param quarantine_days: how long refused posts and damaged files are kept. (templated)
    :param media_days: how long videos are kept after they came, once their posts are over. (templated)
    :param tell_only: only say what would be removed. (templated)
    """

    template_fields: Sequence[str] = (
        "staging_days",
        "partial_days",
        "quarantine_days",
        "media_days",
        "tell_only",
    )
    ui_color = "#e6e6e6"

    def __init__(
        self,
        *,
        staging_days: float | str = 30,
        partial_days: float | str = 90,
        quarantine_days: float | str = 30,
        media_days: float | str = 30,
        tell_only: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.staging_days = staging_days
        self.partial_days = partial_days
        self.quarantine_days = quarantine_days
        self.media_days = media_days
        self.tell_only = tell_only

    def execute(self, context: Context) -> dict[str, Any]:
        """Clean the data folder."""
        ti: Any = context["ti"]
        tell_only = is_true(self.tell_only)
        store, now = data_store(), datetime.now(UTC)
        cleaned = clean(
            store,
            Retention(
                staging_s=float(self.staging_days) * DAY_S,
                partial_s=max(float(self.partial_days), float(self.staging_days)) * DAY_S,
                quarantine_s=float(self.quarantine_days) * DAY_S,
            ),
            now=now,
            is_active=partial(is_active, ti),
            dry_run=tell_only,
        )
        self.log.info(
            "%s the staged pages of %d runs (%d bytes), %d files of quarantine, %d leftovers. Runs kept: %s.",
            "Would remove" if tell_only else "Removed",
            len(cleaned.runs),
            cleaned.bytes,
            len(cleaned.quarantine),
            cleaned.leftovers,
            ", ".join(f"{count} {reason}" for reason, count in sorted(cleaned.kept.items())) or "none",
        )
        media = clean_media(store, now=now, keep_s=float(self.media_days) * DAY_S, dry_run=tell_only)
        self.log.info("%s %d files of videos.", "Would remove" if tell_only else "Removed", len(media))
        return {**asdict(cleaned), "media": media}
