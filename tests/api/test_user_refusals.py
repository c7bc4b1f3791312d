"""What X refuses an account: the class by status, type, headers and endpoint, and nothing repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from airflow_twitter.api import errors
from airflow_twitter.api.user_auth import OAuth1User
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.simulator import Account, Rule, Simulator

ACCOUNT = Account()
SEGMENT = b"0123456789" * 10


@pytest.fixture
def simulator(clock: Any) -> Iterator[Simulator]:
    """A simulated X with one account, on the tests' own clock."""
    with Simulator(
        clock=lambda: clock.now().timestamp(), processing_s=0, limits={"create_post": 3}
    ) as running:
        yield running


@pytest.fixture
def open_user(clock: Any) -> Iterator[Callable[[str], UserClient]]:
    """Open clients of the account, with the clock in place of time; all are closed at the end."""
    opened: list[UserClient] = []

    def open_one(url: str) -> UserClient:
        auth = OAuth1User("key", "secret", ACCOUNT.access_token, ACCOUNT.access_token_secret)
        opened.append(UserClient(url, auth, sleep=clock.sleep, monotonic=clock.monotonic, now=clock.now))
        return opened[-1]

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def user(simulator: Simulator, open_user: Callable[[str], UserClient]) -> UserClient:
    """A client of the account."""
    return open_user(simulator.url)


def begin(user: UserClient, size: int = len(SEGMENT)) -> str:
    """Begin an upload and return its id."""
    return user.initialize_media("video/mp4", "tweet_video", size).id


@pytest.mark.parametrize("status", [413, 431])
def test_a_segment_that_is_too_large(user: UserClient, simulator: Simulator, status: int) -> None:
    """Either status, with an empty body, asks for smaller segments; smaller ones pass under the same id."""
    rule = Rule(endpoint="append_media", fault="segment_too_large", params={"status": status, "above": 350})
    simulator.add_rules([rule])
    media_id = begin(user)
    with pytest.raises(errors.SegmentTooLargeError, match="smaller segments") as caught:
        user.append_media(media_id, 0, SEGMENT)
    assert caught.value.status == status
    assert simulator.book.counts["append_media"] == 1
    for index in range(10):
        user.append_media(media_id, index, SEGMENT[index * 10 : index * 10 + 10])
    assert user.finalize_media(media_id).state == "succeeded"


def test_the_simulator_takes_five_megabytes_at_most(user: UserClient) -> None:
    """What X's edge does with large segments holds without a rule as well."""
    media_id = begin(user, 6_000_000)
    with pytest.raises(errors.SegmentTooLargeError):
        user.append_media(media_id, 0, bytes(5_000_001))
    user.append_media(media_id, 0, bytes(4_900_000))


@pytest.mark.parametrize("endpoint", ["append_media", "finalize_media", "media_status", "create_post"])
def test_media_that_have_expired(user: UserClient, simulator: Simulator, endpoint: str) -> None:
    """Wherever media have expired, or are unknown, the error says to upload again."""
    media_id = begin(user)
    user.append_media(media_id, 0, SEGMENT)
    if endpoint in ("media_status", "create_post"):
        user.finalize_media(media_id)
    simulator.add_rules([Rule(endpoint=endpoint, nth=1, fault="expired_media")])
    calls: dict[str, Callable[[str], object]] = {
        "append_media": lambda known: user.append_media(known, 0, SEGMENT),
        "finalize_media": user.finalize_media,
        "media_status": user.media_status,
        "create_post": lambda known: user.create_post("Too late", media_ids=[known]),
    }
    for known in (media_id, "404"):
        with pytest.raises(errors.MediaGoneError, match="Upload the file again"):
            calls[endpoint](known)
    assert simulator.posts == []


def test_media_expire_by_themselves(user: UserClient, clock: Any) -> None:
    """A day after they were begun they are gone."""
    media_id = begin(user)
    user.append_media(media_id, 0, SEGMENT)
    state = user.finalize_media(media_id)
    assert state.expires_at == clock.now() + timedelta(days=1)
    clock.sleep(86_400)
    with pytest.raises(errors.MediaGoneError):
        user.create_post("Too late", media_ids=[media_id])


