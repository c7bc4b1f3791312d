"""Posts that X no longer shows: they leave the dataset, and their ids keep them out.

    withdrawn/posts/<slug>/<YYYY-MM-DD>.jsonl      beside the file of the dataset that held the post: its id, when X
                                                   was asked for it, and why it is gone

That X no longer shows a post is an observation of it, and the newest observation wins: staged pages that were
fetched before, whenever they are merged again, do not bring it back; a search that finds it later does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from airflow_twitter.posts.lines import Line, id_month, line_decoder, media_number, observed_at
from airflow_twitter.posts.store import Store

log = logging.getLogger(__name__)


class Withdrawal(msgspec.Struct, frozen=True):
    """When X was asked for a post that it no longer showed (UTC text), and why."""

    id: str
    at: str
    reason: str


@dataclass
class Removed:
    """What was taken out: keys of the files that held it, and counts of posts and of media."""

    files: list[str] = field(default_factory=list)
    posts: int = 0
    media: int = 0


class _Attachments(msgspec.Struct):
    media_keys: list[str] = []


class _WithMedia(msgspec.Struct):
    attachments: _Attachments = msgspec.field(default_factory=_Attachments)


def without_withdrawn(store: Store, key: str, incoming: dict[int, Line]) -> dict[int, Line]:
    """Return the lines that may be merged into the file `key`: all but older observations of withdrawn posts."""
    known = read(store, key)
    if not known:
        return incoming
    return {
        number: line
        for number, line in incoming.items()
        if number not in known or observed_at(line) > known[number].at
    }


def read(store: Store, key: str) -> dict[int, Withdrawal]:
    """Return what was withdrawn from the file `key` of the dataset, by number.

    A line that cannot be read is told and passed over.
    """
    found: dict[int, Withdrawal] = {}
    try:
        data = store.read(_record_key(key))
    except FileNotFoundError:
        return found
    for line in data.splitlines():
        try:
            withdrawal = msgspec.json.decode(line, type=Withdrawal)
            found[int(withdrawal.id)] = withdrawal
        except ValueError:
            log.error("%s holds a line that cannot be read: %.80r", store.url(_record_key(key)), line)
    return found


def withdraw(
    store: Store, key: str, gone: Mapping[int, Withdrawal], *, redact: bool, removed: Removed
) -> None:
    """Take posts, or media, out of one file of the dataset; the caller holds its lock.

    The ids are noted first, so that what a crash leaves undone is done by doing it again. With `redact` the id
    stays, with an empty text. What was seen later than it was found gone stays as it is.
    """
    known = read(store, key)
    newest = {
        number: max(gone[number], known.get(number, gone[number]), key=lambda each: each.at)
        for number in gone
    }
    if newest.items() - known.items():
        lines = [msgspec.json.encode(each) + b"\n" for _, each in sorted({**known, **newest}.items())]
        store.put(_record_key(key), lines)
    if not store.exists(key):
        return
    kept = b"".join(_kept(store, key, newest, redact, removed))
    if not kept:
        store.delete(key)
    elif kept != store.read(key):
        store.put(key, kept)
    else:
        return
    removed.files.append(key)


def media_of(store: Store, key: str, gone: Mapping[int, Withdrawal]) -> set[str]:
    """Return the keys of the media of posts that are to be taken out of a file.

    To be asked, and the media withdrawn, before the posts are: afterwards nobody knows them.
    """
    found: set[str] = set()
    if store.exists(key):
        with store.open(key) as file:
            for line in file:
                withdrawal = gone.get(_number(line))
                if withdrawal is not None and observed_at(line) <= withdrawal.at:
                    found.update(_media_keys(line))
    return found


def media_segments(slug: str, media_keys: set[str], at: str) -> dict[str, dict[int, Withdrawal]]:
    """Return media as what is to be withdrawn, by the file of the dataset that holds them."""
    found: dict[str, dict[int, Withdrawal]] = {}
    for media_key in media_keys:
        number = media_number(media_key)
        key = f"includes/{slug}/media/{id_month(number)}.jsonl"
        found.setdefault(key, {})[number] = Withdrawal(str(number), at, "its post is gone")
    return found


def _kept(
    store: Store, key: str, gone: Mapping[int, Withdrawal], redact: bool, removed: Removed
) -> Iterator[bytes]:
    with store.open(key) as file:
        for line in file:
            withdrawal = gone.get(_number(line))
            if withdrawal is None or observed_at(line) > withdrawal.at:
                yield line
                continue
            if b'"_withdrawn":' not in line:
                removed.posts += "/media/" not in key
                removed.media += "/media/" in key
            if redact:
                yield _redacted(withdrawal)


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


def _record_key(key: str) -> str:
    return f"withdrawn/{key}"
