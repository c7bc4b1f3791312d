"""Videos are checked against X's rules by what they are, not by what they are called."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from films import brightness, sound_file

from airflow_twitter.publishing import video
from airflow_twitter.publishing.errors import VideoRejectedError
from airflow_twitter.publishing.findings import refusals
from airflow_twitter.publishing.video import Facts, NoVideoError, probe, take_frame
from airflow_twitter.publishing.video_rules import RULES, VideoCheck, check_video

MakeFilm = Callable[..., Path]
INTERLACED = {"preset": "ultrafast", "flags": "+ildct+ilme", "x264-params": "tff=1"}


def check(data: bytes | Path) -> VideoCheck:
    """Check a file, given as bytes or by path."""
    content = data if isinstance(data, bytes) else data.read_bytes()
    return check_video(io.BytesIO(content), len(content))


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"width": 180, "height": 320},
        {"turned": True},
        {"sound": None},
        {"layout": "mono"},
        {"pixels": "yuvj420p"},
        {"width": 300, "height": 100},
        {"width": 100, "height": 300},
        {"moov_first": True},
        {"rate": 60, "seconds": 0.6},
        {"seconds": 140, "rate": 1, "width": 64, "height": 64, "sound": None},
    ],
    ids=str,
)
def test_good_video(make_film: MakeFilm, kind: dict[str, object]) -> None:
    """Landscape, portrait and turned videos, with and without sound, up to the limits, are taken as they are."""
    checked = check(make_film(**kind))
    assert checked.findings == ()
    facts = checked.require()
    assert (facts.container, facts.codec, facts.damage) == ("mp4", "h264", None)
    assert facts.decoded_s == pytest.approx(facts.duration_s, abs=0.2)


@pytest.mark.parametrize(
    ("kind", "rules", "fixable"),
    [
        ({"codec": "mpeg4"}, ["video codec"], True),
        (
            {"codec": "libvpx-vp9", "sound": "libopus", "container": "webm"},
            ["container", "video codec", "sound codec"],
            True,
        ),
        ({"container": "mov"}, ["container"], True),
        ({"sound": "libmp3lame"}, ["sound codec"], True),
        ({"layout": "5.1"}, ["sound channels"], True),
        ({"seconds": 150, "rate": 1, "width": 64, "height": 64, "sound": None}, ["duration"], False),
        ({"seconds": 600, "rate": 1, "width": 64, "height": 64, "sound": None}, ["duration"], False),
        ({"seconds": 0.3}, ["duration"], False),
        ({"pixels": "yuv444p"}, ["pixel format"], True),
        ({"width": 640, "height": 160}, ["aspect ratio"], True),
        ({"width": 96, "height": 400}, ["aspect ratio"], True),
        ({"width": 16, "height": 16}, ["smallest picture"], True),
        ({"rate": 90, "seconds": 0.6}, ["frame rate"], True),
        ({"options": INTERLACED}, ["scan"], True),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_bad_video(make_film: MakeFilm, kind: dict[str, object], rules: list[str], fixable: bool) -> None:
    """Each broken rule is found, alone, and told with what is wanted, what was found and the mend."""
    checked = check(make_film(**kind))
    assert [finding.rule for finding in refusals(checked.findings)] == rules
    assert checked.fixable is fixable
    with pytest.raises(VideoRejectedError) as caught:
        checked.require()
    for finding in refusals(checked.findings):
        assert str(finding) in str(caught.value)
        assert finding.value
        assert finding.mend.endswith(".")


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ({"width": 1920, "height": 1080, "seconds": 0.6, "rate": 5}, "picture size"),
        ({"width": 1080, "height": 1920, "seconds": 0.6, "rate": 5}, "picture size"),
        ({"pixels": "yuv420p10le"}, "colour depth"),
    ],
    ids=str,
)
def test_advice_is_a_warning(make_film: MakeFilm, kind: dict[str, object], rule: str) -> None:
    """What X takes though it advises against it, such as 1080p, is told and not refused."""
    checked = check(make_film(**kind))
    assert [(finding.rule, finding.refuses) for finding in checked.findings] == [(rule, False)]
    checked.require()


def test_turned_video_has_the_sides_that_are_seen(make_film: MakeFilm) -> None:
    """A phone's portrait video, stored lying, is portrait."""
    facts = check(make_film(turned=True)).require()
    assert (facts.width, facts.height, facts.rotation) == (180, 320, 90)


