"""Captions come to X once, belong to the video that is posted, and are what a subtitle file has to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, rule
from msgspec.structs import replace

from airflow_twitter.api import errors as x
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.captions import BYTES_MAX, bring_captions
from airflow_twitter.publishing.errors import (
    BusyError,
    DuplicateError,
    RecordError,
    SourceRefusedError,
    VideoRejectedError,
)
from airflow_twitter.publishing.media import keep
from airflow_twitter.publishing.processing import ensure_media
from airflow_twitter.publishing.record import Captions, Content, Record, decode, encode
from airflow_twitter.publishing.retention import clean_media
from airflow_twitter.publishing.sources import Sources
from airflow_twitter.publishing.srt import Subtitles, read_srt

VIDEO = b"a video, as far as X can tell here"
SRT = "1\n00:00:00,000 --> 00:00:01,500\nGrüße\n\n2\n00:00:01,500 --> 00:00:02,000\n<i>Ende</i>\n12 --> 13\n".encode()


def captions_of(desk: Desk, language: str = "de", data: bytes = SRT) -> Captions:
    """Keep captions in the store."""
    return Captions(sha256=keep(desk.records.store, [data]).sha256, language=language)


def open_film(desk: Desk, captions: Captions | None) -> Record:
    """Prepare a post with a video and captions, or the same post with other ones."""
    sha256 = keep(desk.records.store, [VIDEO]).sha256
    return desk.records.open("acme", "film", Content(text="film", media_sha256=sha256, captions=captions))


def uploads(desk: Desk, category: str) -> list[Any]:
    """Return the uploads of a category."""
    return [media for media in desk.simulator.uploads if media.category == category]


def test_joined_to_the_video_of_the_post(desk: Desk) -> None:
    """What X has as captions is the file, in its language and by the language's name; a second time asks nothing."""
    open_film(desk, captions_of(desk))
    desk.ensure()
    asked = len(desk.simulator.book.requests)
    desk.ensure()
    assert len(desk.simulator.book.requests) == asked

    (video,), (track,) = uploads(desk, "tweet_video"), uploads(desk, "subtitles")
    assert (track.media_type, track.sha256) == ("text/srt", captions_of(desk).sha256)
    assert video.captions == {"de": track.id}
    desk.create("film")
    assert desk.simulator.posts[0].media_keys == [video.key]


@pytest.mark.parametrize("fault", ["lost_answer", "reset_before"])
@pytest.mark.parametrize(
    ("endpoint", "nth"),
    [("initialize_media", 2), ("append_media", 2), ("finalize_media", 2), ("add_captions", 1)],
)
def test_goes_on_after_trouble(desk: Desk, endpoint: str, nth: int, fault: str) -> None:
    """Whatever gets lost of the captions, the video is not sent again, and the captions are joined once."""
    desk.simulator.add_rules([rule(fault, endpoint, nth=nth)])
    open_film(desk, captions_of(desk))
    with pytest.raises(x.TransientError):
        desk.ensure()
    desk.ensure()

    (video,) = uploads(desk, "tweet_video")
    assert video.requests == 1
    tracks = uploads(desk, "subtitles")
    assert sum(track.requests for track in tracks) <= 2
    assert video.captions == {"de": tracks[-1].id}


def test_video_that_was_made_anew_gets_the_same_captions(desk: Desk) -> None:
    """When X has forgotten the video alone, its captions are joined to the new one without being sent again."""
    open_film(desk, captions_of(desk))
    desk.ensure()
    uploads(desk, "tweet_video")[0].expires_at = 0.0
    with desk.records.change("acme", "film") as record:
        assert record.upload is not None
        record.upload.media_id, record.upload.ready, record.upload.finalized_at = None, False, None
    desk.ensure()

    _, second = uploads(desk, "tweet_video")
    (track,) = uploads(desk, "subtitles")
    assert second.captions == {"de": track.id}
    assert track.requests == 1


def test_captions_that_expired_are_sent_again(desk: Desk) -> None:
    """When X has forgotten the captions before they were joined, they are sent again, and the video is not."""
    desk.simulator.add_rules([rule("reset_before", "add_captions")])
    open_film(desk, captions_of(desk))
    with pytest.raises(x.TransientError):
        desk.ensure()
    uploads(desk, "subtitles")[0].expires_at = 0.0
    desk.ensure()

    (video,) = uploads(desk, "tweet_video")
    _, track = uploads(desk, "subtitles")
    assert video.captions == {"de": track.id}


