"""What a video file is, told by opening and decoding it with FFmpeg's libraries (PyAV)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import BinaryIO

import av
from av.error import FFmpegError
from av.subtitles.subtitle import SubtitleSet
from av.video.frame import VideoFrame

MAX_SIDE = 8192
"""Larger pictures are not decoded: they would take too much memory, and X takes none of them."""

OnShare = Callable[[float], None]


class NoVideoError(Exception):
    """The file cannot be opened as a video; the message says why, in FFmpeg's words."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a video. Sides as they are shown, in pixels (rotation and pixel aspect taken into account).

    `duration_s` is what the file says, `decoded_s` how far it could be decoded (None: it was not tried),
    `damage` what went wrong meanwhile. Bit rates are in bits per second, 0 where unknown.
    """

    container: str
    size: int
    duration_s: float
    codec: str
    profile: str
    width: int
    height: int
    rotation: int
    frame_rate: float
    pixel_format: str
    bit_rate: int
    audio_codec: str | None
    audio_channels: int
    audio_profile: str
    interlaced: bool = False
    decoded_s: float | None = None
    damage: str | None = None

    @property
    def long_side(self) -> int:
        """Return the longer side in pixels, in either orientation."""
        return max(self.width, self.height)

    @property
    def short_side(self) -> int:
        """Return the shorter side in pixels, in either orientation."""
        return min(self.width, self.height)

    def __str__(self) -> str:
        sound = f"{self.audio_codec}, {self.audio_channels} channels" if self.audio_codec else "no sound"
        return (
            f"{self.container}, {self.codec}, {self.width}x{self.height}, {self.frame_rate:.4g} frames/s, "
            f"{self.duration_s:.1f} s, {self.size} bytes, {self.pixel_format}, {sound}"
        )


def probe(file: BinaryIO, size: int) -> Facts:
    """Read from the headers of a file of `size` bytes what it says it is; raise NoVideoError when it is none.

    A truncated file probes well: `decode` tells.
    """
    file.seek(0)
    try:
        with av.open(file, mode="r") as container:
            return _read_facts(container, size)
    except FFmpegError as error:
        raise NoVideoError(error.strerror or type(error).__name__) from None


def decode(file: BinaryIO, facts: Facts, on_progress: OnShare | None = None) -> Facts:
    """Decode the whole file, pictures and sound, and return the facts with what came of it."""
    if facts.long_side > MAX_SIDE:
        return replace(facts, damage=f"not decoded: {facts.width}x{facts.height} is too large")
    file.seek(0)
    state = _Decoded()
    try:
        with av.open(file, mode="r") as container:
            _decode_all(container, facts, state, on_progress)
    except FFmpegError as error:
        state.damage = f"after {state.until_s:.1f} s: {error.strerror or type(error).__name__}"
    damage = state.damage
    if damage is None and state.corrupt:
        damage = f"{state.corrupt} pictures are damaged"
    if damage is None and state.pictures == 0:
        damage = "there is no picture"
    return replace(facts, interlaced=state.interlaced, decoded_s=state.until_s, damage=damage)


def take_frame(file: BinaryIO, *, at_share: float = 0.25, max_side: int = 640) -> bytes:
    """Return a picture of the video as JPEG, from about that part of it; raise NoVideoError without one."""
    file.seek(0)
    try:
        with av.open(file, mode="r") as container:
            stream = container.streams.video[0]
            if container.duration and at_share > 0:
                container.seek(int(container.duration * at_share))
            frame = next(container.decode(stream), None)
            if frame is None:
                raise NoVideoError("it holds no picture")
            return _jpeg(upright(frame), max_side)
    except (FFmpegError, IndexError) as error:
        raise NoVideoError(f"no picture could be decoded ({type(error).__name__})") from None


def clockwise(frame: VideoFrame) -> int:
    """Return by how many degrees players turn a picture: 0, 90, 180 or 270."""
    return round(-frame.rotation / 90) * 90 % 360


def turning(degrees: int) -> list[str]:
    """Return the directions of FFmpeg's `transpose` that turn a picture so, one after the other."""
    return {90: ["clock"], 180: ["clock", "clock"], 270: ["cclock"]}.get(degrees, [])


