"""Bring together what the page shows: from the data folder, from Airflow's database, and only what a user may read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from airflow_twitter.dag_ids import ANY_KEYWORD_DAG_ID, keyword_dag_id
from airflow_twitter.pages.access import Reader
from airflow_twitter.pages.accounts import Account, read_accounts
from airflow_twitter.pages.datasets import Dataset, QueryCoverage, read_coverage, read_dataset
from airflow_twitter.pages.going_on import PartialWindow, partial_windows
from airflow_twitter.pages.runs import (
    CollectingDag,
    Position,
    Run,
    RunKey,
    collecting_dags,
    last_runs,
    named_runs,
    own_slug,
    positions,
    recent_runs,
    runs_under_way,
)
from airflow_twitter.pages.spending import Spending, read_spending
from airflow_twitter.pages.staged import Staged
from airflow_twitter.posts.store import Store, StoreError
from airflow_twitter.posts.windows import Window

PAGE_SIZE = 50


@dataclass(frozen=True)
class UnderWay:
    """A run that has not ended: the task that it is at, and what it has committed so far."""

    run: Run
    keyword: str | None
    window: Window | None
    position: Position | None
    pages: int

    @property
    def settles(self) -> bool:
        """Tell whether it waits for X to index its window, not for X's rate limit."""
        at = self.position.resumes_at if self.position else None
        return (
            self.window is not None and at is not None and at == self.window.settled_at.replace(microsecond=0)
        )


@dataclass(frozen=True)
class Keyword:
    """A keyword: its own DAG if it has one, its dataset (None when it cannot be told), its queries, its last run."""

    slug: str
    text: str
    dag: CollectingDag | None
    dataset: Dataset | None
    queries: list[QueryCoverage]
    last_run: Run | None


@dataclass(frozen=True)
class Status:
    """All that the page shows, as of `now` (aware UTC); `page` of `pages`, from 1, holds `keywords`.

    `spending` is None for a user who may not see it.
    """

    now: datetime
    accounts: list[Account]
    spending: list[Spending] | None
    under_way: list[UnderWay]
    partial: list[PartialWindow]
    keywords: list[Keyword]
    keyword_count: int
    page: int
    pages: int
    problems: list[str]


def read_status(session: Session, store: Store, reader: Reader, *, now: datetime, page: int = 1) -> Status:
    """Return what a user may know of the state of things."""
    queries, unreadable = read_coverage(store)
    readable = reader.readable((dag_id for query in queries for dag_id in query.dag_ids), session)
    queries = [query for query in queries if query.dag_ids & readable]
    dags = collecting_dags(session, reader.dag_ids)
    staged = Staged(store)
    under_way = _under_way(session, staged, readable | dags.keys())
    last = _last_runs(session, staged, dags.keys(), queries, readable)
    slugs = sorted(
        {slug for slug in map(own_slug, dags) if slug} | {query.slug for query in queries} | last.keys()
    )
    pages = max(1, -(-len(slugs) // PAGE_SIZE))
    page = min(page, pages)
    keywords, problems = _keywords(
        store, slugs[(page - 1) * PAGE_SIZE : page * PAGE_SIZE], dags, queries, last, staged
    )
    partial = partial_windows(
        session, staged, queries, readable, {run.run.key: run.window for run in under_way}, now
    )
    seen = dags.keys() | readable
    damaged = [
        f"{key} cannot be read, so that nobody knows what was bought."
        for slug, key in unreadable
        if seen & {keyword_dag_id(slug), ANY_KEYWORD_DAG_ID}
    ]
    spending, unread = read_spending(session, store, reader, now)
    return Status(
        now=now,
        spending=spending,
        accounts=read_accounts(session, store, with_limits=reader.reads_assets, now=now),
        under_way=under_way,
        partial=partial,
        keywords=keywords,
        keyword_count=len(slugs),
        page=page,
        pages=pages,
        problems=damaged + unread + problems + staged.problems,
    )


def _under_way(session: Session, staged: Staged, dag_ids: Iterable[str]) -> list[UnderWay]:
    runs = runs_under_way(session, list(dag_ids))
    at = positions(session, [run.key for run in runs])
    found = []
    for run in runs:
        window = staged.window(run.key)
        keyword = window.keyword if window else own_slug(run.dag_id)
        found.append(UnderWay(run, keyword, window, at.get(run.key), staged.pages(run.key)))
    return found


def _last_runs(
    session: Session,
    staged: Staged,
    dag_ids: Iterable[str],
    queries: Sequence[QueryCoverage],
    readable: set[str],
) -> dict[str, Run]:
    """Return the newest run of each keyword, by slug, whichever DAG it was a run of."""
    of_keyword: dict[str, list[Run]] = defaultdict(list)
    recorded: dict[RunKey, str] = {
        (query.last.dag_id, query.last.run_id): query.slug
        for query in queries
        if query.last and query.last.dag_id in readable
    }
    for run in named_runs(session, recorded):
        of_keyword[recorded[run.key]].append(run)
    dag_ids = set(dag_ids)
    for run in last_runs(session, dag_ids - {ANY_KEYWORD_DAG_ID}):
        if slug := own_slug(run.dag_id):
            of_keyword[slug].append(run)
    if ANY_KEYWORD_DAG_ID in dag_ids:
        for run in recent_runs(session, ANY_KEYWORD_DAG_ID):
            if window := staged.window(run.key):
                of_keyword[window.slug].append(run)
    return {slug: max(runs, key=lambda run: run.number) for slug, runs in of_keyword.items()}


def _keywords(
    store: Store,
    slugs: Sequence[str],
    dags: dict[str, CollectingDag],
    queries: Sequence[QueryCoverage],
    last: dict[str, Run],
    staged: Staged,
) -> tuple[list[Keyword], list[str]]:
    problems: list[str] = []
    keywords = []
    for slug in slugs:
        run = last.get(slug)
        window = staged.window(run.key) if run else None
        dataset = None
        try:
            dataset = read_dataset(store, slug)
        except (OSError, StoreError):
            problems.append(f"posts/{slug} cannot be read.")
        keywords.append(
            Keyword(
                slug=slug,
                text=window.keyword if window and window.slug == slug else slug,
                dag=dags.get(keyword_dag_id(slug)),
                dataset=dataset,
                queries=[query for query in queries if query.slug == slug],
                last_run=run,
            )
        )
    return keywords, problems
