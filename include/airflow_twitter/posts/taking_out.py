"""Take posts that X no longer shows out of the dataset, and keep what it showed as the newest observation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from airflow_twitter.posts import dataset
from airflow_twitter.posts.export import export, export_key
from airflow_twitter.posts.lines import Post, id_month
from airflow_twitter.posts.recheck import Plan, RecheckReport, shown
from airflow_twitter.posts.staging import Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.withdrawn import Withdrawal, media_of, media_segments, to_withdraw, withdraw


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
        still = (post for post in shown(staging, run_id) if str(post.id) in posts)
        dataset.merge(store, slug, still, lock_timeout_s=lock_timeout_s)
    if included:
        by_month = (
            Post(post.id, id_month(post.id), post.line)
            for post in shown(staging, run_id)
            if str(post.id) in included
        )
        dataset.merge_includes(store, slug, "posts", by_month, lock_timeout_s=lock_timeout_s)


def _take_out(
    store: Store,
    slug: str,
    keys: Iterable[str],
    plan: Plan,
    gone: Mapping[str, Withdrawal],
    report: RecheckReport,
) -> None:
    for key in keys:
        here = _gone_from(key, plan, gone)
        # The media go first: their posts tell which they are, also to who does this again after a crash.
        media = media_of(to_withdraw(store, key, here))
        for media_key, of_month in media_segments(slug, media, report.at).items():
            withdraw(store, media_key, of_month, redact=False)
        if here:
            withdraw(store, key, here, redact=report.action == "redact")


def count(store: Store, plan: Plan, gone: Mapping[str, Withdrawal], report: RecheckReport) -> None:
    """Count what is to be taken out, before any of it is: whoever goes on after a crash finds only the rest."""
    files: set[str] = set()
    for slug, keys in _by_slug(plan).items():
        media: set[str] = set()
        for key in keys:
            lines = to_withdraw(store, key, _gone_from(key, plan, gone))
            report.removed += len(lines)
            media |= media_of(lines)
            files |= {key} if lines else set()
        for key, of_month in media_segments(slug, media, report.at).items():
            count = len(to_withdraw(store, key, of_month))
            report.media_removed += count
            files |= {key} if count else set()
    report.files = sorted(files)


def _by_slug(plan: Plan) -> dict[str, list[str]]:
    by_slug: dict[str, list[str]] = defaultdict(list)
    for key in plan.files:
        by_slug[key.split("/")[1]].append(key)
    return by_slug


def _gone_from(key: str, plan: Plan, gone: Mapping[str, Withdrawal]) -> dict[int, Withdrawal]:
    return {int(post_id): gone[post_id] for post_id in plan.files[key] if post_id in gone}
