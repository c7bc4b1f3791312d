"""A video comes to X whole, and after any interruption the upload goes on where X stopped confirming."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from desk import Desk, client_of, rule

from airflow_twitter.api import errors as x
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.decisions import cancel
from airflow_twitter.publishing.errors import (
    BusyError,
    CancelledError,
    LookAgain,
    MediaFailedError,
    RecordError,
)
from airflow_twitter.publishing.processing import ensure_media, forget_media
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.reports import report
from airflow_twitter.publishing.states import PostState
from airflow_twitter.publishing.upload import Progress, upload_media
from airflow_twitter.simulator import Rule

MIB = 1024 * 1024
VIDEO = random.Random(1).randbytes(5 * MIB // 2)
SMALL = random.Random(2).randbytes(100_000)
TENTH = 10_000


def upload(desk: Desk, key: str = "film", **settings: Any) -> Record:
    """Upload once."""
    return upload_media(desk.records, "acme", key, desk.client, **settings)


def small(desk: Desk) -> Desk:
    """Prepare a post with a video of ten segments of TENTH bytes."""
    desk.open_with(SMALL)
    return desk


def indexes(desk: Desk) -> list[int]:
    """Return how many bytes of each upload came, counting segments that came again."""
    return [media.received for media in desk.simulator.uploads]


def test_video_comes_whole_in_mebibytes(desk: Desk) -> None:
    """Segments of 1 MiB, the last one shorter; what X puts together is the file, byte for byte."""
    record = desk.open_with(VIDEO)
    told: list[Progress] = []
    done = upload(desk, on_progress=told.append)
    (media,) = desk.simulator.uploads
    assert media.segment_sizes == {0: MIB, 1: MIB, 2: MIB // 2}
    assert media.sha256 == record.content.media_sha256
    assert (media.media_type, media.category, media.total_bytes) == ("video/mp4", "tweet_video", len(VIDEO))
    assert done.upload is not None
    assert (done.upload.media_id, done.upload.media_key) == (media.id, media.key)
    assert done.upload.finalized_at is not None
    assert [progress.sent for progress in told] == [0, MIB, 2 * MIB, len(VIDEO)]
    assert told[0].left_s is None
    assert told[-1].left_s == 0
    assert str(told[1]).startswith(f"40% ({MIB} of {len(VIDEO)} bytes, about ")
    assert upload(desk) == done
    assert media.received == len(VIDEO)


def test_time_left_follows_the_speed_of_this_go(desk: Desk) -> None:
    """After a resume only what was sent since then counts."""
    seconds = iter(range(1000))
    told: list[Progress] = []
    small(desk).simulator.add_rules([rule("reset_before", "append_media", nth=6)])
    for _ in range(2):
        try:
            upload(desk, segment_bytes=TENTH, on_progress=told.append, monotonic=lambda: next(seconds))
        except x.NetworkError:
            continue
    assert [(progress.sent // TENTH, progress.left_s) for progress in told] == [
        (0, None), (1, 9), (2, 8), (3, 7), (4, 6), (5, 5),
        (5, None), (6, 4), (7, 3), (8, 2), (9, 1), (10, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fault",
    [
        rule("reset_before", "append_media", nth=4),
        rule("reset_in_body", "append_media", nth=4, params={"after": 5000}),
        rule("lost_answer", "append_media", nth=4),
        rule("server_error", "append_media", nth=4),
        rule("html", "append_media", nth=4),
        rule("rate_limited", "append_media", nth=4),
        rule("rate_limited", "append_media", nth=4, params={"daily": "app"}),
        rule("credits", "append_media", nth=4),
    ],
    ids=lambda fault: f"{fault.fault}-{dict(fault.params)}",
)
def test_interrupted_upload_goes_on_with_the_segment_that_was_not_confirmed(desk: Desk, fault: Rule) -> None:
    """The error comes through; the next call, by another worker, sends the rest under the same media id."""
    small(desk).simulator.add_rules([fault])
    with pytest.raises(x.XError):
        upload(desk, segment_bytes=TENTH)
    held = desk.records.read("acme", "film").upload
    assert held is not None
    assert held.confirmed == 3
    with client_of(desk.simulator) as client:
        done = upload_media(Records(desk.records.store, now=desk.clock), "acme", "film", client)
    (media,) = desk.simulator.uploads
    assert done.upload is not None
    assert (done.upload.media_id, media.sha256) == (media.id, done.content.media_sha256)
    again = TENTH if fault.fault == "lost_answer" else 0
    assert media.received == len(SMALL) + again


def test_one_segment_is_tried_again_not_the_file(desk: Desk) -> None:
    """The client repeats a segment by itself, within its bounds of time."""
    small(desk).simulator.add_rules(
        [
            rule("reset_in_body", "append_media", nth=2, params={"after": 100}),
            rule("lost_answer", "append_media", nth=5),
            rule("server_error", "append_media", nth=(8, 9)),
        ]
    )
    with client_of(desk.simulator, retry_for_s=60.0, sleep=lambda seconds: None) as client:
        done = upload_media(desk.records, "acme", "film", client, segment_bytes=TENTH)
    (media,) = desk.simulator.uploads
    assert media.sha256 == done.content.media_sha256
    assert media.received == len(SMALL) + TENTH


def test_lost_answer_of_initialize_costs_nothing(desk: Desk) -> None:
    """An upload whose id is not known is left to expire, and another is begun."""
    small(desk).simulator.add_rules([rule("lost_answer", "initialize_media")])
    with pytest.raises(x.NetworkError):
        upload(desk)
    done = upload(desk)
    first, second = desk.simulator.uploads
    assert (first.received, second.sha256) == (0, done.content.media_sha256)


@pytest.mark.parametrize("fault", ["lost_answer", "reset_before", "server_error", "finalized_once"])
def test_lost_answer_of_finalize(desk: Desk, fault: str) -> None:
    """Whether X has put the segments together is found out; none is sent again."""
    rules = [rule("lost_answer", "finalize_media")] if fault == "finalized_once" else []
    nth = (2, None) if fault == "finalized_once" else 1
    small(desk).simulator.add_rules([*rules, rule(fault, "finalize_media", nth=nth)])
    with pytest.raises(x.TransientError):
        upload(desk, segment_bytes=TENTH)
    done = upload(desk)
    (media,) = desk.simulator.uploads
    assert done.upload is not None
    assert done.upload.finalized_at is not None
    assert media.received == len(SMALL)


@pytest.mark.parametrize("status", [413, 431])
def test_too_large_segments_are_made_smaller(desk: Desk, status: int) -> None:
    """The file is sent afresh in halves until X takes them, and the size is remembered."""
    desk.open_with(VIDEO)
    desk.simulator.add_rules(
        [
            Rule(
                endpoint="append_media",
                fault="segment_too_large",
                params={"status": status, "above": 300_000},
            )
        ]
    )
    done = upload(desk)
    assert done.upload is not None
    assert done.upload.segment_bytes == MIB // 4
    *others, media = desk.simulator.uploads
    assert [other.received for other in others] == [0, 0]
    assert media.sha256 == done.content.media_sha256
    forget_media(desk.records, "acme", "film", "Again.")
    again = upload(desk)
    assert again.upload is not None
    assert again.upload.segment_bytes == MIB // 4


def test_segments_cannot_become_too_many(desk: Desk) -> None:
    """X numbers 1000 segments: smaller ones than that are not tried, and the error says so."""
    desk.open_with(VIDEO)
    desk.simulator.add_rules([Rule(endpoint="append_media", fault="segment_too_large", params={"above": 0})])
    with pytest.raises(x.SegmentTooLargeError, match="over 1000"):
        upload(desk)


def test_large_file_has_larger_segments(desk: Desk) -> None:
    """Where 1000 segments of the usual size would not do, they are larger."""
    small(desk).simulator.add_rules([rule("reset_before", "append_media")])
    with pytest.raises(x.NetworkError):
        upload(desk, segment_bytes=90)
    held = desk.records.read("acme", "film").upload
    assert held is not None
    assert (held.segment_bytes, held.segments) == (100, 1000)


def test_expired_media_are_sent_afresh(desk: Desk) -> None:
    """Media that expired while nobody worked on them, or in mid-upload, are made again."""
    small(desk).simulator.add_rules([rule("reset_before", "append_media", nth=4)])
    with pytest.raises(x.NetworkError):
        upload(desk, segment_bytes=TENTH)
    desk.clock.pass_s(90_000)
    desk.simulator.clear_rules()
    desk.simulator.add_rules([rule("expired_media", "append_media", nth=2)])
    done = upload(desk, segment_bytes=TENTH)
    first, second, third = desk.simulator.uploads
    assert (first.received, second.received) == (3 * TENTH, TENTH)
    assert third.sha256 == done.content.media_sha256
    assert done.upload is not None
    assert done.upload.made == 3


def test_media_that_always_vanish_are_given_up(desk: Desk) -> None:
    """What X forgets again and again is not sent for ever."""
    small(desk).simulator.add_rules([Rule(endpoint="finalize_media", fault="expired_media")])
    with pytest.raises(x.MediaGoneError):
        upload(desk)
    assert len(desk.simulator.uploads) == 3


def test_changed_file_is_refused(desk: Desk, store: Store) -> None:
    """Only what was prepared is sent: another content, or no file, stops the post."""
    record = small(desk).records.read("acme", "film")
    key = f"media/{record.content.media_sha256}"
    store.put(key, b"something else")
    with pytest.raises(RecordError, match="not the one that was prepared"):
        upload(desk)
    store.delete(key)
    with pytest.raises(RecordError, match="not in the data folder"):
        upload(desk)
    assert desk.simulator.uploads == []


def test_cancelled_upload_stops_at_the_next_segment(desk: Desk) -> None:
    """Who cancels does not wait for the end of the upload."""

    def then_cancel(progress: Progress) -> None:
        if progress.sent == 3 * TENTH:
            cancel(desk.records, "acme", "film", by="ann")

    with pytest.raises(CancelledError):
        upload(small(desk), segment_bytes=TENTH, on_progress=then_cancel)
    (media,) = desk.simulator.uploads
    assert media.received == 4 * TENTH
    assert desk.records.read("acme", "film").state is PostState.CANCELLED


def test_two_workers_do_not_upload_at_once(desk: Desk) -> None:
    """The second is told to look again while the first is at it."""
    outcomes: list[Any] = []

    def second(progress: Progress) -> None:
        if progress.sent == TENTH:
            worker = threading.Thread(target=try_it)
            worker.start()
            worker.join(timeout=60)

    def try_it() -> None:
        with client_of(desk.simulator) as client:
            try:
                outcomes.append(upload_media(Records(desk.records.store), "acme", "film", client))
            except BusyError as error:
                outcomes.append(error)

    upload(small(desk), segment_bytes=TENTH, on_progress=second)
    assert [type(outcome) for outcome in outcomes] == [BusyError]
    assert len(desk.simulator.uploads) == 1


@pytest.mark.parametrize("fault", ["no_body", None])
def test_processing_is_waited_for(desk: Desk, fault: str | None) -> None:
    """X is asked when it said, and not sooner than after 10 s, with its own progress; then the post carries it."""
    rules = [Rule(endpoint="append_media", fault=fault)] if fault else []
    small(desk).simulator.add_rules(
        [*rules, rule("slow_processing", "finalize_media", params={"processing_s": 60.0})]
    )
    with pytest.raises(LookAgain) as caught:
        ensure_media(desk.records, "acme", "film", desk.client)
    assert (caught.value.at - desk.clock()).total_seconds() == 10
    desk.clock.pass_s(30)
    with pytest.raises(LookAgain) as caught:
        ensure_media(desk.records, "acme", "film", desk.client)
    record = desk.records.read("acme", "film")
    assert (record.state, caught.value.progress) == (PostState.PROCESSING, 0.5)
    assert report(record.state, now=desk.clock(), error=caught.value).form()["progress"] == 0.5
    ready = desk.ensure()
    assert ready.upload is not None
    assert ready.upload.ready
    posted = desk.create("film")
    assert [post.media_keys for post in desk.simulator.posts] == [[ready.upload.media_key]]
    assert posted.intent.media_keys == [ready.upload.media_key]


def test_failed_processing_is_tried_once_more(desk: Desk) -> None:
    """One failure may be X's; after the second the video is told to be at fault."""
    small(desk).simulator.add_rules([rule("failed_processing", "finalize_media")])
    assert desk.ensure().upload is not None
    assert len(desk.simulator.uploads) == 2
    desk.open_with(VIDEO, "second")
    desk.simulator.add_rules([Rule(endpoint="finalize_media", fault="failed_processing")])
    with pytest.raises(MediaFailedError, match="in 2 tries"):
        desk.ensure("second")
    assert len(desk.simulator.uploads) == 4


