"""OAuth 2.0: pairs of tokens that are good for a while, refreshed once, and never lost on our side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_twitter.api import errors
from airflow_twitter.api.oauth2 import ClientKeys, FixedToken, OAuth2User
from airflow_twitter.api.token_pair import TokenPair, read_pair
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.simulator import Account, Client, Rule, Simulator

ACCOUNT = Account()
FAR_AWAY = datetime(2030, 1, 1, tzinfo=UTC)
KEYS = ClientKeys("client-id", "client-secret")


class Memory:
    """A store of one pair, in memory; `saved` are all pairs that it was given."""

    def __init__(self, pair: TokenPair | None) -> None:
        self.pair = pair
        self.saved: list[TokenPair] = []
        self._lock = threading.Lock()

    def load(self) -> TokenPair | None:
        """Return the pair."""
        return self.pair

    def save(self, pair: TokenPair) -> None:
        """Keep a pair."""
        self.saved.append(pair)
        self.pair = TokenPair.from_json(pair.to_json())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold back other threads."""
        with self._lock:
            yield


@pytest.fixture
def simulator(clock: Any) -> Iterator[Simulator]:
    """A simulated X with one account, on the tests' own clock."""
    with Simulator(clock=lambda: clock.now().timestamp()) as running:
        yield running


@pytest.fixture
def store(simulator: Simulator, clock: Any) -> Memory:
    """A store with a fresh pair."""
    given = simulator.accounts.grant(ACCOUNT)
    return Memory(
        TokenPair(
            given["access_token"],
            given["refresh_token"],
            clock.now() + timedelta(seconds=given["expires_in"]),
            "client-id",
            ACCOUNT.id,
            ACCOUNT.username,
        )
    )


@pytest.fixture
def open_user(clock: Any, simulator: Simulator) -> Iterator[Callable[..., UserClient]]:
    """Open clients of the account whose pair is in a store; all are closed at the end."""
    opened: list[UserClient] = []

    def open_one(store: Memory, keys: ClientKeys = KEYS) -> UserClient:
        settings = {"sleep": clock.sleep, "monotonic": clock.monotonic, "now": clock.now}
        auth = OAuth2User(keys, store, now=clock.now)
        opened.append(UserClient(simulator.url, auth, **settings))
        return opened[-1]

    yield open_one
    for client in opened:
        client.close()


def refreshes(simulator: Simulator) -> list[int]:
    """Return the statuses of the requests for new tokens."""
    return [entry.status for entry in simulator.book.to("oauth2_token")]


def test_a_fresh_pair_is_used_as_it_is(open_user: Any, store: Memory, simulator: Simulator) -> None:
    """No token is asked for while the old one lasts, and the account is known without a request."""
    user = open_user(store)
    assert (user.user_id, user.account) == (ACCOUNT.id, f"@{ACCOUNT.username}")
    assert simulator.book.requests == []
    user.create_post("Hello")
    assert refreshes(simulator) == store.saved == []


def test_a_pair_is_refreshed_before_it_ends(
    open_user: Any, store: Memory, clock: Any, simulator: Simulator
) -> None:
    """Five minutes before the end a new pair is asked for, stored, and only then used."""
    user = open_user(store)
    clock.sleep(7200 - 299)
    user.create_post("Hello")
    assert [entry.endpoint for entry in simulator.book.requests] == ["oauth2_token", "create_post"]
    begun, new = store.saved
    assert begun.refreshing_since is not None
    assert new.refreshing_since is None
    assert new.refresh_token != begun.refresh_token
    assert (new.user_id, new.username) == (ACCOUNT.id, ACCOUNT.username)
    clock.sleep(60)
    user.create_post("Hello again")
    assert refreshes(simulator) == [200]


def test_a_refused_token_is_replaced_once(open_user: Any, store: Memory, simulator: Simulator) -> None:
    """After a 401 the request is sent again with a new pair; a second 401 is final."""
    user = open_user(store)
    simulator.add_rules([Rule(endpoint="create_post", nth=(1, 2), fault="unauthorized")])
    with pytest.raises(errors.AuthError):
        user.create_post("Refused twice")
    assert refreshes(simulator) == [200]
    simulator.clear_rules()
    simulator.add_rules([Rule(endpoint="create_post", nth=1, fault="unauthorized")])
    user.create_post("Refused once")
    assert refreshes(simulator) == [200, 200]
    assert [post.raw for post in simulator.posts] == ["Refused once"]


def test_a_pair_that_another_process_stored_is_taken(
    open_user: Any, store: Memory, clock: Any, simulator: Simulator
) -> None:
    """Whoever finds its token refused looks into the store first, and spends no refresh token in vain."""
    first, second = open_user(store), open_user(store)
    second.create_post("With the old pair")
    clock.sleep(7200)
    first.create_post("With a new pair")
    second.create_post("With the same new pair")
    assert refreshes(simulator) == [200]


