"""Which windows are still partial, and how to go on with each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.api.errors import QueryError
from airflow_twitter.api.query import build_query
from airflow_twitter.dag_ids import ANY_KEYWORD_DAG_ID
from airflow_twitter.pages.datasets import QueryCoverage
from airflow_twitter.pages.runs import RunKey, named_runs
from airflow_twitter.pages.staged import Staged
from airflow_twitter.posts.coverage import CoveredWindow
from airflow_twitter.posts.slugs import slugify
from airflow_twitter.posts.windows import Window
from airflow_twitter.times import rfc3339

PARTIAL_MAX = 50


@dataclass(frozen=True)
class PartialWindow:
    """A window whose last page was never reached.

    `conf` is what to trigger the DAG with: to go on where the run stopped when `resumable`, else to fetch the
    window anew, since what the run staged is gone. `out_of_reach` says that recent search sees nothing of it any
    more. `continued_by` is a run that is going on with it already.
    """

    query: QueryCoverage
    window: CoveredWindow
    keyword: str | None
    resumable: bool
    conf: str
    out_of_reach: bool
    continued_by: RunKey | None


def partial_windows(
    session: Session,
    staged: Staged,
    queries: Sequence[QueryCoverage],
    readable: set[str],
    under_way: Mapping[RunKey, Window | None],
    now: datetime,
) -> list[PartialWindow]:
    """Return the partial windows of runs that may be read, newest record first, 50 at most.

    A run that another partial run went on with is left out: it is the other one that can be continued.
    """
    found = [(query, window) for query in queries for window in query.partial if window.dag_id in readable]
    found.sort(key=lambda pair: pair[1].recorded_at, reverse=True)
    found = found[:PARTIAL_MAX]
    keys = [(window.dag_id, window.run_id) for _, window in found]
    continued = {
        (dag_id, held.continues)
        for dag_id, held in ((key[0], staged.window(key)) for key in keys)
        if held is not None and held.continues
    }
    going_on = {(key[0], held.continues): key for key, held in under_way.items() if held and held.continues}
    known = {run.key for run in named_runs(session, keys)}
    return [
        _partial(query, window, staged.window(key), key in known, going_on.get(key), now)
        for (query, window), key in zip(found, keys, strict=True)
        if key not in continued
    ]


def _partial(
    query: QueryCoverage,
    window: CoveredWindow,
    staged: Window | None,
    run_known: bool,
    continued_by: RunKey | None,
    now: datetime,
) -> PartialWindow:
    keyword = staged.keyword if staged else _plain_keyword(query.slug)
    resumable = staged is not None and run_known
    conf: dict[str, str] = {}
    if window.dag_id == ANY_KEYWORD_DAG_ID:
        conf = _search(query, keyword)
    elif query.endpoint != "recent":
        conf = {"endpoint": query.endpoint}
    if resumable:
        conf["continue_from_run"] = window.run_id
    else:
        conf |= {"start_time": rfc3339(window.since), "end_time": rfc3339(window.until)}
    reach_s = ENDPOINTS[query.endpoint].reach_s if query.endpoint in ENDPOINTS else None
    return PartialWindow(
        query=query,
        window=window,
        keyword=keyword,
        resumable=resumable,
        conf=json.dumps(conf, ensure_ascii=False),
        out_of_reach=reach_s is not None and (now - window.until).total_seconds() > reach_s,
        continued_by=continued_by,
    )


def _search(query: QueryCoverage, keyword: str | None) -> dict[str, str]:
    """Return the fields of the form that make this query again, "…" for a keyword that is not known any more."""
    fields = {"keyword": keyword or "…"}
    if query.endpoint != "recent":
        fields["endpoint"] = query.endpoint
    try:
        same = keyword is not None and build_query(keyword, endpoint=ENDPOINTS[query.endpoint]) == query.query
    except (KeyError, QueryError):
        same = False
    if not same:
        fields["query"] = query.query
    return fields


def _plain_keyword(slug: str) -> str | None:
    """Return the keyword that a slug stands for, when it needed no change to be one."""
    return slug if slugify(slug) == slug else None