def test_missing_segments_are_told(user: UserClient) -> None:
    """An upload with a hole is refused as ours to mend, not as gone."""
    media_id = begin(user)
    user.append_media(media_id, 1, SEGMENT[:50])
    with pytest.raises(errors.InvalidRequestError, match="do not add up") as caught:
        user.finalize_media(media_id)
    assert not isinstance(caught.value, errors.MediaGoneError)


def test_a_failed_processing_says_why(user: UserClient, simulator: Simulator) -> None:
    """X's reason arrives, and media that failed cannot be posted."""
    simulator.add_rules([Rule(endpoint="finalize_media", fault="failed_processing")])
    media_id = begin(user)
    user.append_media(media_id, 0, SEGMENT)
    state = user.finalize_media(media_id)
    assert (state.state, state.error) == ("failed", "InvalidMedia: Unsupported video format.")
    with pytest.raises(errors.MediaGoneError):
        user.create_post("Not this", media_ids=[media_id])


def test_a_second_finalize_is_harmless(user: UserClient, simulator: Simulator) -> None:
    """Whether X answers the same or refuses, what comes back is the state of the media."""
    media_id = begin(user)
    user.append_media(media_id, 0, SEGMENT)
    first = user.finalize_media(media_id)
    assert user.finalize_media(media_id) == first
    simulator.add_rules([Rule(endpoint="finalize_media", fault="finalized_once")])
    assert user.finalize_media(media_id) == first


def test_segments_are_answered_with_and_without_a_body(user: UserClient, simulator: Simulator) -> None:
    """204 without a body is a success too."""
    simulator.add_rules([Rule(endpoint="append_media", every=2, fault="no_body")])
    media_id = begin(user)
    for index in range(4):
        user.append_media(media_id, index, SEGMENT[index * 25 : index * 25 + 25])
    assert [entry.status for entry in simulator.book.to("append_media")] == [200, 204, 200, 204]
    assert user.finalize_media(media_id).state == "succeeded"


@pytest.mark.parametrize("fault", ["duplicate", "forbidden"])
def test_a_post_that_is_refused(user: UserClient, simulator: Simulator, fault: str) -> None:
    """Any 403 on creating that has no type of its own is a refusal of this post."""
    simulator.add_rules([Rule(endpoint="create_post", nth=1, fault=fault)])
    with pytest.raises(errors.PostRefusedError, match="may be there already"):
        user.create_post("Refused")


@pytest.mark.parametrize("kind", ["oauth1-permissions", "not-authorized-for-resource", "client-forbidden"])
def test_a_refusal_of_the_app(user: UserClient, simulator: Simulator, kind: str) -> None:
    """A 403 whose type says why is about the app or the account, whatever was to be created or deleted."""
    for endpoint in ("create_post", "delete_post"):
        simulator.add_rules([Rule(endpoint=endpoint, nth=1, fault="forbidden", params={"type": kind})])
    with pytest.raises(errors.ForbiddenError) as created:
        user.create_post("Refused")
    with pytest.raises(errors.ForbiddenError) as deleted:
        user.delete_post("1")
    assert {type(created.value), type(deleted.value)} == {errors.ForbiddenError}
    assert created.value.problem == kind


def test_a_post_that_is_not_deleted(user: UserClient, simulator: Simulator) -> None:
    """A 403 without a type is about that post."""
    simulator.add_rules([Rule(endpoint="delete_post", nth=1, fault="forbidden")])
    with pytest.raises(errors.DeletionRefusedError, match="another account's"):
        user.delete_post("1")


