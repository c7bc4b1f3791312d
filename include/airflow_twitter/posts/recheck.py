"""Which stored posts are to be checked again, what X's answers said of them, and what follows for the dataset."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any

import msgspec

from airflow_twitter.posts import dataset
from airflow_twitter.posts.bounds import line_pieces
from airflow_twitter.posts.lines import Post
from airflow_twitter.posts.staging import Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.validation import validate_page
from airflow_twitter.posts.withdrawn import Withdrawal

IDS_A_REQUEST = 100
IDS_A_RUN = 250_000
"""Posts of one run at most, whatever its budget: its plan names each once, and once for each keyword that holds it."""
Reader = Callable[[bytes], tuple[Mapping[str, Mapping[str, Any]], Mapping[str, str]]]
"""Reads an answer: the posts that it shows, and why the others are gone, by id."""

Fields = dict[str, msgspec.Raw]
"""A JSON object whose values are as they stand."""

_SLUG = re.compile(r"posts/([a-z0-9_-]{1,64})/[^/]+")


class Plan(msgspec.Struct, kw_only=True):
    """The posts of one run: `ids` in the order in which they are asked for, and which files hold them.

    `due` counts all that should be checked; those beyond the run's budget are left for another one.
    """

    ids: list[str]
    files: dict[str, list[str]]
    due: int
    decided_at: str

    @property
    def requests(self) -> int:
        """How many requests they take."""
        return -(-len(self.ids) // IDS_A_REQUEST)

    def batch(self, number: int) -> list[str]:
        """Return the ids of a request, counted from 1."""
        return self.ids[(number - 1) * IDS_A_REQUEST : number * IDS_A_REQUEST]


class RecheckReport(msgspec.Struct, kw_only=True):
    """What a check found. `gone` are ids by reason; `changed` ids whose text, edits or reach are not as stored.

    `unanswered` are ids that X neither showed nor called gone: nothing follows from that. `left` counts posts that
    were due and not asked for. `removed` and `media_removed` count what was taken out (or emptied, when redacted).
    """

    run_id: str
    checked: int = 0
    shown: int = 0
    gone: dict[str, list[str]] = {}
    changed: list[str] = []
    unanswered: list[str] = []
    left: int = 0
    action: str = "remove"
    stopped: str | None = None
    at: str = ""
    removed: int = 0
    media_removed: int = 0
    files: list[str] = []


class _Stored(msgspec.Struct, gc=False):
    id: str
    fetched_at: str = msgspec.field(name="_fetched_at", default="")
    withdrawn: str = msgspec.field(name="_withdrawn", default="")


class _Essence(msgspec.Struct, frozen=True):
    """What its author, or X, can change of a post; not how often it was liked."""

    text: str = ""
    edits: Any = msgspec.field(name="edit_history_tweet_ids", default=None)
    post_edits: Any = msgspec.field(name="edit_history_post_ids", default=None)
    note: Any = msgspec.field(name="note_tweet", default=None)
    note_post: Any = None
    withheld: Any = None


_stored_decoder = msgspec.json.Decoder(_Stored)
_essence_decoder = msgspec.json.Decoder(_Essence)


def datasets(store: Store) -> list[str]:
    """Return the slugs of all datasets."""
    return sorted({match[1] for key in store.list("posts") if (match := _SLUG.fullmatch(key))})


def make_plan(store: Store, slugs: Iterable[str], *, seen_before: str, at_most: int, now: str) -> Plan:
    """Choose the posts that were last seen before a moment (UTC text), the longest ago first.

    A post that several keywords hold is asked for once.
    """
    last_seen: dict[str, str] = {}
    files: dict[str, list[str]] = defaultdict(list)
    for key in (key for slug in slugs for key in files_of(store, slug)):
        for stored in _stored(store, key):
            files[key].append(stored.id)
            last_seen[stored.id] = max(stored.fetched_at, last_seen.get(stored.id, ""))
    due = sorted((seen, int(post_id)) for post_id, seen in last_seen.items() if seen < seen_before)
    ids = [str(number) for _, number in due[: min(at_most, IDS_A_RUN)]]
    chosen = set(ids)
    held = {key: [post_id for post_id in stored if post_id in chosen] for key, stored in files.items()}
    return Plan(
        ids=ids, files={key: kept for key, kept in held.items() if kept}, due=len(due), decided_at=now
    )


def compare(
    store: Store, plan: Plan, staging: Staging, gone: Mapping[str, Withdrawal], report: RecheckReport
) -> None:
    """Fill in what the answers say, against what is stored."""
    new: dict[str, _Essence] = {}
    for post in shown(staging, report.run_id):
        new[str(post.id)] = _essence_decoder.decode(post.line)
    asked = [post_id for page in staging.pages() for post_id in plan.batch(page.number)]
    report.checked = len(asked)
    report.shown = len(new.keys() - gone.keys())
    by_reason: dict[str, list[str]] = defaultdict(list)
    for post_id in asked:
        if post_id in gone:
            by_reason[gone[post_id].reason].append(post_id)
    report.gone = dict(by_reason)
    report.unanswered = [post_id for post_id in asked if post_id not in gone and post_id not in new]
    changed = {
        post_id
        for key in plan.files
        for post_id, old in _essences(store, key, new.keys() - gone.keys())
        if not _same(old, new[post_id])
    }
    report.changed = sorted(changed, key=int)


def fates(staging: Staging, read: Reader, *, withheld: bool) -> dict[str, Withdrawal]:
    """Return what the answers call gone, by id; with `withheld` also what they show as withheld somewhere."""
    found: dict[str, Withdrawal] = {}
    for page in staging.pages():
        posts, gone = read(staging.body(page.number))
        reasons = {
            post_id: "withheld" for post_id, post in posts.items() if withheld and post.get("withheld")
        }
        for post_id, reason in {**reasons, **gone}.items():
            found[post_id] = Withdrawal(post_id, page.fetched_at, reason)
    return found


def files_of(store: Store, slug: str) -> list[str]:
    """Return the keys of all files of a dataset that hold posts, referenced ones included."""
    return dataset.segments(store, f"posts/{slug}") + dataset.segments(store, f"includes/{slug}/posts")


def _stored(store: Store, key: str) -> Iterator[_Stored]:
    """Yield the posts of a file that are not emptied; lines that cannot be read are left to the next merge."""
    with store.open(key) as file:
        for line in line_pieces(file):
            try:
                stored = _stored_decoder.decode(line)
            except (ValueError, RecursionError):
                continue
            if not stored.withdrawn and stored.id.isascii() and stored.id.isdigit():
                yield stored


def shown(staging: Staging, run_id: str) -> Iterator[Post]:
    """Yield the posts that the answers show."""
    for header in staging.pages():
        body = staging.body(header.number)
        yield from validate_page(body, fetched_at=header.fetched_at, run_id=run_id, page=header.number).good


def _essences(store: Store, key: str, ids: set[str]) -> Iterator[tuple[str, _Essence]]:
    with store.open(key) as file:
        for line in line_pieces(file):
            try:
                stored = _stored_decoder.decode(line)
                if stored.id in ids:
                    yield stored.id, _essence_decoder.decode(line)
            except (ValueError, RecursionError):
                continue


def stored_fields(
    store: Store, key: str, ids: Set[str], names: Iterable[str]
) -> Iterator[tuple[str, Fields]]:
    """Yield the id and some of the fields, as they stand, of those posts of a file that are among `ids`."""
    with store.open(key) as file:
        for line in file:
            try:
                stored = _stored_decoder.decode(line)
                if stored.id in ids:
                    post = msgspec.json.decode(line, type=Fields)
                    yield stored.id, {name: post[name] for name in names if name in post}
            except (ValueError, RecursionError):
                continue


def _same(old: _Essence, new: _Essence) -> bool:
    """Tell whether two observations agree in what both of them say."""
    pairs = zip(msgspec.structs.astuple(old), msgspec.structs.astuple(new), strict=True)
    return all(
        before == after for before, after in pairs if before is not None and after is not None
    ) and bool(old.withheld) == bool(new.withheld)
