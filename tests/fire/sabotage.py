"""The project broken on purpose, in each way that the kills are to find."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from airflow_twitter.operators.search import TwitterSearchOperator
from airflow_twitter.posts import dataset, store
from airflow_twitter.posts.staging import Staging
from airflow_twitter.posts.store import Store


def write_in_place() -> None:
    """Let a file be seen while it is being written."""

    @contextlib.contextmanager
    def writer(self: Store, key: str) -> Iterator[BinaryIO]:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            yield file

    Store.writer = writer  # type: ignore[method-assign]


def forget_pages() -> None:
    """Begin every attempt of a search at the first page."""
    plain = TwitterSearchOperator.execute

    def execute(self: TwitterSearchOperator, context: Any) -> None:
        Staging(Store(_root()), "twitter_search", "manual__1").discard_pages()
        plain(self, context)

    TwitterSearchOperator.execute = execute  # type: ignore[method-assign]


def never_clean() -> None:
    """Leave the temporary files of those that were killed."""
    store.remove_dead = lambda folder, name="*": 0  # type: ignore[assignment]


def lose_day() -> None:
    """Take a merge for done once any day is in place."""
    plain = dataset.merge

    def merge(to: Store, slug: str, *arguments: Any, **options: Any) -> dataset.MergeResult:
        if to.list(f"posts/{slug}"):
            return dataset.MergeResult()
        return plain(to, slug, *arguments, **options)

    dataset.merge = merge


def _root() -> str:
    return os.environ["TWITTER_DATA"]


SABOTAGES: Mapping[str, Callable[[], None]] = {
    "writes in place": write_in_place,
    "forgets its pages": forget_pages,
    "never cleans": never_clean,
    "loses a day": lose_day,
}