def test_a_text_is_taken_once(user: UserClient, simulator: Simulator, clock: Any) -> None:
    """The same text again is refused, until the first is deleted or a day old."""
    first = user.create_post("The same")
    with pytest.raises(errors.PostRefusedError):
        user.create_post("The same ")
    user.delete_post(first.id)
    user.create_post("The same")
    clock.sleep(86_400)
    user.create_post("The same")
    assert len(simulator.posts) == 3


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("credits", errors.CreditsError),
        ("usage_cap", errors.UsageCapError),
        ("unauthorized", errors.AuthError),
        ("not_enrolled", errors.EnrollmentError),
        ("unsupported_authentication", errors.TokenKindError),
        ("bad_credentials", errors.CredentialsError),
        ("rate_limited", errors.RateLimitedError),
    ],
)
@pytest.mark.parametrize("endpoint", ["initialize_media", "create_post", "timeline"])
def test_a_refusal_is_told_at_once(
    user: UserClient, simulator: Simulator, clock: Any, endpoint: str, fault: str, kind: type[errors.XError]
) -> None:
    """What has a type or status of its own keeps its class everywhere, and nothing is asked twice."""
    simulator.add_rules([Rule(endpoint=endpoint, fault=fault)])
    calls: dict[str, Callable[[], object]] = {
        "initialize_media": lambda: begin(user),
        "create_post": lambda: user.create_post("Refused"),
        "timeline": lambda: user.timeline(ACCOUNT.id, since=clock.noon),
    }
    with pytest.raises(kind) as caught:
        calls[endpoint]()
    assert type(caught.value) is kind
    assert simulator.book.counts == {endpoint: 1}
    assert clock.slept == []


def test_the_limit_is_known_after_each_answer(user: UserClient, clock: Any) -> None:
    """What X said of its limit can be read without a request, also after a refusal."""
    assert user.limit_of("create_post") is None
    for number in range(3):
        user.create_post(f"Number {number}")
    known = user.limit_of("create_post")
    assert known is not None
    assert (known.limit, known.remaining) == (3, 0)
    assert known.reset_at == clock.now() + timedelta(seconds=900)
    with pytest.raises(errors.RateLimitedError) as caught:
        user.create_post("One too many")
    assert caught.value.reset_at == known.reset_at
    assert user.limit_of("create_post") == known
    clock.sleep(900)
    user.create_post("One too many")


@pytest.mark.parametrize("scope", ["user", "app"])
def test_a_day_that_is_used_up(open_user: Any, clock: Any, scope: str) -> None:
    """The day's limit of the app or the user binds while the window has room, and names its own reset."""
    limits = {"create_post": {scope: 2}}
    with Simulator(clock=lambda: clock.now().timestamp(), daily_limits=limits) as simulator:
        user = open_user(simulator.url)
        user.create_post("One")
        user.create_post("Two")
        with pytest.raises(errors.RateLimitedError) as caught:
            user.create_post("Three")
        known = user.limit_of("create_post")
        assert caught.value.reset_at == clock.now() + timedelta(days=1)
        assert known is not None
        assert (known.scope, known.limit, known.remaining) == (f"{scope} 24 h", 2, 0)
        clock.sleep(86_400)
        user.create_post("Three")


@pytest.mark.parametrize("value", ["", "12/../../34", "1?x=1", "abc", "\uff11\uff12"])
def test_what_is_no_id_goes_nowhere(user: UserClient, simulator: Simulator, value: str, clock: Any) -> None:
    """An id becomes part of a path, so it must be a number."""
    for call in (
        lambda: user.append_media(value, 0, b"x"),
        lambda: user.media_status(value),
        lambda: user.delete_post(value),
        lambda: user.timeline(value, since=clock.noon),
    ):
        with pytest.raises(errors.InvalidRequestError, match="no id of X"):
            call()
    assert simulator.book.requests == []


def test_wrong_secrets_are_told(open_user: Any, simulator: Simulator) -> None:
    """A signature by other secrets is 401, and no secret is in the error."""
    auth = OAuth1User("key", "secret", ACCOUNT.access_token, "a-wrong-secret-4711")
    with UserClient(simulator.url, auth) as user:
        with pytest.raises(errors.AuthError) as caught:
            user.create_post("Not mine")
        assert "4711" not in str(caught.value) + repr(user)
    assert simulator.posts == []