def test_truncated_video_is_refused(make_film: MakeFilm) -> None:
    """A file that was not copied in full is refused, also where its headers say that all is well."""
    whole = make_film(moov_first=True, seconds=6.0).read_bytes()
    cut = whole[: len(whole) * 6 // 10]
    assert probe(io.BytesIO(cut), len(cut)).duration_s == pytest.approx(6, abs=0.1)
    with pytest.raises(VideoRejectedError, match=r"Whole file: after .* Copy or export it anew"):
        check(cut).require()
    headers_last = make_film(seconds=6.0).read_bytes()
    with pytest.raises(VideoRejectedError, match="no video, or its end is missing"):
        check(headers_last[: len(headers_last) * 6 // 10]).require()


def test_damaged_video_is_refused(make_film: MakeFilm) -> None:
    """Bytes that were lost in the middle are noticed."""
    whole = make_film(moov_first=True, seconds=6.0).read_bytes()
    with pytest.raises(VideoRejectedError, match="Whole file"):
        check(whole[:30_000] + bytes(4000) + whole[34_000:]).require()


@pytest.mark.parametrize("data", [b"", b"a text\n" * 100, bytes(10_000), b"\xff\xd8\xff\xe0" + bytes(500)])
def test_no_video_is_refused(data: bytes) -> None:
    """A text, an empty file or half a picture is told to be no video."""
    with pytest.raises(VideoRejectedError, match="no video"):
        check(data).require()


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    """A file without pictures is refused."""
    with pytest.raises(VideoRejectedError, match="no moving picture"):
        check(sound_file(tmp_path / "sound.mp4")).require()


GOOD = Facts("mp4", 10**6, 60.0, "h264", "High", 1280, 720, 0, 30.0, "yuv420p", 10**6, "aac", 2, "LC")
BOUNDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("file size", {"size": 512 * 1024**2}, {"size": 512 * 1024**2 + 1}),
    ("duration", {"duration_s": 140.0}, {"duration_s": 140.01}),
    ("duration", {"duration_s": 0.5}, {"duration_s": 0.49}),
    ("smallest picture", {"width": 32, "height": 32}, {"width": 31, "height": 32}),
    ("smallest picture", {"width": 32, "height": 32}, {"width": 32, "height": 31}),
    ("picture size", {"width": 1280, "height": 1024}, {"width": 1281, "height": 1024}),
    ("picture size", {"width": 1024, "height": 1280}, {"width": 1024, "height": 1281}),
    ("picture size", {"width": 720, "height": 1280}, {"width": 1025, "height": 1280}),
    ("frame rate", {"frame_rate": 60.0}, {"frame_rate": 60.2}),
    ("aspect ratio", {"width": 900, "height": 300}, {"width": 901, "height": 300}),
    ("aspect ratio", {"width": 300, "height": 900}, {"width": 300, "height": 901}),
    ("sound channels", {"audio_channels": 2}, {"audio_channels": 3}),
    ("sound codec", {"audio_codec": None, "audio_channels": 0}, {"audio_codec": "mp3"}),
    ("bit rate", {"bit_rate": 5_000_000}, {"bit_rate": 5_000_001}),
    ("whole file", {"decoded_s": 59.0}, {"decoded_s": 58.0}),
]


@pytest.mark.parametrize(("rule", "within", "beyond"), BOUNDS, ids=lambda value: str(value))
def test_bounds(rule: str, within: dict[str, Any], beyond: dict[str, Any]) -> None:
    """Up to its bound a rule holds, beyond it does not, and no other rule is broken by it."""
    assert broken(replace(GOOD, **within)) == []
    assert broken(replace(GOOD, **beyond)) == [rule]


def broken(facts: Facts) -> list[str]:
    """Return the names of the rules that a video breaks, advice too."""
    return [rule.name for rule in RULES if rule.check(facts)]


def test_every_rule_is_told_in_full() -> None:
    """Each rule has a name of its own, says what X wants, and how to mend it."""
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.limit and rule.mend.endswith(".") for rule in RULES)


def test_frame_for_the_approver(make_film: MakeFilm) -> None:
    """A picture of the video comes as a JPEG of bounded size, from any place in it."""
    for share in (0.0, 0.5, 0.99):
        with make_film(width=1920, height=1080, seconds=0.6, rate=5).open("rb") as file:
            picture = take_frame(file, at_share=share)
        assert picture[:2] == b"\xff\xd8"
        assert picture[-2:] == b"\xff\xd9"
        with av.open(io.BytesIO(picture)) as opened:
            shown = next(opened.decode(video=0))
        assert (shown.width, shown.height) == (640, 360)
    with pytest.raises(NoVideoError):
        take_frame(io.BytesIO(b"nothing"))


def test_frame_is_upright(make_film: MakeFilm) -> None:
    """The approver sees a phone's video as its viewers will: bright above becomes bright on the right."""
    with make_film(turned=True).open("rb") as file:
        picture = take_frame(file, at_share=0.0)
    assert brightness(io.BytesIO(picture), "right") > 150
    assert brightness(io.BytesIO(picture), "left") < 100


def test_huge_pictures_are_never_decoded(make_film: MakeFilm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger than any video is refused by its headers: not even to see how it is turned is it decoded."""
    path = make_film(container="mov", turned=True)
    with path.open("rb") as file:
        assert video.probe(file, path.stat().st_size).rotation == 90
    monkeypatch.setattr(video, "MAX_SIDE", 100)
    with path.open("rb") as file:
        facts = video.probe(file, path.stat().st_size)
        assert facts.rotation == 0
        assert "not decoded" in str(video.decode(file, facts).damage)
