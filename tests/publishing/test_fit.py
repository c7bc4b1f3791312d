"""A video that breaks a rule is transcoded into one that keeps them all; nothing is cut off."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from films import brightness

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.errors import VideoRejectedError
from airflow_twitter.publishing.fit import BIT_RATE, MIN_BIT_RATE, fit_video, shape_of
from airflow_twitter.publishing.media import Stored, keep
from airflow_twitter.publishing.video import Facts, probe
from airflow_twitter.publishing.video_rules import check_video

MakeFilm = Callable[..., Path]
INTERLACED = {"preset": "ultrafast", "flags": "+ildct+ilme", "x264-params": "tff=1"}


def put(store: Store, path: Path) -> Stored:
    """Keep a file in the store."""
    return keep(store, [path.read_bytes()])


def facts_of(store: Store, stored: Stored) -> Facts:
    """Return what a stored video is; it must keep all rules."""
    with store.open(stored.key) as file:
        return check_video(file, stored.size).require()


@pytest.mark.parametrize(
    ("kind", "sides"),
    [
        ({"codec": "mpeg4"}, (320, 180)),
        ({"codec": "libvpx-vp9", "sound": "libopus", "container": "webm"}, (320, 180)),
        ({"container": "mov", "turned": True}, (180, 320)),
        ({"layout": "5.1"}, (320, 180)),
        ({"pixels": "yuv444p"}, (320, 180)),
        ({"rate": 90, "seconds": 0.6}, (320, 180)),
        ({"options": INTERLACED}, (320, 180)),
        ({"width": 640, "height": 160}, (640, 214)),
        ({"width": 96, "height": 400}, (134, 400)),
        ({"width": 16, "height": 16}, (32, 32)),
        ({"width": 2560, "height": 1440, "codec": "mpeg4", "seconds": 0.6, "rate": 5}, (1920, 1080)),
    ],
    ids=str,
)
def test_mended(store: Store, make_film: MakeFilm, kind: dict[str, object], sides: tuple[int, int]) -> None:
    """Codecs, container, sound, colours, rate, scan and shape are mended; the length stays, and the original."""
    original = put(store, make_film(**kind))
    fitted = fit_video(store, original)
    facts = facts_of(store, fitted)
    assert (facts.container, facts.codec, facts.pixel_format) == ("mp4", "h264", "yuv420p")
    assert (facts.width, facts.height, facts.rotation) == (*sides, 0)
    with store.open(original.key) as file:
        assert facts.duration_s == pytest.approx(probe(file, original.size).duration_s, abs=0.15)
    assert facts.audio_channels in (1, 2)
    assert store.size(original.key) == original.size


def test_turned_video_is_set_upright(store: Store, make_film: MakeFilm) -> None:
    """What was bright above when lying is bright on the right when turned clockwise."""
    fitted = fit_video(store, put(store, make_film(container="mov", turned=True)))
    with store.open(fitted.key) as file:
        assert brightness(file, "right") > 150
    with store.open(fitted.key) as file:
        assert brightness(file, "left") < 100


def test_good_video_stays_as_it_is(store: Store, make_film: MakeFilm) -> None:
    """Nothing is made anew without need."""
    original = put(store, make_film())
    assert fit_video(store, original) == original
    assert fit_video(store, original, target_bytes=original.size) == original


def test_made_once_and_kept_anew(store: Store, make_film: MakeFilm) -> None:
    """What was fitted before is taken again, and counts as new: it is not cleaned away before its post is noted."""
    original = put(store, make_film(codec="mpeg4"))
    fitted = fit_video(store, original)
    os.utime(store.root / fitted.key, (0, 0))
    assert fit_video(store, original) == fitted
    assert store.modified_at(fitted.key).year > 2000


@pytest.mark.parametrize(
    "kind", [{"seconds": 150, "rate": 1, "width": 64, "height": 64, "sound": None}, {"seconds": 0.3}]
)
def test_nothing_is_cut_off(store: Store, make_film: MakeFilm, kind: dict[str, object]) -> None:
    """A video of the wrong length is refused: nobody knows which part is meant."""
    with pytest.raises(VideoRejectedError, match="Duration"):
        fit_video(store, put(store, make_film(**kind)))


def test_damaged_video_is_not_transcoded(store: Store, make_film: MakeFilm) -> None:
    """What cannot be decoded to its end is refused, not shortened."""
    whole = make_film(moov_first=True, seconds=6.0).read_bytes()
    with pytest.raises(VideoRejectedError, match="Whole file"):
        fit_video(store, keep(store, [whole[: len(whole) // 2]]))
    with pytest.raises(VideoRejectedError, match="no video"):
        fit_video(store, keep(store, [b"a text"]))


def test_target_size_is_kept(store: Store, make_film: MakeFilm) -> None:
    """The file becomes as small as was asked for; progress is told, to the end, anew for each try."""
    original = put(store, make_film(width=160, height=90, seconds=4, rate=25, noisy=True))
    target = 400_000
    assert original.size > target
    shares: list[float] = []
    fitted = fit_video(store, original, target_bytes=target, on_progress=shares.append)
    assert fitted.size <= target
    facts_of(store, fitted)
    assert all(0 <= share <= 1 for share in shares)
    assert shares[-1] == 1.0
    assert len(shares) > 3


def test_target_below_the_least_bit_rate_is_refused(store: Store, make_film: MakeFilm) -> None:
    """A size that would make mush of the video is refused, with the least size that would do."""
    original = put(store, make_film(seconds=6.0))
    with pytest.raises(VideoRejectedError, match=r"Target size: 50000 bytes leave .* at least (\d+) bytes"):
        fit_video(store, original, target_bytes=50_000)


def test_same_original_gives_the_same_video(store: Store, make_film: MakeFilm) -> None:
    """A retry takes what was made before: the post's content stays the same."""
    original = put(store, make_film(codec="mpeg4"))
    first = fit_video(store, original)
    shares: list[float] = []
    assert fit_video(store, original, on_progress=shares.append) == first
    assert shares == []
    store.delete(first.key)
    assert store.exists(fit_video(store, original).key)


def video(width: int = 1920, height: int = 1080, seconds: float = 60, rate: float = 30) -> Facts:
    """Return the facts of a video that nobody made."""
    return Facts("mp4", 1, seconds, "h264", "", width, height, 0, rate, "yuv420p", 1, "aac", 2, "LC")


def test_bit_rate_follows_from_size_and_length() -> None:
    """All bits fit into the size; a short video gets no more than X recommends, a small one fewer pixels."""
    free = shape_of(video(), 500_000_000, tight=False)
    assert (free.width, free.height, free.bit_rate) == (1920, 1080, BIT_RATE)
    tight = shape_of(video(), 5_000_000, tight=True)
    assert MIN_BIT_RATE <= tight.bit_rate < 5_000_000 * 8 / 60
    assert tight.width < 1280
    assert tight.height >= 360


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (33, 33), (1921, 5001), (8000, 20), (3, 3000), (7680, 4320)]
)
def test_any_shape_becomes_one_that_x_takes(width: int, height: int) -> None:
    """Sides are even, at least 32, at most 1080p but for bars, within 1:3 and 3:1."""
    canvas = shape_of(video(width, height), 500_000_000, tight=False).canvas
    assert all(side % 2 == 0 and side >= 32 for side in canvas)
    assert max(canvas) <= 3 * min(canvas)
    assert max(canvas) <= 1920
