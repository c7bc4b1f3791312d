"""The client that acts as an account, against the simulator."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from airflow_twitter.api import errors
from airflow_twitter.api.user_auth import OAuth1User
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.simulator import Account, Rule, Simulator

ACCOUNT = Account()
VIDEO = bytes(range(256)) * 16
FAULTS = ("reset_before", "lost_answer", "cut", "truncated_json", "html", "server_error")


@pytest.fixture
def simulator(clock: Any) -> Iterator[Simulator]:
    """A simulated X with one account, on the tests' own clock."""
    with Simulator(clock=lambda: clock.now().timestamp(), processing_s=20) as running:
        yield running


@pytest.fixture
def open_user(clock: Any) -> Iterator[Callable[..., UserClient]]:
    """Open clients of the account, with the clock in place of time; all are closed at the end."""
    opened: list[UserClient] = []

    def open_one(url: str, auth: Any = None, **settings: Any) -> UserClient:
        auth = auth or OAuth1User("key", "secret", ACCOUNT.access_token, ACCOUNT.access_token_secret)
        known = {"sleep": clock.sleep, "monotonic": clock.monotonic, "now": clock.now}
        opened.append(UserClient(url, auth, **{**known, **settings}))
        return opened[-1]

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def user(simulator: Simulator, open_user: Callable[..., UserClient]) -> UserClient:
    """A client of the account."""
    return open_user(simulator.url)


def upload(user: UserClient, data: bytes = VIDEO, size: int = 1000) -> tuple[str, str | None]:
    """Upload a video in segments of so many bytes, and return its id and key once it is ready."""
    media = user.initialize_media("video/mp4", "tweet_video", len(data))
    for index, at in enumerate(range(0, len(data), size)):
        user.append_media(media.id, index, data[at : at + size])
    user.finalize_media(media.id)
    return media.id, media.key


def test_a_video_is_uploaded_and_posted(user: UserClient, simulator: Simulator, clock: Any) -> None:
    """Segments arrive whole, processing is followed to its end, and the post is on the timeline."""
    begun = clock.now()
    media_id, key = upload(user)
    states = [user.media_status(media_id)]
    clock.sleep(8)
    states.append(user.media_status(media_id))
    clock.sleep(12)
    states.append(user.media_status(media_id))
    text = "Look <here> & there: https://example.com/a"
    made = user.create_post(text, media_ids=[media_id], made_with_ai=True, paid_partnership=True)

    assert [state.state for state in states] == ["pending", "in_progress", "succeeded"]
    assert [state.check_after_s for state in states] == [5.0, 5.0, None]
    assert [state.progress_percent for state in states] == [None, 40, 100]
    assert states[0].expires_at == begun + timedelta(days=1)
    assert simulator.uploads[0].sha256 == hashlib.sha256(VIDEO).hexdigest()
    (post,) = simulator.posts
    assert (str(post.id), post.raw, post.media_keys) == (made.id, text, [key])
    assert (post.made_with_ai, post.paid_partnership) == (True, True)
    assert user.user_id is not None
    (seen,) = user.timeline(user.user_id, since=begun)
    assert (seen.id, seen.text, seen.media_keys) == (made.id, made.text, (key,))
    assert made.text.startswith("Look &lt;here&gt; &amp; there: https://t.co/")
    assert dict(seen.links)[made.text.split()[-2]] == "https://example.com/a"
    assert abs(seen.created_at - clock.now()) < timedelta(seconds=1)
    assert user.me().id == user.user_id == ACCOUNT.id


def test_a_post_is_deleted_once(user: UserClient, clock: Any) -> None:
    """Deleting says whether there was something to delete."""
    made = user.create_post("Short-lived")
    assert [user.delete_post(made.id), user.delete_post(made.id)] == [True, False]
    assert user.timeline(ACCOUNT.id, since=clock.noon) == []


def test_the_timeline_is_read_to_its_end(user: UserClient, simulator: Simulator, clock: Any) -> None:
    """All pages are read, newest first, back to a moment and not further."""
    old = simulator.post_by_hand("Too old")
    clock.sleep(60)
    since = clock.now()
    made = []
    for number in range(230):
        made.append(str(simulator.post_by_hand(f"Number {number}").id))
        clock.sleep(1)
    found = [post.id for post in user.timeline(ACCOUNT.id, since=since)]
    assert found == made[::-1]
    assert str(old.id) not in found
    assert simulator.book.counts["timeline"] == 3


