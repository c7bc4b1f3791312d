"""Posts that X no longer shows: they leave the dataset, and their ids keep them out.

    withdrawn/posts/<YYYY-MM-DD>.jsonl                 by the day of the post, for the datasets of all keywords: its
                                                       id, when X was asked for it, and why it is gone
    withdrawn/includes/<slug>/media/<YYYY-MM>.jsonl    beside the file that held the media of such posts

That X no longer shows a post is an observation of it, and the newest observation wins: staged pages that were
fetched before, whenever they are merged again, do not bring it back; a search that finds it later does.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from airflow_twitter.posts.bounds import line_pieces
from airflow_twitter.posts.lines import Line, id_month, line_decoder, media_number, observed_at, post_day
from airflow_twitter.posts.store import Store

log = logging.getLogger(__name__)


class Withdrawal(msgspec.Struct, frozen=True):
    """When X was asked for a post that it no longer showed (UTC text), and why."""

    id: str
    at: str
    reason: str


class _Attachments(msgspec.Struct):
    media_keys: list[str] = []


class _WithMedia(msgspec.Struct):
    attachments: _Attachments = msgspec.field(default_factory=_Attachments)


def without_withdrawn(store: Store, key: str, incoming: dict[int, Line]) -> dict[int, Line]:
    """Return the lines that may be merged into the file `key`: all but older observations of withdrawn posts."""
    known = read(store, key, incoming)
    if not known:
        return incoming
    return {
        number: line
        for number, line in incoming.items()
        if number not in known or observed_at(line) > known[number].at
    }


def read(store: Store, key: str, numbers: Iterable[int]) -> dict[int, Withdrawal]:
    """Return what is known to be withdrawn, by number, where lines with `numbers` of the file `key` may be.

    A line that cannot be read is told and passed over.
    """
    found: dict[int, Withdrawal] = {}
    for record in _records(key, numbers):
        found.update(_read_record(store, record))
    return found


def to_withdraw(store: Store, key: str, gone: Mapping[int, Withdrawal]) -> list[bytes]:
    """Return the lines of one file of the dataset that `withdraw` would take out, but for those that it emptied."""
    newest = _newest(read(store, key, gone), gone)
    return [
        line
        for line in _lines(store, key)
        if _withdrawal_of(line, newest) is not None and b'"_withdrawn":' not in line
    ]


def withdraw(store: Store, key: str, gone: Mapping[int, Withdrawal], *, redact: bool) -> None:
    """Take posts out of one file of the dataset; the caller holds its lock.

    The ids are noted first, so that what a crash leaves undone is done by doing it again. With `redact` the id
    stays, with an empty text. Posts that were seen later than they were found gone stay as they are.
    """
    newest = _newest(read(store, key, gone), gone)
    for record, numbers in _records(key, newest).items():
        _note(store, record, {number: newest[number] for number in numbers})
    kept = changed = False
    for before, after in _kept(store, key, newest, redact):
        kept, changed = kept or bool(after), changed or before != after
    if changed and kept:
        store.put(key, (line for _, line in _kept(store, key, newest, redact)))
    elif changed:
        store.delete(key)


def media_of(lines: Iterable[bytes]) -> set[str]:
    """Return the keys of the media of posts."""
    return {key for line in lines for key in _media_keys(line)}


def media_kept(store: Store, key: str, gone: Mapping[int, Withdrawal]) -> set[str]:
    """Return the keys of the media of those posts in a file that are not gone."""
    return media_of(line for line in _lines(store, key) if _withdrawal_of(line, gone) is None)


def media_segments(slug: str, media_keys: set[str], at: str) -> dict[str, dict[int, Withdrawal]]:
    """Return media as what is to be withdrawn, by the file of the dataset that holds them."""
    found: dict[str, dict[int, Withdrawal]] = {}
    for media_key in media_keys:
        number = media_number(media_key)
        key = f"includes/{slug}/media/{id_month(number)}.jsonl"
        found.setdefault(key, {})[number] = Withdrawal(str(number), at, "its post is gone")
    return found


def _newest(known: Mapping[int, Withdrawal], gone: Mapping[int, Withdrawal]) -> dict[int, Withdrawal]:
    return {
        number: max(gone[number], known.get(number, gone[number]), key=lambda each: each.at)
        for number in gone
    }


def _kept(
    store: Store, key: str, gone: Mapping[int, Withdrawal], redact: bool
) -> Iterator[tuple[bytes, bytes]]:
    """Yield each line of a file, and what is to stand there: nothing where it goes."""
    for line in _lines(store, key):
        withdrawal = _withdrawal_of(line, gone)
        if withdrawal is None:
            yield line, line
        else:
            yield line, _redacted(withdrawal) if redact else b""


def _lines(store: Store, key: str) -> Iterator[bytes]:
    try:
        file = store.open(key)
    except FileNotFoundError:
        return
    with file:
        yield from line_pieces(file)


def _withdrawal_of(line: bytes, gone: Mapping[int, Withdrawal]) -> Withdrawal | None:
    withdrawal = gone.get(_number(line))
    return None if withdrawal is None or observed_at(line) > withdrawal.at else withdrawal


def _redacted(withdrawal: Withdrawal) -> bytes:
    line = {
        "id": withdrawal.id,
        "text": "",
        "_withdrawn": withdrawal.reason,
        "_fetched_at": withdrawal.at,
        "_run_id": "",
        "_page": 0,
    }
    return msgspec.json.encode(line) + b"\n"


def _number(line: bytes) -> int:
    """Return the number of a line, 0 when it cannot be read: damage is for the next merge to report."""
    try:
        return line_decoder.decode(line).number
    except (ValueError, RecursionError):
        return 0


def _media_keys(line: bytes) -> list[str]:
    try:
        keys = msgspec.json.decode(line, type=_WithMedia).attachments.media_keys
    except (ValueError, RecursionError):
        return []
    return [key for key in keys if _is_media_key(key)]


def _is_media_key(text: str) -> bool:
    try:
        return media_number(text) > 0
    except ValueError:
        return False


def _records(key: str, numbers: Iterable[int]) -> dict[str, list[int]]:
    """Return where it is noted that lines of a file are withdrawn, with those of `numbers` that go there."""
    if "/media/" in key:
        return {f"withdrawn/{key}": list(numbers)}
    records: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        records[f"withdrawn/posts/{post_day(number)}.jsonl"].append(number)
    return records


def _read_record(store: Store, record: str) -> dict[int, Withdrawal]:
    found: dict[int, Withdrawal] = {}
    for line in _lines(store, record):
        try:
            withdrawal = msgspec.json.decode(line, type=Withdrawal)
            found[int(withdrawal.id)] = withdrawal
        except (ValueError, RecursionError):
            log.error("%s holds a line that cannot be read: %.80r", store.url(record), line)
    return found


def _note(store: Store, record: str, gone: Mapping[int, Withdrawal]) -> None:
    # Checks of two keywords may find posts of one day gone at the same time.
    with store.lock(record):
        known = _read_record(store, record)
        if gone.items() - known.items():
            noted = sorted({**known, **_newest(known, gone)}.items())
            store.put(record, [msgspec.json.encode(each) + b"\n" for _, each in noted])
