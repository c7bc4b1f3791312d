"""Take posts that X no longer shows out of the dataset, and keep what it showed as the newest observation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

import msgspec

from airflow_twitter.posts import dataset
from airflow_twitter.posts.export import export, export_key
from airflow_twitter.posts.lines import Post, id_month
from airflow_twitter.posts.recheck import Fields, Plan, RecheckReport, files_of, shown, stored_fields
from airflow_twitter.posts.staging import Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.withdrawn import (
    Withdrawal,
    media_kept,
    media_of,
    media_segments,
    to_withdraw,
    withdraw,
)

BILLED_FIELDS = ("author_id", "in_reply_to_user_id", "referenced_posts")
"""In the post vocabulary these come only with an expansion, which X bills (api/fields.py)."""


def apply(
    store: Store,
    plan: Plan,
    staging: Staging,
    gone: Mapping[str, Withdrawal],
    report: RecheckReport,
    *,
    lock_timeout_s: float = 60.0,
) -> None:
    """Merge what X showed as the newest observation, and take out what is gone; doing it again changes nothing."""
    for slug, keys in _by_slug(plan).items():
        _merge_shown(store, slug, plan, staging, gone, report.run_id, lock_timeout_s)
        with dataset.lock(store, slug, lock_timeout_s):
            _take_out(store, slug, keys, plan, gone, report)
        if store.exists(export_key(slug)):
            export(store, slug, lock_timeout_s=lock_timeout_s)


def _merge_shown(
    store: Store,
    slug: str,
    plan: Plan,
    staging: Staging,
    gone: Mapping[str, Withdrawal],
    run_id: str,
    lock_timeout_s: float,
) -> None:
    def held(folder: str) -> set[str]:
        ids = [post_id for key, ids in plan.files.items() if key.startswith(f"{folder}/") for post_id in ids]
        return set(ids) - gone.keys()

    posts, included = held(f"posts/{slug}"), held(f"includes/{slug}/posts")
    if posts:
        billed = _billed_fields(store, (key for key in plan.files if key.startswith(f"posts/{slug}/")), posts)
        still = (
            _carrying(post, billed.get(post.id, {}))
            for post in shown(staging, run_id)
            if str(post.id) in posts
        )
        dataset.merge(store, slug, still, lock_timeout_s=lock_timeout_s)
    if included:
        by_month = (
            Post(post.id, id_month(post.id), post.line)
            for post in shown(staging, run_id)
            if str(post.id) in included
        )
        dataset.merge_includes(store, slug, "posts", by_month, lock_timeout_s=lock_timeout_s)


def _billed_fields(store: Store, keys: Iterable[str], ids: Set[str]) -> dict[int, Fields]:
    """Return what stored posts hold that a check in the post vocabulary does not ask for, since X bills it there."""
    found: dict[int, Fields] = {}
    for key in keys:
        # A run that is done again may have emptied it before.
        if not store.exists(key):
            continue
        for post_id, fields in stored_fields(store, key, ids, BILLED_FIELDS):
            found[int(post_id)] = fields
    return found


def _carrying(post: Post, billed: Fields) -> Post:
    """Return a post with the fields that the answer was not asked for; as it is when it was asked for them."""
    if not billed:
        return post
    new = msgspec.json.decode(post.line, type=Fields)
    if "author_id" in new:
        return post
    carried = {name: value for name, value in billed.items() if name not in new}
    return Post(post.id, post.day, msgspec.json.encode({"id": new["id"], **carried, **new}) + b"\n")


def _take_out(
    store: Store,
    slug: str,
    keys: Iterable[str],
    plan: Plan,
    gone: Mapping[str, Withdrawal],
    report: RecheckReport,
) -> None:
    gone_from = {key: _gone_from(key, plan, gone) for key in keys}
    lines = [line for key, here in gone_from.items() for line in to_withdraw(store, key, here)]
    # The media go first: their posts tell which they are, also to who does this again after a crash.
    for media_key, of_month in _media_to_go(store, slug, lines, gone, report).items():
        withdraw(store, media_key, of_month, redact=False)
    for key, here in gone_from.items():
        if here:
            withdraw(store, key, here, redact=report.action == "redact")


def count(store: Store, plan: Plan, gone: Mapping[str, Withdrawal], report: RecheckReport) -> None:
    """Count what is to be taken out, before any of it is: whoever goes on after a crash finds only the rest."""
    files: set[str] = set()
    for slug, keys in _by_slug(plan).items():
        lines: list[bytes] = []
        for key in keys:
            here = to_withdraw(store, key, _gone_from(key, plan, gone))
            files |= {key} if here else set()
            lines += here
        report.removed += len(lines)
        for key, of_month in _media_to_go(store, slug, lines, gone, report).items():
            found = len(to_withdraw(store, key, of_month))
            report.media_removed += found
            files |= {key} if found else set()
    report.files = sorted(files)


def _media_to_go(
    store: Store,
    slug: str,
    lines: Iterable[bytes],
    gone: Mapping[str, Withdrawal],
    report: RecheckReport,
) -> dict[str, dict[int, Withdrawal]]:
    """Return the media of posts that are to go, but for those that another post of the dataset shows, by file."""
    media = media_of(lines)
    by_number = {int(post_id): withdrawal for post_id, withdrawal in gone.items()}
    for key in files_of(store, slug) if media else ():
        media -= media_kept(store, key, by_number)
    return media_segments(slug, media, report.at)


def _by_slug(plan: Plan) -> dict[str, list[str]]:
    by_slug: dict[str, list[str]] = defaultdict(list)
    for key in plan.files:
        by_slug[key.split("/")[1]].append(key)
    return by_slug


def _gone_from(key: str, plan: Plan, gone: Mapping[str, Withdrawal]) -> dict[int, Withdrawal]:
    return {int(post_id): gone[post_id] for post_id in plan.files[key] if post_id in gone}
