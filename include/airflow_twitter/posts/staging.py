"""What one run has fetched so far: committed pages, its window, its validated posts, its report.

The pages are the only record of how far a run has come: whoever goes on after a crash, a wait or a cleared
task reads them and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any, TypeVar

import msgspec

from airflow_twitter.posts.keys import WithMend
from airflow_twitter.posts.lines import StagedError, StagedPosts, read_posts
from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.posts.store import Store, StoreError
from airflow_twitter.posts.windows import Window

log = logging.getLogger(__name__)

Kept = TypeVar("Kept")

WINDOW = "window.json"
"""The window that the run's first attempt decided."""
REPORT = "report.json"
"""What validation found."""
CONTINUED_BY = "continued_by.json"
"""Which run goes on where this one stopped."""

_HEADER_LIMIT = 65_536
ROOM_OF_POST = 32 * 1024
"""Bytes that a post may take in a page with all that comes along: fifteen times what it usually does."""
ATTEMPT_ENDS_S = 120.0
"""How long an attempt may go on that Airflow takes for dead: Airflow ends it at its next heartbeat."""


class StagingError(WithMend):
    """Report committed pages that cannot be used as they are: a hole, damage, or another query's pages."""


class PageHeader(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What is known of a committed page beside its bytes.

    `asked_token` or `until_id` was sent to get the page, by the try of the task that `attempt` names; `next_token`
    asks for the one after it (None: this is the last). `fetched_at` is UTC text that ends in Z; `size` (bytes)
    and `sha256` are filled in by the commit.
    """

    number: int
    asked_token: str | None
    next_token: str | None
    fingerprint: str
    fetched_at: str
    until_id: str | None = None
    attempt: str = ""
    request_id: str | None = None
    result_count: int = 0
    newest_id: str | None = None
    oldest_id: str | None = None
    size: int = 0
    sha256: str = ""


class Staging:
    """Keep the files of one run under staging/<dag_id>/<run_id>/ of the store."""

    def __init__(self, store: Store, dag_id: str, run_id: str) -> None:
        self.store = store
        self.folder = f"staging/{safe_segment(dag_id)}/{safe_segment(run_id)}"

    def alone(self, timeout_s: float = ATTEMPT_ENDS_S) -> AbstractContextManager[None]:
        """Keep other attempts of this run out, for Airflow may start one while it has lost sight of another.

        Raises LockTimeout when the other one does not end in time.
        """
        return self.store.hold(self.folder, timeout_s)

    def check_room(self, posts: int) -> None:
        """Raise DiskFull unless a page of so many posts could be committed: one that cannot is bought in vain."""
        self.store.check_room(self.folder, ROOM_OF_POST * posts)

    def read(self, name: str, kind: type[Kept]) -> Kept | None:
        """Return what `name` (WINDOW, REPORT) holds as `kind`, None when it is missing.

        Raises StagingError when it is damaged.
        """
        value = self._read_json(name)
        try:
            return None if value is None else msgspec.convert(value, kind)
        except (ValueError, RecursionError) as error:
            raise self._unusable(name, str(error)) from None

    def write(self, name: str, value: Any) -> None:
        """Keep a struct, or JSON values, as `name`."""
        content = msgspec.json.format(msgspec.json.encode(value), indent=2)
        self.store.put(f"{self.folder}/{name}", content + b"\n")

    def commit(self, header: PageHeader, body: bytes) -> str:
        """Keep a page, the token after it and the query's fingerprint by one atomic write; return its key.

        The same page may be committed again; raises StagingError when another one has this number.
        """
        key = self._page_key(header.number)
        header = msgspec.structs.replace(header, size=len(body), sha256=hashlib.sha256(body).hexdigest())
        if self.store.exists(key):
            held, _ = self._read_header(key)
            if (held.sha256, held.next_token) != (header.sha256, header.next_token):
                raise StagingError(
                    f"Page {header.number} is committed already, with another content: {key}.",
                    "Start a new run, or fetch this one again (refetch).",
                )
            return key
        self.store.put(key, (msgspec.json.encode(header), b"\n", body))
        return key

    def pages(self, fingerprint: str | None = None) -> list[PageHeader]:
        """Return the headers of all committed pages in order, after a check of their sizes.

        Raises StagingError for a hole in their numbers, for a page of another query when `fingerprint` is given,
        and for a damaged page, which is set aside before.
        """
        headers = []
        for key in self.store.list(f"{self.folder}/pages"):
            if key.endswith(".page"):
                headers.append(self._checked_header(key, fingerprint))
        headers.sort(key=lambda header: header.number)
        for before, after in pairwise(headers):
            if after.number != before.number + 1:
                raise StagingError(
                    f"Page {before.number + 1} is missing from {self.store.url(self.folder)}, though later "
                    "ones are there.",
                    "Fetch the run again (refetch) to replace its pages.",
                )
        return headers

    def body(self, number: int) -> bytes:
        """Return the exact bytes of a page as X sent them, after a check of size and SHA-256.

        Raises StagingError when they were damaged (the page is set aside) and FileNotFoundError without such
        a page.
        """
        key = self._page_key(number)
        header, offset = self._read_header(key)
        body = self.store.read(key)[offset:]
        if len(body) != header.size or hashlib.sha256(body).hexdigest() != header.sha256:
            raise self._damaged(key, "its bytes are not those that were committed")
        return body

    def discard_pages(self) -> None:
        """Delete all pages and what was made from them; the window stays."""
        for name in ("pages", "validated"):
            self.store.delete_tree(f"{self.folder}/{name}")
        for name in ("estimate.json", REPORT, "counted.json", CONTINUED_BY):
            self.store.delete(f"{self.folder}/{name}")

    def validated_key(self, kind: str = "posts") -> str:
        """Return where what is good of `kind` lies: "posts", "users", "media" or "included_posts"."""
        return f"{self.folder}/validated/{kind}.staged"

    @contextlib.contextmanager
    def validated(self, kind: str = "posts") -> Iterator[StagedPosts]:
        """Open what is good of `kind` and read it; raises StagingError when it is damaged or missing."""
        try:
            with self.store.open(self.validated_key(kind)) as file:
                yield read_posts(file)
        except (StagedError, FileNotFoundError) as error:
            place = self.store.url(self.validated_key(kind))
            raise StagingError(
                f"{place} is damaged or missing ({error}).",
                "Clear the run from its validation on: that makes it anew and buys nothing.",
            ) from error

    def _page_key(self, number: int) -> str:
        if number < 1:
            raise StagingError(f"Pages are numbered from 1, not {number}.", "Fetch the run again (refetch).")
        return f"{self.folder}/pages/{number:05d}.page"

    def _checked_header(self, key: str, fingerprint: str | None) -> PageHeader:
        header, offset = self._read_header(key)
        if self._page_key(header.number) != key:
            raise self._damaged(key, f"it says that it is page {header.number}")
        if self.store.size(key) != offset + header.size:
            raise self._damaged(key, "its size is not the committed one")
        if fingerprint is not None and header.fingerprint != fingerprint:
            raise StagingError(
                f"Page {header.number} of {self.store.url(self.folder)} was fetched for another query "
                f"(fingerprint {header.fingerprint}, not {fingerprint}).",
                "Start a new run, or fetch this one again (refetch).",
            )
        return header

    def _read_header(self, key: str) -> tuple[PageHeader, int]:
        with self.store.open(key) as file:
            line = file.readline(_HEADER_LIMIT)
        try:
            return msgspec.json.decode(line, type=PageHeader), len(line)
        except (ValueError, RecursionError):
            raise self._damaged(key, "its first line is no page header") from None

    def _damaged(self, key: str, reason: str) -> StagingError:
        with contextlib.suppress(FileNotFoundError):  # another attempt may have set it aside just now
            key = self.store.set_aside(key)
        log.error("Set aside a damaged page, %s: %s", reason, self.store.url(key))
        return StagingError(
            f"A committed page is damaged, {reason}; it was set aside as {self.store.url(key)}.",
            "Clear the run: it buys the page anew. Where later ones are staged, fetch it again (refetch).",
        )

    def _read_json(self, name: str) -> dict[str, Any] | None:
        key = f"{self.folder}/{name}"
        try:
            value = msgspec.json.decode(self.store.read(key))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError):
            raise self._unusable(name, "it is not JSON") from None
        if not isinstance(value, dict):
            raise self._unusable(name, "it holds no object")
        return value

    def _unusable(self, name: str, reason: str) -> StagingError:
        return StagingError(
            f"{self.store.url(f'{self.folder}/{name}')} is damaged: {reason}.",
            "Put it back from a backup; without one, move it out of the data folder and clear the run "
            "from its first task on: pages that are staged are not bought again.",
        )


def find_window(store: Store, folder: str) -> Window | None:
    """Return the window of the run whose staging folder that is; None when there is none, or it is damaged."""
    try:
        return msgspec.json.decode(store.read(f"{folder}/{WINDOW}"), type=Window)
    except (OSError, StoreError, ValueError, RecursionError):
        return None
