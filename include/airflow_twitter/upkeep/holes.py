"""Which windows of a keyword are missing or partial, and the command that fills each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Literal

from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.collecting.keywords import Keyword
from airflow_twitter.collecting.request import search_request
from airflow_twitter.collecting.ticks import Ticks
from airflow_twitter.dag_ids import ANY_KEYWORD_DAG_ID, keyword_dag_id
from airflow_twitter.posts import coverage
from airflow_twitter.posts.coverage import CoveredWindow, Interval
from airflow_twitter.posts.staging import Staging, find_window
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.windows import FLOOR_MARGIN_S, X_SETTLES_S, Window
from airflow_twitter.times import rfc3339, whole_second
from airflow_twitter.upkeep.commands import backfill_command, trigger_command

Kind = Literal["missing", "partial", "unreachable"]


@dataclass(frozen=True)
class Hole:
    """A span [since, until) that is not complete.

    `conf` triggers the DAG `dag_id` so that it is filled. `commands` do the same from a shell; for a scheduled
    keyword they are backfills. A "partial" hole is gone on with where `run_id` stopped, for `reason`, before the page
    of `token`, with pages of `page_size` posts and what `expand` brings along. An "unreachable" one is out of recent
    search's reach, so that it takes the full archive.
    """

    kind: Kind
    since: datetime
    until: datetime
    dag_id: str
    conf: dict[str, Any]
    commands: list[str]
    run_id: str | None = None
    reason: str | None = None
    token: str | None = None
    page_size: int | None = None
    expand: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        times = {"since": rfc3339(self.since), "until": rfc3339(self.until)}
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | times


@dataclass(frozen=True)
class KeywordHoles:
    """What is known of one keyword: complete blocks, and the holes between `since` and `until`.

    Without `since` nothing was collected yet, and nobody said from when on it should have been.
    """

    slug: str
    keyword: str
    dag_id: str
    endpoint: str
    schedule: str | None
    query: str
    expand: bool = False
    since: datetime | None = None
    until: datetime | None = None
    blocks: list[Interval] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)


def find_holes(
    store: Store, keyword: Keyword, now: datetime, *, since: datetime | None = None
) -> KeywordHoles:
    """Return what is not complete of a keyword, from `since` on.

    By default it is looked at from its first window on, or from its start_date when it catches up; up to the last
    scheduled interval that has ended and settled, without a schedule up to its last complete window. What another
    endpoint has collected of the same query counts. Raises CoverageError for damaged coverage.
    """
    return _Search(store, keyword, now).holes(since)


class _Search:
    def __init__(self, store: Store, keyword: Keyword, now: datetime) -> None:
        self.store = store
        self.keyword = keyword
        self.now = now
        self.settings = keyword.settings
        self.dag_id = keyword_dag_id(keyword.slug)
        names = ("keyword", "query", "language", "endpoint", "max_results")
        self.request = search_request({name: self.settings[name] for name in names}, now)
        query = self.request.query
        self.windows: list[CoveredWindow] = []
        for name in ENDPOINTS:
            self.windows += coverage.windows(store, keyword.slug, coverage.fingerprint(query, name))
        # Partial windows, each with what its run decided while that is still staged.
        self.staged = [
            (window, find_window(store, Staging(store, window.dag_id, window.run_id).folder))
            for window in coverage.still_partial(self.windows)
        ]
        schedule = self.settings["schedule"]
        self.ticks = Ticks(schedule) if schedule else None

    def holes(self, asked_since: datetime | None) -> KeywordHoles:
        blocks = coverage.covered(self.windows)
        since, until = asked_since or self._begin(), self._end(blocks)
        found = KeywordHoles(
            slug=self.keyword.slug,
            keyword=self.settings["keyword"],
            dag_id=self.dag_id,
            endpoint=self.request.endpoint,
            schedule=self.settings["schedule"],
            query=self.request.query,
            expand=self.settings["expand"],
            since=since,
            until=until,
            blocks=blocks,
        )
        if since is None or until is None or since >= until:
            return found
        partial = list(self._partial())
        missing = subtract([(since, until)], [*blocks, *((hole.since, hole.until) for hole in partial)])
        holes = [*partial, *(hole for span in missing for hole in self._missing(*span))]
        return KeywordHoles(**{**vars(found), "holes": sorted(holes, key=lambda hole: hole.since)})

    def _begin(self) -> datetime | None:
        if self.settings["catchup"]:
            return datetime.fromisoformat(self.settings["start_date"]).replace(tzinfo=UTC)
        # A search of another DAG may have looked far back once; without any of its own it is all that there is.
        own = [window.since for window in self.windows if window.dag_id in ("", self.dag_id)]
        return min(own or [window.since for window in self.windows], default=None)

    def _end(self, blocks: Sequence[Interval]) -> datetime | None:
        if self.ticks is None:
            return max((window.until for window in self.windows), default=None)
        settled = self.now - timedelta(seconds=X_SETTLES_S + self.settings["settle_s"])
        return self.ticks.last(settled)

    def _partial(self) -> Iterator[Hole]:
        """Yield the partial windows that can be gone on with: of a chain of runs the last."""
        continued = {(window.dag_id, held.continues) for window, held in self.staged if held is not None}
        for window, held in self.staged:
            if held is None or (window.dag_id, window.run_id) in continued or not self._reaches(window, held):
                continue
            conf = self._own_conf(window.dag_id, held.endpoint) | {"continue_from_run": window.run_id}
            yield Hole(
                kind="partial",
                since=window.since,
                until=window.until,
                dag_id=window.dag_id,
                conf=conf,
                commands=[trigger_command(window.dag_id, conf)],
                run_id=window.run_id,
                reason=window.reason,
                token=window.next_token,
                page_size=held.max_results,
                expand=held.expand,
            )

    def _reaches(self, window: CoveredWindow, held: Window) -> bool:
        """Tell whether the endpoint of a partial window still sees any of it; else it is missing, as if never begun."""
        return held.reach_s is None or window.until > self._reach_begins(held.reach_s)

    def _own_conf(self, dag_id: str, endpoint: str) -> dict[str, Any]:
        """Return the fields that make a search with `endpoint` again, where they are not the DAG's own already."""
        if dag_id != ANY_KEYWORD_DAG_ID:
            return {} if endpoint == self.settings["endpoint"] else {"endpoint": endpoint}
        names = ("keyword", "query", "language")
        conf = {name: self.settings[name] for name in names if self.settings[name] is not None}
        return conf if endpoint == "recent" else conf | {"endpoint": endpoint}

    def _missing(self, since: datetime, until: datetime) -> Iterator[Hole]:
        """Yield a missing span, in two where recent search reaches only its newer part."""
        floor = self._floor()
        for begin, end, kind in _split(since, until, floor):
            conf: dict[str, Any] = {"start_time": rfc3339(begin), "end_time": rfc3339(end)}
            if kind == "unreachable":
                conf["endpoint"] = "all"
            yield Hole(kind, begin, end, self.dag_id, conf, self._commands(begin, end, conf, floor))

    def _floor(self) -> datetime | None:
        """Return where recent search's reach begins: a scheduled interval is reached as a whole or not."""
        reach_s = ENDPOINTS[self.request.endpoint].reach_s
        if reach_s is None:
            return None
        floor = self._reach_begins(reach_s)
        return self.ticks.first(floor) if self.ticks else floor

    def _reach_begins(self, reach_s: float) -> datetime:
        # A minute for whoever types the command.
        return whole_second(self.now) - timedelta(seconds=reach_s - 2 * FLOOR_MARGIN_S)

    def _commands(
        self, begin: datetime, end: datetime, conf: dict[str, Any], floor: datetime | None
    ) -> list[str]:
        if self.ticks is None:
            return [trigger_command(self.dag_id, conf)]
        return [
            backfill_command(self.dag_id, [interval[0] for interval in intervals], dict(how))
            for how, intervals in groupby(
                self.ticks.intervals(begin, end),
                key=lambda interval: self._how(interval[0], interval[1], floor),
            )
        ]

    def _how(self, since: datetime, until: datetime, floor: datetime | None) -> tuple[tuple[str, Any], ...]:
        """Return the conf that the backfill of an interval needs, which tells ranges of intervals apart."""
        conf: dict[str, Any] = {}
        if floor is not None and since < floor:
            conf["endpoint"] = "all"
        # A run that was merged, whose pages are gone, buys again only when it is told to.
        if any(
            held is None and window.since < until and since < window.until for window, held in self.staged
        ):
            conf["refetch"] = True
        return tuple(conf.items())


def subtract(spans: Sequence[Interval], taken: Sequence[Interval]) -> list[Interval]:
    """Return what is left of spans without others; all half-open."""
    left = list(spans)
    for begin, end in taken:
        left = [
            part
            for since, until in left
            for part in ((since, min(until, begin)), (max(since, end), until))
            if part[0] < part[1]
        ]
    return left


def _split(
    since: datetime, until: datetime, floor: datetime | None
) -> Iterator[tuple[datetime, datetime, Kind]]:
    if floor is not None and since < floor:
        yield since, min(until, floor), "unreachable"
        since = floor
    if since < until:
        yield since, until, "missing"
