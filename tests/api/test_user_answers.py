"""What X answers to an account, whole, odd or broken."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from airflow_twitter.api import user_answers
from airflow_twitter.api.answers import Answer
from airflow_twitter.api.errors import (
    InvalidRequestError,
    NetworkError,
    PermanentError,
    SegmentTooLargeError,
    XError,
)
from airflow_twitter.api.limits import RateLimit
from airflow_twitter.api.user_auth import OAuth1User
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.simulator import Rule, Simulator

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
READERS: tuple[Callable[[Answer], Any], ...] = (
    user_answers.read_user,
    user_answers.read_media,
    user_answers.read_appended,
    user_answers.read_media_state,
    user_answers.is_finalized,
    user_answers.read_created,
    user_answers.read_deleted,
    user_answers.read_timeline,
)
NAMES = (
    *("data", "id", "text", "username", "media_key", "expires_after_secs", "processing_info", "state"),
    *("check_after_secs", "progress_percent", "error", "errors", "meta", "next_token", "created_at", "title"),
    *("attachments", "media_keys", "entities", "urls", "url", "expanded_url", "deleted"),
)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=12,
)


def answer(body: Any) -> Answer:
    """Return an answer with a body (bytes, or what is sent as JSON), given at noon."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(content, RateLimit(None, None, None, NOON), NOON, "request-1")


@settings(max_examples=150, deadline=None)
@given(some.sampled_from(READERS), JSON)
def test_any_json_is_read_or_told(read: Callable[[Answer], Any], body: Any) -> None:
    """Whatever JSON comes, it is read or one of our errors says that it cannot be."""
    try:
        read(answer({"data": body, "meta": body} if isinstance(body, dict) else body))
    except XError:
        return


@pytest.mark.parametrize("read", [reader for reader in READERS if reader is not user_answers.read_appended])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": {"id"', b"[]", {}, {"data": None}])
def test_what_is_not_whole_is_trouble_on_the_way(read: Callable[[Answer], Any], body: Any) -> None:
    """Without what was asked for, and without a reason, the answer counts as lost."""
    with pytest.raises(NetworkError):
        read(answer(body))


def test_errors_in_place_of_data_are_told() -> None:
    """A 200 that holds a reason in place of what was asked for is final, with X's words."""
    error = {"title": "Not Found Error", "detail": "Could not find user.", "type": "x/resource-not-found"}
    for read in (user_answers.read_user, user_answers.read_timeline):
        with pytest.raises(PermanentError, match="Could not find user") as caught:
            read(answer({"errors": [error]}))
        assert (caught.value.problem, caught.value.request_id) == ("resource-not-found", "request-1")


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (None, ("succeeded", None, None, None)),
        ({"state": "succeeded", "progress_percent": 100}, ("succeeded", None, 100, None)),
        ({"state": "pending", "check_after_secs": 1}, ("pending", 1.0, None, None)),
        (
            {"state": "in_progress", "check_after_secs": 5, "progress_percent": 8},
            ("in_progress", 5.0, 8, None),
        ),
        (
            {"state": "failed", "error": {"code": 1, "name": "InvalidMedia", "message": "Bad."}},
            ("failed", None, None, "InvalidMedia: Bad."),
        ),
        ({"state": "failed"}, ("failed", None, None, "X gives no reason")),
        ({"state": "failed", "error": {"message": "Bad."}}, ("failed", None, None, "Bad.")),
        ({"state": "unheard of"}, ("in_progress", None, None, None)),
        ({"state": "pending", "check_after_secs": -1}, ("pending", None, None, None)),
        ({"state": "pending", "check_after_secs": "5"}, ("pending", None, None, None)),
    ],
)
def test_states_of_processing(info: Any, expected: tuple[Any, ...]) -> None:
    """Without processing_info media are ready; a state that nobody knows is waited for; X's reason is kept."""
    data = {"id": "7", "media_key": "7_7", "expires_after_secs": 60, "processing_info": info}
    state = user_answers.read_media_state(answer({"data": data}))
    assert (state.state, state.check_after_s, state.progress_percent, state.error) == expected
    assert (state.key, state.expires_at) == ("7_7", NOON + timedelta(seconds=60))


def test_ids_may_come_as_numbers() -> None:
    """An id that comes as a number is kept as a text; what is no id is none."""
    assert user_answers.read_media(answer({"data": {"id": 2124472963691446272}})).id == "2124472963691446272"
    for wrong in (True, 1.5, "", "a", "-1", None, "\u0661"):
        with pytest.raises(NetworkError):
            user_answers.read_media(answer({"data": {"id": wrong}}))


