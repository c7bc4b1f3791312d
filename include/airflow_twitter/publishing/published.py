"""Everything that was published, for people and programs: published.json, one post a line.

It is made from lines by month, so that a new post rewrites its own month; the array is their concatenation. Both
follow from the records and can be made again by telling each record once more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from airflow_twitter.posts.bounds import line_pieces
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.errors import PublishingError
from airflow_twitter.publishing.index import INDEX
from airflow_twitter.publishing.record import Moment, Record
from airflow_twitter.publishing.records import Records

log = logging.getLogger(__name__)

KEY = "published.json"
_MONTHS = f"{INDEX}/months"


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what was posted where and when. `found`: it was not created by us but found on the account."""

    posted_at: Moment
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
    deleted_at: Moment | None


_Month = dict[tuple[str, str], tuple[Published, bytes]]
"""The lines of a month by account and key of their posts."""


class DamagedMonth(PublishingError):
    """A file of lines cannot be read."""


def tell_published(store: Store, record: Record) -> None:
    """Enter a published post into published.json, or renew its line there; doing it again changes nothing.

    Safe with many writers. A record that is not out is left alone. A month whose file is damaged is made anew.
    """
    if record.posted_at is None:
        return
    line = _line(record, record.posted_at)
    month = f"{_MONTHS}/{record.posted_at:%Y-%m}.jsonl"
    with store.lock(month):
        try:
            lines = _by_post(_lines(store, month))
        except DamagedMonth as damage:
            lines = _made_anew(store, month, damage)
        entry = msgspec.json.decode(line, type=Published)
        if lines.get((entry.account, entry.key), (None, None))[1] != line:
            lines[entry.account, entry.key] = (entry, line)
            _write(store, month, lines)
    with store.lock(KEY):
        store.put(KEY, _array(store))


def _line(record: Record, posted_at: datetime) -> bytes:
    return msgspec.json.encode(
        Published(
            posted_at=posted_at,
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


def _lines(store: Store, month: str) -> Iterator[tuple[Published, bytes]]:
    """Yield the lines of a month; raises DamagedMonth for one that is none."""
    try:
        file = store.open(month)
    except FileNotFoundError:
        return
    with file:
        for number, raw in enumerate(line_pieces(file), start=1):
            line = raw.rstrip(b"\n")
            try:
                line.decode()  # msgspec skips text without a look at its bytes
                yield msgspec.json.decode(line, type=Published), line
            except (ValueError, RecursionError) as error:
                raise DamagedMonth(
                    f"{store.url(month)} is damaged in line {number} ({error}). It is made anew from the records when "
                    "the next post of its month is recorded: clear the task `record` of one."
                ) from None


def _by_post(lines: Iterable[tuple[Published, bytes]]) -> _Month:
    return {(published.account, published.key): (published, line) for published, line in lines}


def _made_anew(store: Store, month: str, damage: DamagedMonth) -> _Month:
    """Return the lines of a month as the records have them; the damaged file is kept aside."""
    log.error("%s It was kept as %s, and is made anew.", damage, store.set_aside(month, keep=True))
    name = month.rpartition("/")[2].removesuffix(".jsonl")
    told = (
        (record, record.posted_at)
        for record in Records(store).all()
        if record.posted_at and f"{record.posted_at:%Y-%m}" == name
    )
    lines = (_line(record, posted_at) for record, posted_at in told)
    found = _by_post((msgspec.json.decode(line, type=Published), line) for line in lines)
    _write(store, month, found)
    return found


def _write(store: Store, month: str, lines: _Month) -> None:
    ordered = sorted(lines.values(), key=lambda item: (item[0].posted_at, item[0].account, item[0].key))
    store.put(month, (line + b"\n" for _, line in ordered))


def _array(store: Store) -> Iterator[bytes]:
    """Yield all months as one array. Raises DamagedMonth, which leaves the array as it was."""
    separator = b"[\n"
    for month in store.list(_MONTHS):
        if month.endswith(".jsonl"):
            for _, line in _lines(store, month):
                yield separator + line
                separator = b",\n"
    yield b"\n]\n" if separator == b",\n" else b"[\n]\n"
