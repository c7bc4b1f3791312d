"""What X asks of a video, as data; each rule names what it wants, what was found and the mend.

Source: docs.x.com/x-api/media/quickstart/best-practices. That page names 1280x1024 as the largest size and on the
same page recommends 720x1280 and allows 1080p: it is read for either orientation, and only warned above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from airflow_twitter.publishing.errors import VideoRejectedError
from airflow_twitter.publishing.findings import Finding, refusals
from airflow_twitter.publishing.video import Facts, NoVideoError, OnShare, decode, probe

MIN_S, MAX_S = 0.5, 140.0
MAX_BYTES = 512 * 1024 * 1024
MIN_SIDE = 32
MAX_FRAME_RATE = 60.0
MAX_ASPECT = 3.0
GOOD_LONG_SIDE, GOOD_SHORT_SIDE = 1280, 1024
GOOD_BIT_RATE = 5_000_000
PIXEL_FORMATS = ("yuv420p", "yuvj420p")
DEEP_PIXEL_FORMATS = ("yuv420p10le", "yuv420p12le", "nv12", "p010le")
_DURATION_DIFFERS_S = 0.5
_DURATION_DIFFERS_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that X asks of videos. `fixable`: transcoding mends it. `refuses`: else it is advice."""

    name: str
    limit: str
    holds: Callable[[Facts], bool]
    value: Callable[[Facts], str]
    mend: str
    fixable: bool = True
    refuses: bool = True

    def check(self, facts: Facts) -> Finding | None:
        """Return what is wrong, None when the rule holds."""
        if self.holds(facts):
            return None
        return Finding(self.name, self.limit, self.value(facts), self.mend, self.refuses, self.fixable)


_FIT = "Let it be transcoded (fit_video), or export it anew."

RULES: tuple[Rule, ...] = (
    Rule("container", "MP4", lambda v: v.container == "mp4", lambda v: f"it is {v.container}", _FIT),
    Rule("video codec", "H.264", lambda v: v.codec == "h264", lambda v: f"it is {v.codec}", _FIT),
    Rule(
        "sound codec",
        "AAC",
        lambda v: v.audio_codec in (None, "aac"),
        lambda v: f"it is {v.audio_codec}",
        _FIT,
    ),
    Rule(
        "sound channels",
        "mono or stereo",
        lambda v: v.audio_channels <= 2,
        lambda v: f"there are {v.audio_channels} channels",
        _FIT,
    ),
    Rule(
        "duration",
        f"{MIN_S:g} to {MAX_S:g} s",
        lambda v: MIN_S <= v.duration_s <= MAX_S,
        lambda v: f"it lasts {v.duration_s:.2f} s",
        "Cut it by hand to the length that is meant: nothing is cut off by itself.",
        fixable=False,
    ),
    Rule(
        "file size",
        f"at most {MAX_BYTES // 1024**2} MiB",
        lambda v: v.size <= MAX_BYTES,
        lambda v: f"it has {v.size / 1024**2:.1f} MiB",
        _FIT,
    ),
    Rule(
        "smallest picture",
        f"at least {MIN_SIDE}x{MIN_SIDE}",
        lambda v: v.short_side >= MIN_SIDE,
        lambda v: f"it is {v.width}x{v.height}",
        _FIT,
    ),
    Rule(
        "picture size",
        f"{GOOD_LONG_SIDE}x{GOOD_SHORT_SIDE} in either orientation (1080p is taken too)",
        lambda v: v.long_side <= GOOD_LONG_SIDE and v.short_side <= GOOD_SHORT_SIDE,
        lambda v: f"it is {v.width}x{v.height}",
        "X may make it smaller; nothing need be done.",
        refuses=False,
    ),
    Rule(
        "frame rate",
        f"at most {MAX_FRAME_RATE:g} frames/s",
        # 60000/1001 and the like are measured a little higher in short files.
        lambda v: v.frame_rate <= MAX_FRAME_RATE + 0.1,
        lambda v: f"it has {v.frame_rate:.4g} frames/s",
        _FIT,
    ),
    Rule(
        "aspect ratio",
        "1:3 to 3:1",
        lambda v: v.long_side <= MAX_ASPECT * v.short_side,
        lambda v: f"{v.width}x{v.height} is {v.width / max(1, v.height):.2f}:1",
        "Let bars be added (fit_video), or crop it.",
    ),
    Rule(
        "pixel format",
        "4:2:0 (yuv420p)",
        lambda v: v.pixel_format in PIXEL_FORMATS + DEEP_PIXEL_FORMATS,
        lambda v: f"it is {v.pixel_format}",
        _FIT,
    ),
    Rule(
        "colour depth",
        "8 bits (yuv420p)",
        lambda v: v.pixel_format not in DEEP_PIXEL_FORMATS,
        lambda v: f"it is {v.pixel_format}",
        "Many players cannot show more; export it with 8 bits.",
        refuses=False,
    ),
    Rule(
        "scan",
        "progressive pictures",
        lambda v: not v.interlaced,
        lambda v: "it is interlaced",
        _FIT,
    ),
    Rule(
        "bit rate",
        f"{GOOD_BIT_RATE // 1000:,} kbit/s",
        lambda v: v.bit_rate <= GOOD_BIT_RATE,
        lambda v: f"it has {v.bit_rate // 1000:,} kbit/s",
        "It takes longer to upload, and X encodes it anew; a target size makes it smaller.",
        refuses=False,
    ),
    Rule(
        "whole file",
        "a file that can be decoded to its end",
        lambda v: v.damage is None and not _is_cut(v),
        lambda v: v.damage or f"it says {v.duration_s:.1f} s and breaks off after {v.decoded_s or 0:.1f} s",
        "Copy or export it anew: it is damaged or was not copied in full.",
        fixable=False,
    ),
)


@dataclass(frozen=True, slots=True)
class VideoCheck:
    """Hold what a video is (None: no video at all), and what was found."""

    facts: Facts | None
    findings: tuple[Finding, ...]

    def require(self) -> Facts:
        """Return the facts; raise VideoRejectedError when X would refuse the video."""
        if self.facts is None or refusals(self.findings):
            raise VideoRejectedError(self.findings)
        return self.facts

    @property
    def fixable(self) -> bool:
        """Tell whether transcoding mends all that X would refuse it for."""
        return self.facts is not None and all(finding.fixable for finding in refusals(self.findings))


def check_video(file: BinaryIO, size: int, on_progress: OnShare | None = None) -> VideoCheck:
    """Check a file of `size` bytes against all rules; it is decoded to its end unless it is far too long.

    `on_progress` gets the share that was decoded, from 0 to 1, now and then.
    """
    try:
        facts = probe(file, size)
    except NoVideoError as error:
        finding = Finding(
            "container",
            "an MP4 video",
            f"the file is no video, or its end is missing ({error})",
            "Give the file that was exported from the video program, copied in full.",
        )
        return VideoCheck(None, (finding,))
    if facts.duration_s <= 2 * MAX_S:
        facts = decode(file, facts, on_progress)
    found = (rule.check(facts) for rule in RULES)
    return VideoCheck(facts, tuple(finding for finding in found if finding is not None))


def _is_cut(facts: Facts) -> bool:
    if facts.decoded_s is None:
        return False
    allowed_s = max(_DURATION_DIFFERS_S, _DURATION_DIFFERS_SHARE * facts.duration_s)
    return facts.decoded_s < facts.duration_s - allowed_s