def test_video_that_expired_before_its_captions(desk: Desk) -> None:
    """When X has forgotten the video by the time its captions are joined, both are there in the end."""
    desk.simulator.add_rules([rule("reset_before", "add_captions")])
    open_film(desk, captions_of(desk))
    with pytest.raises(x.TransientError):
        desk.ensure()
    uploads(desk, "tweet_video")[0].expires_at = 0.0
    desk.ensure()

    assert uploads(desk, "tweet_video")[-1].captions == {"de": uploads(desk, "subtitles")[-1].id}
    assert len(uploads(desk, "tweet_video")) == 2


def test_refused_for_good(desk: Desk) -> None:
    """Captions that X does not take end the matter after a few tries, in X's words; nothing is posted without them."""
    open_film(desk, captions_of(desk, language="a" * 36))
    with pytest.raises(x.InvalidRequestError, match="language_code"):
        desk.ensure()
    with pytest.raises(RecordError, match="captions of the post film"):
        desk.create("film")
    assert desk.posts == []
    assert len(uploads(desk, "tweet_video")) == 1


def test_another_worker_has_them_in_hand(desk: Desk) -> None:
    """Two workers do not send the captions of one post at the same time."""
    open_film(desk, None)
    desk.ensure()
    open_film(desk, captions_of(desk))
    with desk.records.hold("acme", "film", "captions"), pytest.raises(BusyError):
        ensure_media(desk.records, "acme", "film", desk.client)
    assert uploads(desk, "subtitles") == []


def test_other_captions_are_no_other_post(desk: Desk) -> None:
    """Readers take a post with other captions or flags for the same: the second run stops."""
    first = open_film(desk, captions_of(desk)).content
    for other in (
        replace(first, captions=None),
        replace(first, captions=captions_of(desk, "en")),
        replace(first, made_with_ai=True, paid_partnership=True),
    ):
        with pytest.raises(DuplicateError):
            desk.records.open("acme", "second", other)


@pytest.mark.parametrize("language", ["en", None])
def test_edited_after_they_were_joined(desk: Desk, language: str | None) -> None:
    """Other captions, or none, before the post is out: what is posted has these, and no others."""
    open_film(desk, captions_of(desk))
    desk.ensure()
    other = (
        None
        if language is None
        else captions_of(desk, language, SRT + b"\n3\n00:00:03,000 --> 00:00:04,000\nx\n")
    )
    record = open_film(desk, other)
    assert record.history[-1].note == "Edited."
    desk.ensure()
    desk.create("film")

    posted = uploads(desk, "tweet_video")[-1]
    assert desk.simulator.posts[0].media_keys == [posted.key]
    assert list(posted.captions) == ([] if language is None else [language])
    with pytest.raises(RecordError, match="captions cannot be changed any more"):
        open_film(desk, captions_of(desk))


def test_kept_in_the_record(desk: Desk) -> None:
    """The record holds the captions and how far they came; a record that was written without them can be read."""
    open_film(desk, captions_of(desk))
    record = desk.ensure()
    assert decode(encode(record)) == record
    assert record.content.captions == captions_of(desk)
    without = encode(record).replace(b'"captions": ', b'"_": ').replace(b'"captions_upload"', b'"__"')
    assert decode(without).content.captions is None


def test_kept_while_they_are_needed(desk: Desk) -> None:
    """Captions of a post that is on its way are not cleaned away, and later they are."""
    open_film(desk, captions_of(desk))
    store, later = desk.records.store, desk.clock() + timedelta(days=40)
    assert clean_media(store, now=later, keep_s=86_400.0) == []
    desk.ensure()
    desk.create("film")
    assert len(clean_media(store, now=later, keep_s=86_400.0)) == 2


