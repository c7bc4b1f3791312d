"""Make a video that keeps X's rules of one that breaks some; the original stays where it is.

At most 1080p and 60 frames/s, within the size that is asked for. Nothing is cut off: a video that is too long is
refused.
"""

from __future__ import annotations

import logging

import msgspec
from av.error import FFmpegError

from airflow_twitter.posts.store import Store, StoreError
from airflow_twitter.publishing.errors import VideoRejectedError
from airflow_twitter.publishing.findings import Finding, refusals
from airflow_twitter.publishing.media import FOLDER, Stored, incoming, media_file, settle
from airflow_twitter.publishing.transcode import SOUND_BIT_RATE, Shape, transcode
from airflow_twitter.publishing.video import Facts, OnShare
from airflow_twitter.publishing.video_rules import (
    MAX_ASPECT,
    MAX_BYTES,
    MAX_FRAME_RATE,
    MIN_SIDE,
    check_video,
)

log = logging.getLogger(__name__)

LONG_SIDE, SHORT_SIDE = 1920, 1080
BIT_RATE = 5_000_000
MIN_BIT_RATE = 300_000
"""Bits per second of the pictures; below it a video is not worth looking at, and is refused."""
_OVERHEAD = 0.96
_TRIES = 3
_RECIPE = 1


class _Fitted(msgspec.Struct, frozen=True):
    """What was made of an original, as its note says."""

    sha256: str
    size: int


def fit_video(
    store: Store, original: Stored, *, target_bytes: int | None = None, on_progress: OnShare | None = None
) -> Stored:
    """Return a video in the store that X takes, made from `original`; itself when it keeps all rules already.

    With `target_bytes` the new video has at most so many bytes. What was made once from the same original is not
    made again. `on_progress` gets the share that is done, from 0 to 1, anew for each of up to three tries.
    Raises VideoRejectedError for what transcoding cannot mend, such as a video that is too long, or a target
    below MIN_BIT_RATE.
    """
    limit = min(target_bytes or MAX_BYTES, MAX_BYTES)
    note = f"{FOLDER}/fitted/{original.sha256}-{target_bytes or 0}-{_RECIPE}.json"
    if (known := _known(store, note)) is not None:
        return known
    with store.open(original.key) as file:
        check = check_video(file, original.size)
    if check.facts is None or not check.fixable:
        raise VideoRejectedError(
            tuple(finding for finding in refusals(check.findings) if not finding.fixable)
        )
    if not refusals(check.findings) and original.size <= limit:
        return original
    fitted = _make(store, original, check.facts, limit, target_bytes is not None, on_progress)
    with store.open(fitted.key) as file:
        check_video(file, fitted.size).require()
    store.put(note, msgspec.json.encode(_Fitted(fitted.sha256, fitted.size)))
    return fitted


def shape_of(facts: Facts, limit: int, *, tight: bool) -> Shape:
    """Return how a video is to be made so that it keeps the rules and has at most `limit` bytes.

    `tight`: that size was asked for, so that all of it is used up to BIT_RATE; raises VideoRejectedError when the
    pictures would get less than MIN_BIT_RATE.
    """
    sound = SOUND_BIT_RATE if facts.audio_codec else 0
    affordable = int(limit * 8 * _OVERHEAD / facts.duration_s) - sound
    if affordable < MIN_BIT_RATE:
        least = int((MIN_BIT_RATE + sound) * facts.duration_s / 8 / _OVERHEAD) + 1
        raise VideoRejectedError(
            (
                Finding(
                    "target size",
                    f"at least {least} bytes for {facts.duration_s:.1f} s",
                    f"{limit} bytes leave the pictures {max(0, affordable) // 1000} kbit/s, under "
                    f"{MIN_BIT_RATE // 1000}",
                    "Ask for a larger size, or cut the video.",
                ),
            )
        )
    bit_rate = min(BIT_RATE, affordable)
    # 0.05 bits a pixel and picture still look decent: with less, smaller pictures look better.
    frame_rate = min(facts.frame_rate or 30.0, MAX_FRAME_RATE)
    pixels = bit_rate / (0.05 * frame_rate) if tight else float("inf")
    shrink = min(
        1.0,
        LONG_SIDE / facts.long_side,
        SHORT_SIDE / facts.short_side,
        max((pixels / (facts.width * facts.height)) ** 0.5, 360 / facts.short_side),
    )
    width, height = (_even(side * shrink) for side in (facts.width, facts.height))
    return Shape(width, height, _canvas(width, height), frame_rate, bit_rate)


def _canvas(width: int, height: int) -> tuple[int, int]:
    """Return the picture's sides with bars: long enough for the aspect ratio, and for X's smallest picture."""
    least_w = max(MIN_SIDE, _even_up(height / MAX_ASPECT))
    least_h = max(MIN_SIDE, _even_up(width / MAX_ASPECT))
    return max(width, least_w), max(height, least_h)


def _make(
    store: Store, original: Stored, facts: Facts, limit: int, tight: bool, on_progress: OnShare | None
) -> Stored:
    shape = shape_of(facts, limit, tight=tight)
    log.info(
        "VIDEO FIT: %s -> %dx%d, %.4g frames/s, at most %d bytes",
        facts,
        *shape.canvas,
        shape.frame_rate,
        limit,
    )
    for _ in range(_TRIES):
        try:
            with store.open(original.key) as source, incoming(store) as (key, target):
                transcode(source, target, facts, shape, on_progress)
        except FFmpegError as error:
            raise _broken(error) from None
        size = store.size(key)
        if size <= limit:
            return settle(store, key)
        store.delete(key)
        if shape.bit_rate <= MIN_BIT_RATE:
            break
        lower = int(shape.bit_rate * limit / size * 0.95)
        shape = Shape(shape.width, shape.height, shape.canvas, shape.frame_rate, max(lower, MIN_BIT_RATE))
    raise VideoRejectedError(
        (
            Finding(
                "target size",
                f"at most {limit} bytes",
                f"at {shape.bit_rate // 1000} kbit/s it still has {size}",
                "Ask for a larger size, or cut the video.",
            ),
        )
    )


def _known(store: Store, note: str) -> Stored | None:
    try:
        known = msgspec.json.decode(store.read(note), type=_Fitted)
        key = media_file(known.sha256)
        is_there = store.exists(key) and store.size(key) == known.size
        if is_there:
            store.renew(key)
    except (OSError, StoreError, ValueError, RecursionError):  # then it is made anew
        return None
    return Stored(key, known.sha256, known.size) if is_there else None


def _broken(error: FFmpegError) -> VideoRejectedError:
    finding = Finding(
        "whole file",
        "a file that can be transcoded",
        f"it cannot be ({error.strerror or type(error).__name__})",
        "Copy or export it anew.",
    )
    return VideoRejectedError((finding,))


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)


def _even_up(side: float) -> int:
    return int(-(-side // 2) * 2)