def test_processing_without_end_is_given_up(desk: Desk) -> None:
    """After an hour the video is sent once more, and then told to have failed."""
    small(desk).simulator.add_rules(
        [Rule(endpoint="finalize_media", fault="slow_processing", params={"processing_s": 1e6})]
    )
    for _ in range(2):
        with pytest.raises(LookAgain):
            ensure_media(desk.records, "acme", "film", desk.client)
        desk.clock.pass_s(3590)
        with pytest.raises(LookAgain):
            ensure_media(desk.records, "acme", "film", desk.client)
        desk.clock.pass_s(20)
        if len(desk.simulator.uploads) == 1:
            with pytest.raises(LookAgain, match="sent once more"):
                ensure_media(desk.records, "acme", "film", desk.client)
    with pytest.raises(MediaFailedError, match="over an hour"):
        ensure_media(desk.records, "acme", "film", desk.client)
    assert len(desk.simulator.uploads) == 2


def test_media_that_expired_before_the_post_are_made_again(desk: Desk) -> None:
    """A video that waited for its turn for too long is sent again, by the same step."""
    first = small(desk).ensure()
    desk.clock.pass_s(90_000)
    second = desk.ensure()
    assert first.upload is not None
    assert second.upload is not None
    assert first.upload.media_id != second.upload.media_id
    assert desk.create("film").intent.media_keys == [second.upload.media_key]