def test_a_post_of_the_timeline_must_say_when() -> None:
    """Without a time a post cannot be told from older ones; odd attachments are passed over."""
    post = {"id": "1", "text": "a", "created_at": "2026-11-22T11:00:00.000Z"}
    odd = {**post, "attachments": {"media_keys": ["7_1", 3]}, "entities": {"urls": [{"url": "u"}, 3]}}
    page = user_answers.read_timeline(answer({"data": [odd], "meta": {"next_token": ""}}))
    (read,) = page.posts
    assert (read.media_keys, read.links, page.next_token) == (("7_1",), (), None)
    assert read.created_at == NOON - timedelta(hours=1)
    for wrong in (None, "yesterday", 7):
        with pytest.raises(NetworkError):
            user_answers.read_timeline(answer({"data": [{**post, "created_at": wrong}], "meta": {}}))


@pytest.fixture
def user(server: Any, clock: Any) -> Any:
    """A client of a scripted server."""
    auth = OAuth1User("key", "secret", "17-token", "token-secret")
    with UserClient(server.url, auth, sleep=clock.sleep, monotonic=clock.monotonic, now=clock.now) as client:
        yield client


def test_a_status_that_shows_nothing_is_no_finalized_upload(server: Any, user: UserClient) -> None:
    """After a lost answer an upload that X merely knows of is finalized again."""
    done = {"data": {"id": "7", "size": 3}}
    server.reset()
    server.answer(200, {"data": {"id": "7", "expires_after_secs": 60}})
    server.answer(200, done)
    assert user.finalize_media("7").state == "succeeded"
    assert server.lines == [
        "POST /2/media/upload/7/finalize",
        "GET /2/media/upload?command=STATUS&media_id=7",
        "POST /2/media/upload/7/finalize",
    ]


def test_a_timeline_without_end_is_ended(server: Any, user: UserClient) -> None:
    """A token that comes again ends the reading with an error: the timeline is not known."""
    for _ in range(2):
        server.answer(200, {"meta": {"result_count": 0, "next_token": "again"}})
    with pytest.raises(NetworkError, match="without end"):
        user.timeline("17", since=NOON)


def test_requests_are_as_x_wants_them(server: Any, user: UserClient) -> None:
    """Bodies are JSON, segments multipart with their bytes as they are, and each request is signed anew."""
    server.answer(200, {"data": {"id": "7"}})
    server.answer(204, b"")
    server.answer(201, {"data": {"id": "8", "text": "a"}})
    user.initialize_media("video/mp4", "tweet_video", 6)
    user.append_media("7", 0, b"\x00\r\n--\xff")
    user.create_post("a", media_ids=["7"])
    bodies = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
    expected = {"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": 6}
    assert json.loads(bodies[0]) == expected
    assert b"\r\n\r\n\x00\r\n--\xff\r\n--" in bodies[1]
    assert json.loads(bodies[2]) == {"text": "a", "media": {"media_ids": ["7"]}}
    headers = [server.headers(number) for number in range(3)]
    assert headers[1]["content-type"].startswith("multipart/form-data; boundary=")
    assert len({header["authorization"] for header in headers}) == 3
    for header in headers:
        assert header["authorization"].startswith("OAuth ")
        assert "token-secret" not in header["authorization"]


def test_what_x_repeats_of_our_secrets_is_not_told(server: Any, user: UserClient) -> None:
    """A refusal that repeats what it was sent does not carry a secret into the error."""
    server.answer(400, {"title": "Bad", "detail": "oauth_token=17-token, secret token-secret"})
    with pytest.raises(InvalidRequestError) as caught:
        user.create_post("a")
    assert "17-token" not in str(caught.value)
    assert "token-secret" not in str(caught.value)


def test_a_refusal_that_comes_early_is_heard() -> None:
    """A machine before X may answer 413 and hang up while the segment is still on its way: no network trouble."""
    listening = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    thread = threading.Thread(target=refuse, daemon=True)
    thread.start()
    auth = OAuth1User("key", "secret", "17-token", "token-secret")
    with listening, UserClient(f"http://127.0.0.1:{listening.getsockname()[1]}", auth) as user:
        with pytest.raises(SegmentTooLargeError):
            user.append_media("7", 0, bytes(8_000_000))
        thread.join(timeout=10)


def test_a_post_whose_answer_takes_too_long_may_exist(clock: Any) -> None:
    """After the time that is allowed for an answer nobody knows whether the post was created."""
    with Simulator() as simulator:
        simulator.add_rules([Rule(endpoint="create_post", fault="slow", params={"delay_s": 20})])
        account = simulator.accounts.accounts[0]
        auth = OAuth1User("key", "secret", account.access_token, account.access_token_secret)
        with (
            UserClient(simulator.url, auth, read_timeout_s=0.5) as user,
            pytest.raises(NetworkError) as caught,
        ):
            user.create_post("Slowly")
        assert caught.value.sent
        deadline = time.monotonic() + 30
        while not simulator.posts and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [post.raw for post in simulator.posts] == ["Slowly"]
