"""Everything that was published, for people and programs: published.json, one post a line.

It is made from lines by month, so that a new post rewrites its own month; the array is their concatenation. Both
follow from the records and can be made again by telling each record once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.records import INDEX

KEY = "published.json"
_MONTHS = f"{INDEX}/months"


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what was posted where and when. `found`: it was not created by us but found on the account."""

    posted_at: datetime
    account: str
    key: str
    post_id: str | None
    post_url: str | None
    text: str
    media_sha256: str | None
    captions_language: str | None = None
    made_with_ai: bool = False
    paid_partnership: bool = False
    found: bool
    simulated: bool
    deleted_at: datetime | None


class _Sorting(msgspec.Struct, frozen=True):
    """What orders the lines and tells them apart."""

    posted_at: datetime
    account: str
    key: str


def tell_published(store: Store, record: Record) -> None:
    """Enter a published post into published.json, or renew its line there; doing it again changes nothing.

    Safe with many writers. A record that is not out is left alone.
    """
    if record.posted_at is None:
        return
    line = msgspec.json.encode(
        Published(
            posted_at=record.posted_at,
            account=record.account,
            key=record.key,
            post_id=record.post_id,
            post_url=record.post_url,
            text=record.content.text,
            media_sha256=record.content.media_sha256,
            captions_language=record.content.captions.language if record.content.captions else None,
            made_with_ai=record.content.made_with_ai,
            paid_partnership=record.content.paid_partnership,
            found=record.found,
            simulated=record.simulated,
            deleted_at=record.deleted_at,
        )
    )
    month = f"{_MONTHS}/{record.posted_at:%Y-%m}.jsonl"
    with store.lock(month):
        lines = {(entry.account, entry.key): (entry, line) for entry, line in _lines(store, month)}
        entry = msgspec.json.decode(line, type=_Sorting)
        if lines.get((entry.account, entry.key), (None, None))[1] != line:
            lines[entry.account, entry.key] = (entry, line)
            ordered = sorted(
                lines.values(), key=lambda item: (item[0].posted_at, item[0].account, item[0].key)
            )
            store.put(month, (line + b"\n" for _, line in ordered))
    with store.lock(KEY):
        store.put(KEY, _array(store))


def read_published(store: Store, account: str | None = None) -> Iterator[Published]:
    """Return what was published, oldest first, of one account or of all."""
    for month in store.list(_MONTHS):
        for _, line in _lines(store, month):
            published = msgspec.json.decode(line, type=Published)
            if account in (None, published.account):
                yield published


def _lines(store: Store, month: str) -> Iterator[tuple[_Sorting, bytes]]:
    try:
        content = store.read(month)
    except FileNotFoundError:
        return
    for line in content.splitlines():
        yield msgspec.json.decode(line, type=_Sorting), line


def _array(store: Store) -> Iterator[bytes]:
    yield b"["
    separator = b"\n"
    for month in store.list(_MONTHS):
        content = store.read(month).rstrip(b"\n")
        if content:
            yield separator + content.replace(b"\n", b",\n")
            separator = b",\n"
    yield b"\n]\n"