def test_media_that_x_denies_on_creation_are_made_again(desk: Desk) -> None:
    """X says on creating that the media are gone: nothing was posted, and they are made again."""
    small(desk).ensure()
    desk.simulator.add_rules([rule("expired_media", "create_post")])
    with pytest.raises(x.MediaGoneError):
        desk.create("film")
    forget_media(desk.records, "acme", "film", "X does not have the media any more.")
    desk.ensure()
    assert [desk.create("film").post_id] == desk.posts


def test_media_whose_status_is_always_gone_are_given_up(desk: Desk) -> None:
    """X forgets the media each time before they are ready: that ends, with the error."""
    small(desk).simulator.add_rules(
        [
            Rule(endpoint="finalize_media", fault="slow_processing"),
            Rule(endpoint="media_status", fault="expired_media"),
        ]
    )
    with pytest.raises(x.MediaGoneError):
        ensure_media(desk.records, "acme", "film", desk.client)
    assert len(desk.simulator.uploads) == 3


def test_post_never_goes_out_without_its_video(desk: Desk) -> None:
    """While X does not have the video ready, nothing is sent, whoever calls in the wrong order."""
    small(desk).simulator.add_rules([rule("slow_processing", "finalize_media")])
    for step in (lambda: None, lambda: upload(desk)):
        step()
        with pytest.raises(RecordError, match="not have the video"):
            desk.create("film")
    assert desk.sends == 0
    desk.ensure()
    assert desk.create("film").intent.media_keys == [desk.simulator.uploads[0].key]


def test_lost_answer_is_found_by_the_media_key(desk: Desk) -> None:
    """A post is recognised by its video even where its text was changed by X."""
    small(desk).ensure()
    desk.simulator.add_rules([rule("lost_answer")])
    timeline = desk.client.timeline

    def reworded(*args: Any, **kwargs: Any) -> Any:
        import dataclasses

        return [dataclasses.replace(post, text="reworded") for post in timeline(*args, **kwargs)]

    desk.client.timeline = reworded  # type: ignore[method-assign]
    record = desk.create("film")
    assert (record.found, [record.post_id], desk.sends) == (True, desk.posts, 1)


def test_post_without_a_video_needs_no_media(desk: Desk) -> None:
    """A text alone goes through the same steps without a request."""
    assert desk.ensure("first").upload is None
    assert len(desk.simulator.book.requests) == 0
