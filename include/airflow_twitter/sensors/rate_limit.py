"""Wait, without a worker slot, until a window can be searched."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.collecting.holding import uses_staging
from airflow_twitter.collecting.paging import has_all
from airflow_twitter.collecting.pausing import SLEEP_MAX_S
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.collecting.run import CollectRun, log_start
from airflow_twitter.collecting.share import Share
from airflow_twitter.hooks.twitter import TwitterHook
from airflow_twitter.times import rfc3339


class TwitterRateLimitSensor(BaseSensorOperator):
    """Wait until the run's window has settled and X is known to have room for a search.

    Asks X nothing. It decides the run's window when nobody has yet, and wakes at the moment that it waits for,
    not at a polling interval. Fails at once when that moment lies after the run's deadline.

    :param search: what to search for: fields of :data:`airflow_twitter.collecting.form.FIELDS`. (templated)
    :param twitter_conn_id: the Connection whose limit is waited for. (templated)
    """

    template_fields: Sequence[str] = ("search", "twitter_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"search": "json"}
    ui_color = "#e8e1f5"

    def __init__(
        self,
        *,
        search: Mapping[str, Any],
        twitter_conn_id: str = TwitterHook.default_conn_name,
        inlets: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(mode="reschedule", inlets=[*inlets, RATE_LIMIT], **kwargs)
        self.search = search
        self.twitter_conn_id = twitter_conn_id

    @uses_staging
    def poke(self, context: Context) -> bool:
        """Return True when there is room; else reschedule to the moment when there will be."""
        run = CollectRun(context)
        window, decided = run.window(self.search)
        if decided or context["ti"].get_first_reschedule_date(context) is None:
            log_start(self.log, window)
        if has_all(window, run.staging.pages()):
            # Nothing is to be asked for, as when a complete run is done again.
            return True
        now = datetime.now(UTC)
        limit = SharedLimit(context, self.twitter_conn_id, window.endpoint)
        room_at = max(window.settled_at, limit.room_at(now))
        share = Share(limit, run, window)
        if (window.settled_at - now).total_seconds() <= SLEEP_MAX_S:
            share.claim(now, room_at)
        wait_s = (room_at - now).total_seconds()
        if wait_s <= 0:
            return True
        if room_at > window.deadline:
            share.end()
            self.log.error("PIPELINE END: X has no room before the deadline.")
            raise AirflowFailException(
                f"X has room again at {rfc3339(room_at)}, after the deadline {rfc3339(window.deadline)}. Nothing was "
                "bought. Run it again later, or with a later deadline."
            )
        settling = room_at == window.settled_at
        if not settling:
            self.log.info("%s", limit.why(now))
        why = "the window settles" if settling else "X's rate-limit window resets"
        self.log.info("Waiting %.0f s until %s at %s.", wait_s, why, rfc3339(room_at))
        if wait_s > SLEEP_MAX_S:
            context["ti"].xcom_push("resumes_at", rfc3339(room_at))
            context["ti"].xcom_push("waits_for", "settling" if settling else limit.waits_for(now))
            raise AirflowRescheduleException(room_at)  # type: ignore[no-untyped-call]
        time.sleep(wait_s)
        return True
