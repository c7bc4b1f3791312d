"""Validate all committed pages of a run: good posts to its staging folder, refused ones to quarantine."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from typing import BinaryIO

import msgspec

from airflow_twitter.posts.lines import staged_lines
from airflow_twitter.posts.quarantine import error_line, quarantine_line, write_quarantine
from airflow_twitter.posts.staging import REPORT, PageHeader, Staging
from airflow_twitter.posts.validation import PageError, ValidatedPage, validate_page
from airflow_twitter.times import utc_text


class Report(msgspec.Struct, kw_only=True):
    """What validation found in a run; counts, except where it says otherwise.

    `posts` are distinct good posts, `bad` refused posts, `errors` X's partial errors. `quarantine` is the key of
    the refused ones, None when there are none. `last_fetched_at` is UTC text.
    """

    pages: int = 0
    posts: int = 0
    bad: int = 0
    errors: int = 0
    users: int = 0
    media: int = 0
    included_posts: int = 0
    quarantine: str | None = None
    last_fetched_at: str | None = None

    def __post_init__(self) -> None:
        if self.last_fetched_at is not None:
            utc_text(datetime.fromisoformat(self.last_fetched_at))

    @property
    def bad_share(self) -> float:
        """The share of posts that were refused, 0 to 1."""
        return self.bad / (self.posts + self.bad) if self.bad else 0.0


def validate_run(staging: Staging, *, slug: str, dag_id: str, run_id: str) -> Report:
    """Validate every committed page of a run, write what is good, and return the report, which is kept too.

    Costs what the run's pages hold; one page is in memory at a time, and the ids of the posts. Raises StagingError
    when committed pages are damaged.
    """
    report = Report()
    refused: list[bytes] = []
    seen: set[int] = set()
    with ExitStack() as files:
        writers = {
            kind: files.enter_context(staging.store.writer(staging.validated_key(kind)))
            for kind in ("posts", "users", "media", "included_posts")
        }
        for header in staging.pages():
            page = _validated(staging, header, run_id, refused)
            report.pages += 1
            report.last_fetched_at = header.fetched_at
            if page is None:
                report.bad += max(1, header.result_count)
                continue
            seen.update(post.id for post in page.good)
            report.bad += len(page.bad)
            report.errors += len(page.errors)
            _write(writers, page, report)
            refused += [quarantine_line(bad) for bad in (*page.bad, *page.bad_includes)]
            refused += [error_line(header.number, error) for error in page.errors]
    report.posts = len(seen)
    report.quarantine = write_quarantine(staging.store, slug, dag_id, run_id, refused)
    staging.write(REPORT, report)
    return report


def _validated(
    staging: Staging, header: PageHeader, run_id: str, refused: list[bytes]
) -> ValidatedPage | None:
    body = staging.body(header.number)
    try:
        return validate_page(body, fetched_at=header.fetched_at, run_id=run_id, page=header.number)
    except PageError as error:
        refused.append(error_line(header.number, {"title": "unreadable page", "detail": str(error)}))
        return None


def _write(writers: dict[str, BinaryIO], page: ValidatedPage, report: Report) -> None:
    writers["posts"].write(staged_lines(page.good))
    for kind, name in (("users", "users"), ("media", "media"), ("included_posts", "posts")):
        lines = page.includes.get(name, [])
        writers[kind].write(staged_lines(lines))
        setattr(report, kind, getattr(report, kind) + len(lines))
