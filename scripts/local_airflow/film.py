"""A short video to publish in the demo, made here: moving stripes and silence cost nobody anything."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

WIDTH, HEIGHT, RATE, SECONDS = 640, 360, 25, 4


def make_film(path: Path) -> None:
    """Write an mp4 that keeps all of X's rules."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as output:
        video = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "30"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(RATE * SECONDS):
            frame = _stripes(number)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))


def _stripes(number: int) -> av.VideoFrame:
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for index, plane in enumerate(frame.planes):
        row = bytes((x // 4 * 16 + number * 5) % 200 + 20 for x in range(plane.line_size))
        rows = plane.buffer_size // plane.line_size
        plane.update(row * rows if index == 0 else bytes([128]) * plane.buffer_size)
    return frame