@pytest.mark.parametrize(
    "fault", ["reset_before", "lost_answer", "cut", "truncated_json", "html", "server_error"]
)
@pytest.mark.parametrize(
    "endpoint", ["initialize_media", "append_media", "finalize_media", "media_status", "timeline", "me"]
)
def test_what_can_be_repeated_is_tried_again(
    user: UserClient, simulator: Simulator, clock: Any, endpoint: str, fault: str
) -> None:
    """Trouble with one answer does not end an upload, and the media are whole."""
    simulator.add_rules([Rule(endpoint=endpoint, nth=1, fault=fault)])
    media_id, _ = upload(user)
    clock.sleep(30)
    assert user.media_status(media_id).state == "succeeded"
    user.me()
    user.timeline(ACCOUNT.id, since=clock.now())
    assert [item.sha256 for item in simulator.uploads if item.sha256] == [hashlib.sha256(VIDEO).hexdigest()]
    # After a lost answer to finalize its status is asked for, so that it need not be repeated.
    known = endpoint == "finalize_media" and fault in ("lost_answer", "cut", "truncated_json")
    assert len([entry for entry in simulator.book.to(endpoint) if entry.fault]) == 1
    assert simulator.book.counts[endpoint] >= (1 if known else 2)


@pytest.mark.parametrize(
    "fault", ["reset_before", "reset_in_body", "lost_answer", "cut", "truncated_json", "server_error"]
)
def test_creating_a_post_is_never_repeated(
    user: UserClient, simulator: Simulator, clock: Any, fault: str
) -> None:
    """Whatever goes wrong, one request is sent and the trouble is told at once."""
    simulator.add_rules([Rule(endpoint="create_post", fault=fault)])
    with pytest.raises(errors.TransientError) as caught:
        user.create_post("Once")
    assert caught.value.sent
    assert simulator.book.counts["create_post"] == 1
    assert clock.slept == []


def test_a_post_that_was_never_sent_says_so(open_user: Callable[..., UserClient]) -> None:
    """When nobody listens, X cannot have seen the post."""
    with Simulator() as gone:
        url = gone.url
    with pytest.raises(errors.NetworkError) as caught:
        open_user(url).create_post("Into the void")
    assert not caught.value.sent


def test_captions_are_joined_to_a_video(user: UserClient, simulator: Simulator) -> None:
    """Captions are uploaded as media of their own; what is no captions cannot be joined."""
    video, _ = upload(user)
    text = b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"
    captions = user.initialize_media("text/srt", "subtitles", len(text))
    user.append_media(captions.id, 0, text)
    assert user.finalize_media(captions.id).state == "succeeded"
    user.add_captions(video, captions.id, language="en", name="English")
    assert simulator.uploads[0].captions == {"en": captions.id}
    with pytest.raises(errors.MediaGoneError):
        user.add_captions(video, video, language="en", name="English")
    with pytest.raises(errors.MediaGoneError):
        user.add_captions("404", captions.id, language="en", name="English")


@pytest.mark.parametrize("seed", range(25))
def test_mixed_trouble_ends_in_one_post(
    simulator: Simulator, open_user: Callable[..., UserClient], clock: Any, seed: int
) -> None:
    """Under any mix of passing trouble a file arrives whole, and a post is made once or the doubt is told."""
    luck = random.Random(seed)
    endpoints = ("initialize_media", "append_media", "finalize_media", "media_status", "create_post")
    faults = (*FAULTS, "reset_in_body", "no_limit_headers")
    for _ in range(luck.randint(2, 8)):
        first = luck.randint(1, 6)
        nth = (first, first + luck.randint(0, 2))
        simulator.add_rules([Rule(endpoint=luck.choice(endpoints), nth=nth, fault=luck.choice(faults))])
    user = open_user(simulator.url)
    data = luck.randbytes(luck.randint(1, 6000))
    media_id, _ = upload(user, data)
    clock.sleep(60)
    assert user.media_status(media_id).state == "succeeded"
    try:
        user.create_post(f"Mix {seed}", media_ids=[media_id])
        doubt = False
    except errors.TransientError as error:
        doubt = error.sent
        assert doubt
    finished = [item for item in simulator.uploads if item.sha256]
    assert {item.sha256 for item in finished} == {hashlib.sha256(data).hexdigest()}
    assert simulator.book.counts["create_post"] == 1
    assert len(simulator.posts) == 1 or (doubt and simulator.posts == [])


def test_no_secret_is_logged(user: UserClient, caplog: pytest.LogCaptureFixture) -> None:
    """Even at the level DEBUG no token, secret or signature is written, whatever libraries say."""
    caplog.set_level(logging.DEBUG)
    user.create_post("Quietly")
    user.me()
    assert "POST /2/tweets -> 201" in caplog.text
    for said in (ACCOUNT.access_token, ACCOUNT.access_token_secret, "oauth_signature", "Authorization"):
        assert said not in caplog.text
