"""Bring a post's video, and its captions, into the data store: checked, and fitted if that is wanted; with a picture.

Apart from the other modules, since it loads FFmpeg's libraries: only the task that needs them pays for that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airflow_twitter.accounts.settings import Account
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing import captions as captions_of
from airflow_twitter.publishing.fetch import fetch
from airflow_twitter.publishing.fit import fit_video
from airflow_twitter.publishing.media import Stored, frame_file
from airflow_twitter.publishing.sources import Sources
from airflow_twitter.publishing.video import take_frame
from airflow_twitter.publishing.video_rules import check_video

log = logging.getLogger(__name__)

MB = 1_000_000
_TELL_EVERY = 0.1
_LATE_S = 1.0

OnStep = Callable[[str, float], None]


def bring_video(store: Store, account: Account, post: Mapping[str, Any], tell: OnStep) -> dict[str, Any]:
    """Return what is known of a post's video, as JSON values; it then lies in the store by its hash.

    `tell` gets what is being done and the share of it that is done. Raises VideoRejectedError and SourceError.
    """
    original = fetch(post["video"], sources(store, account), store, on_progress=_bytes(tell))
    video = original
    if post["fit_video"]:
        target = post["target_size_mb"]
        video = fit_video(
            store,
            original,
            target_bytes=None if target is None else int(target * MB),
            on_progress=_shares(tell, "fitting the video"),
        )
        if video != original:
            log.info("VIDEO FITTED: %d bytes from %d; the original is kept.", video.size, original.size)
    return _look_at(store, video, original, tell)


def bring_captions(
    store: Store, account: Account, post: Mapping[str, Any], video: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is known of the captions of a post's video, as JSON values; they then lie in the store.

    Raises VideoRejectedError for what is no SRT file, and SourceError.
    """
    captions, said = captions_of.bring_captions(
        store, sources(store, account), post["captions"], post["captions_language"]
    )
    warnings = []
    if said.until_s > video["duration_s"] + _LATE_S:
        warnings.append(
            f"The captions go on until {said.until_s:.1f} s, and the video lasts {video['duration_s']:.1f} s: are "
            "they those of this video?"
        )
    return {
        "sha256": captions.sha256,
        "language": captions.language,
        "count": said.count,
        "warnings": warnings,
    }


def sources(store: Store, account: Account) -> Sources:
    """Return where an account's videos may come from; folders are meant below the data folder."""
    return Sources(
        folders=tuple(str(Path(store.root, folder)) for folder in account.video_folders),
        hosts=account.video_hosts,
        buckets=account.video_buckets,
        max_bytes=account.video_bytes_max,
        loopback=any(host.startswith("http://") for host in account.video_hosts),
    )


def _look_at(store: Store, video: Stored, original: Stored, tell: OnStep) -> dict[str, Any]:
    with store.open(video.key) as file:
        check = check_video(file, video.size, _shares(tell, "checking the video"))
        facts = check.require()
        frame = take_frame(file)
    store.put(frame_file(video.sha256), frame)
    return {
        "sha256": video.sha256,
        "size": video.size,
        "key": video.key,
        "original": original.sha256,
        "duration_s": round(facts.duration_s, 3),
        "width": facts.width,
        "height": facts.height,
        "summary": str(facts),
        "warnings": [str(finding) for finding in check.findings],
    }


def _bytes(tell: OnStep) -> Callable[[int, int | None], None]:
    shares = _shares(tell, "fetching the video")
    return lambda size, expected: shares(size / expected) if expected else None


def _shares(tell: OnStep, what: str) -> Callable[[float], None]:
    told = 0.0

    def share(done: float) -> None:
        nonlocal told
        # It begins anew when a converted video came out too large.
        if done >= told + _TELL_EVERY or done < told or told < done == 1.0:
            told = done
            tell(what, done)

    return share
