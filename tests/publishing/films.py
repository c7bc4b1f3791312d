"""Real videos, made by FFmpeg's libraries: small, and each wrong in a way of its own."""

from __future__ import annotations

import random
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

_TONE = b"".join(struct.pack("<h", 8000 if (sample // 50) % 2 else -8000) for sample in range(1024))


def film(
    path: Path,
    *,
    width: int = 320,
    height: int = 180,
    seconds: float = 2.0,
    rate: int = 10,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: str | None = "aac",
    layout: str = "stereo",
    container: str = "mp4",
    options: dict[str, str] | None = None,
    moov_first: bool = False,
    turned: bool = False,
    noisy: bool = False,
) -> Path:
    """Write a video with a tone, whose picture is bright above and dark below, and return its path."""
    muxer_options = {"movflags": "faststart"} if moov_first else {}
    with av.open(str(path), "w", format=container, options=muxer_options) as output:
        video = output.add_stream(codec, rate=rate, options=options or _fast(codec))
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = width, height, pixels
        audio: Any = None
        if sound is not None:
            audio = output.add_stream(sound, rate=48_000, layout=layout)
        for number in range(round(seconds * rate)):
            picture = (_noise if noisy else _picture)(number, width, height).reformat(format=pixels)
            picture.pts, picture.time_base = number, Fraction(1, rate)
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        if audio is not None:
            _add_sound(output, audio, layout, seconds)
    if turned:
        _turn(path)
    return path


def sound_file(path: Path) -> Path:
    """Write an MP4 file with a tone and no picture."""
    with av.open(str(path), "w", format="mp4") as output:
        _add_sound(output, output.add_stream("aac", rate=48_000, layout="mono"), "mono", 1.0)
    return path


def _turn(path: Path) -> None:
    """Have players turn the picture by 90 degrees clockwise, as phones do it: by the matrix of the track."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    path.write_bytes(data)


def _fast(codec: str) -> dict[str, str]:
    return {"preset": "ultrafast", "crf": "35"} if codec in ("libx264", "libx265") else {}


def _picture(number: int, width: int, height: int) -> av.VideoFrame:
    """Return a grey picture, bright above and dark below, whose stripes move on with the number."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for index, plane in enumerate(frame.planes):
        rows = plane.buffer_size // plane.line_size
        if index == 0:
            above, below = (
                bytes(base + (x // 8 + number) % 4 * 8 for x in range(plane.line_size)) for base in (180, 20)
            )
            plane.update(above * (rows // 2) + below * (rows - rows // 2))
        else:
            plane.update(bytes([128]) * plane.buffer_size)
    return frame


def _noise(number: int, width: int, height: int) -> av.VideoFrame:
    """Return a picture that cannot be compressed well."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in frame.planes:
        plane.update(random.Random(number).randbytes(plane.buffer_size))
    return frame


def brightness(path_or_file: Any, part: str) -> float:
    """Return how bright a half ("top", "bottom", "left", "right") of the first picture is, from 0 to 255."""
    with av.open(path_or_file) as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
    plane = frame.planes[0]
    data = bytes(plane)
    rows = [data[y * plane.line_size : y * plane.line_size + frame.width] for y in range(frame.height)]
    if part in ("top", "bottom"):
        half = rows[: len(rows) // 2] if part == "top" else rows[len(rows) // 2 :]
    else:
        middle = frame.width // 2
        half = [row[:middle] if part == "left" else row[middle:] for row in rows]
    return sum(map(sum, half)) / sum(map(len, half))


def _add_sound(output: Any, stream: Any, layout: str, seconds: float) -> None:
    resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=48_000)
    block = len(_TONE) // 2
    for number in range(round(seconds * 48_000 / block)):
        frame = av.AudioFrame(format="s16", layout="mono", samples=block)
        frame.planes[0].update(_TONE)
        frame.sample_rate, frame.pts, frame.time_base = 48_000, number * block, Fraction(1, 48_000)
        for ready in resampler.resample(frame):
            output.mux(stream.encode(ready))
    for ready in resampler.resample(None):
        output.mux(stream.encode(ready))
    output.mux(stream.encode(None))
