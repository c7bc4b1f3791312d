"""Ask X how many posts a window holds, once its last page is in, so that what is stored can be compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Context

from airflow_twitter.api.client import XClient
from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.api.errors import RateLimitedError
from airflow_twitter.collecting.estimating import Pause, refuse_repeated
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.collecting.spending import RunSpending
from airflow_twitter.posts.verification import Counted, read_counting, write_counted
from airflow_twitter.posts.windows import FLOOR_MARGIN_S, Window
from airflow_twitter.times import rfc3339, utc_text


class Verifying:
    """The counting of one run's window; what X said is kept, and it is asked once."""

    def __init__(self, context: Context, run: CollectRun, window: Window, spending: RunSpending) -> None:
        self._staging = run.staging
        self._window = window
        self._spending = spending
        self._endpoint = ENDPOINTS[window.endpoint]
        self._unit = f"counts_{window.endpoint}_request"
        self._limit = SharedLimit(context, spending.ledger.conn_id, f"counts_{window.endpoint}")

    def ask(self, client: XClient, pause: Pause) -> int:
        """Return how many posts X counts; waits for its limit of counts, and raises what the client raises."""
        counted = read_counting(self._staging)
        asked = {None if counted is None else counted.next_token}
        while counted is None or counted.next_token is not None:
            self._wait(pause)
            try:
                counted = self._page(client, counted)
                if counted.next_token is not None:
                    refuse_repeated(counted.next_token, asked)
            except RateLimitedError as error:
                resumes_at = self._limit.refused(error, now := datetime.now(UTC))
                pause(resumes_at, self._limit.waits_for(now))
        return counted.posts

    def _wait(self, pause: Pause) -> None:
        room_at = self._limit.room_at(now := datetime.now(UTC))
        if room_at > now:
            pause(room_at, self._limit.waits_for(now))

    def _page(self, client: XClient, counted: Counted | None) -> Counted:
        """Ask for the next page, and keep what is counted by then before it is noted."""
        now = client.server_now()
        since = self._since(now) if counted is None else counted.since
        params = {
            "query": self._window.query,
            "granularity": "day",
            "start_time": rfc3339(since),
            "end_time": rfc3339(self._window.until),
        }
        if counted is not None and counted.next_token is not None:
            params["next_token"] = counted.next_token
        # X bills every request for counts: one that was lost is not the next one's.
        name = f"verify@{utc_text(now)}"
        with self._spending.request(client, name, {self._unit: 1}):
            counts = client.counts(self._endpoint, params)
        counted = Counted(
            since=since,
            until=self._window.until,
            posts=counts.total + (0 if counted is None else counted.posts),
            at=utc_text(counts.answer.server_time),
            next_token=counts.next_token,
        )
        write_counted(self._staging, counted)
        place = self._spending.place(name)
        self._spending.note(place, place, counts.answer.server_time, {self._unit: 1})
        self._limit.heard(counts.answer.limit)
        return counted

    def _since(self, now: datetime) -> datetime:
        """Return where the window begins, or what X still reaches of it."""
        if self._window.reach_s is None:
            return self._window.since
        return max(
            self._window.since,
            (now - timedelta(seconds=self._window.reach_s - FLOOR_MARGIN_S)).replace(microsecond=0),
        )
