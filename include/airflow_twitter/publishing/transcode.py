"""Transcode a video: H.264 (libx264) and AAC in MP4, 8 bits 4:2:0, progressive, upright, mono or stereo."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
from av.video.frame import VideoFrame

from airflow_twitter.publishing.video import Facts, OnShare, turning

SOUND_BIT_RATE = 128_000
SOUND_RATE = 48_000


@dataclass(frozen=True, slots=True)
class Shape:
    """How the new video is to be: sides and frames a second after scaling, bars around up to `canvas`, bits a second."""

    width: int
    height: int
    canvas: tuple[int, int]
    frame_rate: float
    bit_rate: int


def transcode(
    source: BinaryIO, target: BinaryIO, facts: Facts, shape: Shape, on_progress: OnShare | None
) -> None:
    """Write the video in `source` as MP4 to `target`; `on_progress` gets the share that is done, from 0 to 1.

    Raises av.error.FFmpegError.
    """
    with av.open(source, mode="r") as reader, av.open(target, mode="w", format="mp4") as writer:
        film = _Film(reader, writer, facts, shape)
        count = 0
        for frame in reader.decode(film.streams):
            if isinstance(frame, VideoFrame):
                count += 1
                film.picture(frame)
                if on_progress is not None and count % 25 == 0:
                    on_progress(min(1.0, (frame.time or 0.0) / facts.duration_s))
            else:
                film.sound(frame)
        film.close()
    if on_progress is not None:
        on_progress(1.0)


class _Film:
    """Turn decoded pictures and sound into those of the new file."""

    def __init__(self, reader: Any, writer: Any, facts: Facts, shape: Shape) -> None:
        self._writer = writer
        self._source = reader.streams.video[0]
        self._source.thread_type = "AUTO"
        self.streams = [self._source, *reader.streams.audio[:1]]
        rate = Fraction(shape.frame_rate).limit_denominator(1001)
        self._pictures = writer.add_stream("libx264", rate=rate, options=_x264(shape))
        self._pictures.width, self._pictures.height = shape.canvas
        self._pictures.pix_fmt = "yuv420p"
        self._pictures.time_base = 1 / rate
        self._graph = _graph(self._source, facts, shape, rate)
        self._sound = self._resampler = None
        if len(self.streams) > 1:
            layout = "mono" if facts.audio_channels == 1 else "stereo"
            self._sound = writer.add_stream("aac", rate=SOUND_RATE, layout=layout)
            self._sound.bit_rate = SOUND_BIT_RATE
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=SOUND_RATE)

    def picture(self, frame: VideoFrame | None) -> None:
        """Take the next picture, None at the end."""
        self._graph.push(frame)
        while True:
            try:
                ready = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            ready.pict_type = 0
            self._writer.mux(self._pictures.encode(ready))

    def sound(self, frame: Any) -> None:
        """Take the next piece of sound, None at the end."""
        if self._sound is None or self._resampler is None:
            return
        for ready in self._resampler.resample(frame):
            self._writer.mux(self._sound.encode(ready))

    def close(self) -> None:
        """Write what is still held back."""
        self.picture(None)
        self._writer.mux(self._pictures.encode(None))
        self.sound(None)
        if self._sound is not None:
            self._writer.mux(self._sound.encode(None))


def _x264(shape: Shape) -> dict[str, str]:
    kilobits = shape.bit_rate // 1000
    return {
        "preset": "veryfast",
        "profile": "high",
        "crf": "20",
        "maxrate": f"{kilobits}k",
        "bufsize": f"{kilobits}k",
    }


def _graph(source: Any, facts: Facts, shape: Shape, rate: Fraction) -> av.filter.Graph:
    graph = av.filter.Graph()
    steps = [graph.add_buffer(template=source, time_base=source.time_base)]
    if facts.interlaced:
        steps.append(graph.add("yadif"))
    steps += [graph.add("transpose", direction) for direction in turning(facts.rotation)]
    steps.append(graph.add("scale", f"{shape.width}:{shape.height}"))
    if shape.canvas != (shape.width, shape.height):
        steps.append(graph.add("pad", f"{shape.canvas[0]}:{shape.canvas[1]}:(ow-iw)/2:(oh-ih)/2"))
    steps += [
        graph.add("setsar", "1"),
        graph.add("fps", f"{rate.numerator}/{rate.denominator}"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*steps).configure()
    return graph