def upright(frame: VideoFrame) -> VideoFrame:
    """Return a picture as players show it."""
    directions = turning(clockwise(frame))
    if not directions:
        return frame
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    turns = [graph.add("transpose", direction) for direction in directions]
    graph.link_nodes(source, *turns, graph.add("buffersink")).configure()
    graph.push(frame)
    turned: VideoFrame = graph.vpull()
    return turned


class _Decoded:
    def __init__(self) -> None:
        self.until_s = 0.0
        self.pictures = 0
        self.corrupt = 0
        self.interlaced = False
        self.damage: str | None = None


def _read_facts(container: av.container.InputContainer, size: int) -> Facts:
    if not container.streams.video or container.format.name.endswith("_pipe"):
        raise NoVideoError("it holds no moving picture")
    stream = container.streams.video[0]
    sound = container.streams.audio[0] if container.streams.audio else None
    context = stream.codec_context
    if not context.width or not context.height:
        raise NoVideoError("its pictures have no size")
    ratio = stream.sample_aspect_ratio or Fraction(1)
    width, height = round(context.width * ratio), context.height
    rotation = _rotation(container)
    if rotation in (90, 270):
        width, height = height, width
    duration_s = (container.duration or 0) / av.time_base
    if not duration_s and stream.duration and stream.time_base:
        duration_s = float(stream.duration * stream.time_base)
    return Facts(
        container=_container_name(container),
        size=size,
        duration_s=duration_s,
        codec=context.codec.canonical_name,
        profile=context.profile or "",
        width=width,
        height=height,
        rotation=rotation,
        frame_rate=float(stream.average_rate or stream.guessed_rate or 0),
        pixel_format=context.pix_fmt or "unknown",
        bit_rate=stream.bit_rate or container.bit_rate or 0,
        audio_codec=sound.codec_context.codec.canonical_name if sound else None,
        audio_channels=sound.codec_context.channels if sound else 0,
        audio_profile=(sound.codec_context.profile or "") if sound else "",
    )


def _container_name(container: av.container.InputContainer) -> str:
    names = container.format.name.split(",")
    if "mp4" not in names:
        return names[0]
    # FFmpeg reads MP4 and QuickTime by the same name; the file's brand tells them apart.
    return "mov" if container.metadata.get("major_brand", "").strip() == "qt" else "mp4"


def _rotation(container: av.container.InputContainer) -> int:
    """Return by how many degrees players turn the picture: 0, 90, 180 or 270."""
    pictures = container.streams.video[0]
    if max(pictures.width, pictures.height) > MAX_SIDE:
        return 0  # it is refused for that, and not decoded
    try:
        frame = next(container.decode(pictures), None)
    except FFmpegError:
        return 0
    return 0 if frame is None else clockwise(frame)


def _decode_all(
    container: av.container.InputContainer, facts: Facts, state: _Decoded, on_progress: OnShare | None
) -> None:
    pictures = container.streams.video[0]
    pictures.thread_type = "AUTO"
    for frame in container.decode([pictures, *container.streams.audio]):
        assert not isinstance(frame, SubtitleSet)
        state.until_s = max(state.until_s, _end_s(frame))
        if not isinstance(frame, VideoFrame):
            continue
        state.pictures += 1
        state.corrupt += frame.is_corrupt
        state.interlaced |= frame.interlaced_frame
        if on_progress is not None and facts.duration_s and state.pictures % 100 == 0:
            on_progress(min(1.0, state.until_s / facts.duration_s))


def _end_s(frame: av.frame.Frame) -> float:
    length = frame.duration * frame.time_base if frame.duration and frame.time_base else 0
    return float((frame.time or 0.0) + float(length))


def _jpeg(frame: VideoFrame, max_side: int) -> bytes:
    shrink = min(1.0, max_side / max(frame.width, frame.height))
    width, height = (max(2, round(side * shrink / 2) * 2) for side in (frame.width, frame.height))
    picture = frame.reformat(width=width, height=height, format="yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = width, height
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    picture.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