def test_many_at_once_refresh_once(open_user: Any, store: Memory, clock: Any, simulator: Simulator) -> None:
    """Eight workers whose token has ended share one new pair, and all of them post."""
    users = [open_user(store) for _ in range(8)]
    clock.sleep(7200)
    threads = [
        threading.Thread(target=user.create_post, args=(f"Worker {number}",))
        for number, user in enumerate(users)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert refreshes(simulator) == [200]
    assert len(simulator.posts) == 8


def test_a_process_beyond_the_lock_is_survived(
    open_user: Any, store: Memory, clock: Any, simulator: Simulator
) -> None:
    """On a machine that does not share the lock the loser of a race finds the winner's pair."""
    far = Memory(store.pair)
    near = open_user(store)
    clock.sleep(7200)
    open_user(far).create_post("From far away")
    loaded = iter([store.pair, store.pair])
    store.load = lambda: next(loaded, far.pair)  # type: ignore[method-assign]
    near.create_post("From here")
    assert refreshes(simulator) == [200, 400]


def test_a_lost_pair_says_what_to_do(open_user: Any, store: Memory, clock: Any, simulator: Simulator) -> None:
    """When X's answer was never stored, the next attempt is refused, and the error tells since when and what to do."""
    simulator.add_rules([Rule(endpoint="oauth2_token", nth=1, fault="lost_answer")])
    clock.sleep(7200)
    for _ in range(2):
        with pytest.raises(errors.AuthorizationLostError, match="make authorize") as caught:
            open_user(store).create_post("Never")
    assert "never stored" in str(caught.value)
    for token in (store.pair and store.pair.access_token, store.pair and store.pair.refresh_token):
        assert str(token) not in str(caught.value)
    assert simulator.posts == []


@pytest.mark.parametrize(
    ("fails_at", "kind"), [(1, errors.TransientError), (2, errors.AuthorizationLostError)]
)
def test_what_cannot_be_stored_is_not_used(
    open_user: Any, store: Memory, clock: Any, simulator: Simulator, fails_at: int, kind: type[Exception]
) -> None:
    """Before X is asked nothing is lost; after its answer the pair is, and in neither case is a post sent."""
    save = store.save

    def failing(pair: TokenPair) -> None:
        if len(store.saved) + 1 >= fails_at:
            raise errors.TransientError("Airflow is away")
        save(pair)

    store.save = failing  # type: ignore[method-assign]
    clock.sleep(7200)
    with pytest.raises(kind, match="away"):
        open_user(store).create_post("Never")
    assert len(refreshes(simulator)) == fails_at - 1
    assert simulator.posts == []
    store.save = save  # type: ignore[method-assign]
    if fails_at == 1:
        open_user(store).create_post("Later")
    else:
        with pytest.raises(errors.AuthorizationLostError, match="never stored"):
            open_user(store).create_post("Never")


@pytest.mark.parametrize("fault", ["server_error", "html"])
def test_trouble_with_the_token_means_that_nothing_was_sent(
    open_user: Any, store: Memory, clock: Any, simulator: Simulator, fault: str
) -> None:
    """When no new token can be had for now, or an edge answers with a page, the post has certainly not been sent."""
    simulator.add_rules([Rule(endpoint="oauth2_token", fault=fault)])
    clock.sleep(7200)
    with pytest.raises(errors.TransientError) as caught:
        open_user(store).create_post("Later")
    assert not caught.value.sent
    assert simulator.book.counts.get("create_post") is None


def test_without_authorization_nothing_is_asked(open_user: Any, simulator: Simulator) -> None:
    """Without a pair, and with one of another app, a sentence says what to do."""
    with pytest.raises(errors.ConfigError, match="make authorize"):
        open_user(Memory(None)).me()
    other = TokenPair("token-of-another-app", None, FAR_AWAY, "another-client")
    with pytest.raises(errors.ConfigError, match="authorize again"):
        open_user(Memory(other)).me()
    assert simulator.book.requests == []


def test_a_public_client_names_itself_in_the_form(clock: Any) -> None:
    """Without a client secret the id stands in the form, and no header is sent."""
    with Simulator(client=Client("public", ""), clock=lambda: clock.now().timestamp()) as simulator:
        given = simulator.accounts.grant(ACCOUNT)
        pair = TokenPair(given["access_token"], given["refresh_token"], clock.now(), "public")
        auth = OAuth2User(ClientKeys("public"), Memory(pair), now=clock.now)
        with UserClient(simulator.url, auth, now=clock.now) as user:
            assert user.me().username == ACCOUNT.username
        assert refreshes(simulator) == [200]


def test_a_fixed_token_is_never_renewed(simulator: Simulator) -> None:
    """A token that somebody else looks after is used until X refuses it."""
    token = simulator.accounts.grant(ACCOUNT)["access_token"]
    with UserClient(simulator.url, FixedToken(token)) as user:
        assert user.me().id == ACCOUNT.id
        simulator.accounts.revoke(ACCOUNT)
        with pytest.raises(errors.AuthError):
            user.me()
    assert refreshes(simulator) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"access_token": "a b"}',
        '{"access_token": "t", "refresh_token": 1, "expires_at": "x"}',
    ],
)
def test_a_damaged_pair_is_told_without_its_text(text: str) -> None:
    """What is no pair is refused in our words."""
    with pytest.raises(errors.ConfigError, match="damaged") as caught:
        TokenPair.from_json(text)
    assert text == "" or text not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"token_type": "bearer"}', b"<html>"])
def test_an_answer_without_a_token_is_trouble(body: bytes, clock: Any) -> None:
    """What is no answer of the token endpoint counts as not answered."""
    with pytest.raises(errors.NetworkError):
        read_pair(body, "client", clock.now())


def test_nothing_prints_a_secret(store: Memory, clock: Any) -> None:
    """Pairs, keys and authentications show neither token nor secret."""
    user = OAuth2User(KEYS, store, now=clock.now)
    header = user.authorize(lambda form, auth: b"")
    pair = store.pair
    assert pair is not None
    for shown in (pair, replace(pair), user, header, KEYS, KEYS.auth(), FixedToken(pair.access_token)):
        for secret in (pair.access_token, str(pair.refresh_token), "client-secret"):
            assert secret not in repr(shown)
            assert secret not in str(shown)
    assert user.redact(pair.access_token.encode()) == b"***"
