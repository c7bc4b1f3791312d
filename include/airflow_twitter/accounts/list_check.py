"""Check a list of posts as a whole: fields, accounts, texts, dates, videos, captions, and what is said twice.

Videos are fetched and decoded as `prepare` does it, and kept for it: what goes out is what was checked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_twitter.accounts.checked import Brought
from airflow_twitter.accounts.form import PostFormError
from airflow_twitter.accounts.post_list import Fault, Row
from airflow_twitter.accounts.preparing import check_post, refuse_hopeless
from airflow_twitter.accounts.settings import Account
from airflow_twitter.accounts.videos import bring_captions, bring_video
from airflow_twitter.api.prices import Prices
from airflow_twitter.publishing.comparison import plain
from airflow_twitter.publishing.errors import PublishingError, SourceUnreachableError
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.text import check_text

log = logging.getLogger(__name__)

CHECK_MAX_S = 4 * 3600.0
BYTES_MAX = 32 * 1024**3
"""How long the check of a list may take, and how many bytes of videos it may bring: nobody is to fill the disk."""

OnRow = Callable[[int, str, float], None]


class ListTooLargeError(Exception):
    """The videos of a list take too long, or too many bytes."""


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A post of a list that X would take, with what is known of its video, and its price in dollars."""

    row: Row
    content: Content
    brought: Brought
    price: float


@dataclass
class ListCheck:
    """One check of one list. `faults` is everything that is wrong, `rows` what is right.

    `keys` are the runs that the posts of this list get, which stand in nobody's way: a list may be checked again.
    `on_row` gets how many posts were checked, what is being done for the next one, and the share of that.
    """

    records: Records
    accounts: Mapping[str, Account]
    author: str | None
    prices: Prices
    keys: frozenset[str]
    on_row: OnRow
    no_connection: Callable[[Account], str | None]
    monotonic: Callable[[], float] = time.monotonic
    bytes_max: int = BYTES_MAX
    max_s: float = CHECK_MAX_S
    rows: list[CheckedRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _videos: dict[tuple[Any, ...], dict[str, Any] | PublishingError] = field(default_factory=dict)
    _seen: dict[tuple[str, str], Row] = field(default_factory=dict)
    _bytes: int = 0

    def run(self, rows: Sequence[Row]) -> None:
        """Check all of them, whatever is wrong with some. Raises ListTooLargeError."""
        self._deadline = self.monotonic() + self.max_s
        for done, row in enumerate(rows):
            self.on_row(done, f"checking {row.place}", 0.0)
            before = len(self.faults)
            account = self.accounts.get(row.post["account"])
            if account is None:
                self._fault(row, "account", f"there is no {row.post['account']!r} in accounts.yaml")
            else:
                self._check(row, account, done)
            log.info("%s: %s", row.place, "right" if len(self.faults) == before else "wrong")
        self.on_row(len(rows), "all were checked", 1.0)

    def _check(self, row: Row, account: Account, done: int) -> None:
        post = row.post
        if problem := self.no_connection(account):
            self._fault(row, "account", problem)
        try:
            refuse_hopeless(post, account, self.author, datetime.now(UTC))
        except PostFormError as error:
            self._fault(row, error.field, error.reason)
        text_is_right = self._check_text(row)
        self._check_said_twice(row, (post["account"], f"{plain(post['text'])}\0{post['video']}"))
        brought = self._bring(row, account, done)
        if brought is None or not text_is_right:
            return
        checked = check_post(post, brought.video, self.prices, brought.captions)
        self._check_said_twice(row, (post["account"], checked.content.fingerprint))
        self._check_published(row, checked.content)
        self.rows.append(CheckedRow(row, checked.content, brought, checked.price))

    def _check_text(self, row: Row) -> bool:
        try:
            check_text(row.post["text"], has_media=row.post["video"] is not None).require()
        except PublishingError as error:
            self._fault(row, "text", str(error))
            return False
        return True

    def _bring(self, row: Row, account: Account, done: int) -> Brought | None:
        """Return what is known of video and captions, None when one of them is wrong."""
        post = row.post
        if post["video"] is None:
            return Brought()
        video = self._video(row, account, done)
        if isinstance(video, PublishingError):
            self._fault(row, "video", str(video), passing=isinstance(video, SourceUnreachableError))
        captions = None
        if post["captions"] is not None:
            try:
                # Of a video that is wrong nobody knows how long it lasts.
                known = {"duration_s": float("inf")} if isinstance(video, PublishingError) else video
                captions = bring_captions(self.records.store, account, post, known)
            except PublishingError as error:
                self._fault(row, "captions", str(error), passing=isinstance(error, SourceUnreachableError))
                return None
        return None if isinstance(video, PublishingError) else Brought(video=video, captions=captions)

    def _video(self, row: Row, account: Account, done: int) -> dict[str, Any] | PublishingError:
        """Fetch and check a video; the same one is looked at once for an account."""
        post = row.post
        wish = (account.account, post["video"], post["fit_video"], post["target_size_mb"])
        if wish not in self._videos:
            self._refuse_too_much()
            try:
                video = bring_video(
                    self.records.store, account, post, lambda *step: self._tell(row, done, *step)
                )
                self._bytes += video["size"]
                self._videos[wish] = video
            except PublishingError as error:
                self._videos[wish] = error
        return self._videos[wish]

    def _tell(self, row: Row, done: int, what: str, share: float) -> None:
        self._refuse_too_much()
        self.on_row(done, f"{row.place}: {what}", share)

    def _refuse_too_much(self) -> None:
        if self.monotonic() > self._deadline:
            raise ListTooLargeError(f"Its videos could not be checked within {self.max_s / 3600:g} hours")
        if self._bytes > self.bytes_max:
            raise ListTooLargeError(f"Its videos have over {self.bytes_max / 1024**3:g} GiB")

    def _check_said_twice(self, row: Row, content: tuple[str, str]) -> None:
        first = self._seen.setdefault(content, row)
        named = any(fault.place == row.place and fault.field == "text" for fault in self.faults)
        if first is not row and not row.post["allow_duplicate"] and not named:
            self._fault(row, "text", f"{first.place} says the same")

    def _check_published(self, row: Row, content: Content) -> None:
        if row.post["allow_duplicate"]:
            return
        try:
            same = self.records.same_content(row.post["account"], content)
        except PublishingError as error:
            self._fault(row, "text", str(error))
            return
        for other in same:
            if other.key not in self.keys and not other.state.frees_content:
                where = f", {other.post_url}" if other.post_url else ""
                self._fault(
                    row,
                    "text",
                    f"the run {other.key} has the same text and video ({other.state.value}{where})",
                )
                return

    def _fault(self, row: Row, name: str, reason: str, *, passing: bool = False) -> None:
        self.faults.append(Fault(row.place, name, reason, passing))