GOOD = {
    "plain": SRT,
    "byte order mark": b"\xef\xbb\xbf" + SRT,
    "lines of Windows": SRT.replace(b"\n", b"\r\n"),
    "lines of old Macs": SRT.replace(b"\n", b"\r"),
    "without numbers": b"00:00:00,000 --> 00:00:01,000\nHello\n\n00:00:01,000 --> 00:00:02,000\nthere",
    "spaces about": b"\n\n 1 \n  00:00:00,000  -->  00:00:01,000  \nHello\n\n\n\n",
    "two at once": SRT + b"\n3\n00:00:01,500 --> 00:00:03,000\nx\n",
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_good_file(data: bytes) -> None:
    """What programs write as SRT is taken."""
    said = read_srt(data)
    assert said.count >= 2 - (b"there" not in data and b"Ende" not in data)
    assert said.until_s >= 1.0


def test_what_it_says() -> None:
    """How many captions there are, and until when the last one goes."""
    assert read_srt(SRT) == Subtitles(count=2, until_s=2.0)


BAD = {
    "empty": (b"", "no caption"),
    "blank": (b"\n \n\t\n", "no caption"),
    "binary": (bytes(range(256)) * 4, "line 2: it holds bytes that are no UTF-8"),
    "latin-1": ("1\n00:00:00,000 --> 00:00:01,000\nGrüße\n".encode("latin-1"), "line 3: .*no UTF-8"),
    "utf-16": (SRT.decode().encode("utf-16"), "UTF-16. *X wants|UTF-16;"),
    "webvtt": (b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n", "WebVTT"),
    "points": (b"1\n00:00:00.000 --> 00:00:01.000\nHello\n", "line 2: .*is no time; one reads"),
    "no text": (b"1\n00:00:00,000 --> 00:00:01,000\n\n", "line 2: this caption has no text"),
    "number alone": (SRT + b"\n3\n", "line 10: a number stands alone"),
    "backwards": (b"1\n00:00:02,000 --> 00:00:01,000\nHello\n", "line 2: .*ends before it begins"),
    "no length": (b"1\n00:00:01,000 --> 00:00:01,000\nHello\n", "line 2: .*ends before it begins"),
    "order": (SRT + b"\n3\n00:00:00,100 --> 00:00:03,000\nx\n", "line 10: .*begins before the one above"),
    "61 seconds": (b"1\n00:00:61,000 --> 00:01:02,000\nHello\n", "line 2: .*is no time"),
    "other digits": ("1\n00:00:0\u0661,000 --> 00:00:02,000\nHello\n".encode(), "line 2: .*is no time"),
    "prose": (b"Dear viewer,\nthere is no film.\n", "line 1: 'Dear viewer,' is no time"),
    "NUL": (b"1\n00:00:00,000 --> 00:00:01,000\nHe\0llo\n", r"line 3: .*U\+0000"),
    "escape": (b"1\n00:00:00,000 --> 00:00:01,000\n\x1b[31mred\n", r"line 3: .*U\+001B"),
    "run together": (SRT.replace(b"\n\n", b"\n"), "line 5: a time in the midst"),
    "a line of a megabyte": (b"-->" * 170_000, "line 1: .*is no time"),
    "digits without end": (b"1" * 400_000 + b"\n", "number stands alone"),
}


@pytest.mark.parametrize(("data", "reason"), BAD.values(), ids=BAD)
def test_bad_file(data: bytes, reason: str) -> None:
    """What is no SRT file is refused with the line, what is wrong there, and the mend; in few words."""
    with pytest.raises(VideoRejectedError, match=f"(?s)Captions: .*({reason}).*SRT file in UTF-8") as caught:
        read_srt(data)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            lambda folder: (folder / "c.srt").write_bytes(b"x" * (BYTES_MAX + 1)),
            "The subtitle file has 524289 bytes",
        ),
        (lambda folder: (folder / "c.srt").symlink_to("/etc/passwd"), "must not lead out"),
        (lambda folder: (folder / "c.srt").mkdir(), "is no file"),
        (lambda folder: None, "There is no file"),
    ],
)
def test_not_brought(tmp_path: Path, store: Store, make: Callable[[Path], Any], reason: str) -> None:
    """A subtitle file comes from where videos may come from, and is small."""
    folder = tmp_path / "videos"
    folder.mkdir()
    make(folder)
    with pytest.raises(SourceRefusedError, match=reason):
        bring_captions(store, Sources(folders=(str(folder),)), "c.srt", "en")
