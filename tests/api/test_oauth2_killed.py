"""A process that dies by kill -9 while it refreshes an account's tokens."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_twitter.api.errors import AuthorizationLostError
from airflow_twitter.api.oauth2 import ClientKeys, OAuth2User
from airflow_twitter.api.token_pair import TokenPair
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Account, Simulator

KEYS = ClientKeys("client-id", "client-secret")
DYING = """
import os, signal, sys
from pathlib import Path
from tests.api.test_oauth2_killed import Kept, post

class Dying(Kept):
    saves = 0

    def save(self, pair):
        self.saves += 1
        if self.saves == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        super().save(pair)

post(sys.argv[1], Dying(Path(sys.argv[2])))
"""


class Kept:
    """A pair in a file, with a lock beside it that the kernel frees."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)

    def load(self) -> TokenPair:
        """Return the pair."""
        return TokenPair.from_json(self.store.read("pair").decode())

    def save(self, pair: TokenPair) -> None:
        """Keep a pair."""
        self.store.put("pair", pair.to_json().encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold back other processes."""
        with self.store.lock("pair", timeout_s=20):
            yield


def post(url: str, store: Kept) -> str:
    """Post as the account of a store, and return the post's id."""
    with UserClient(url, OAuth2User(KEYS, store)) as user:
        return user.create_post("After all").id


@pytest.mark.parametrize(("dies_at_save", "is_lost"), [(1, False), (2, True)])
def test_what_a_kill_costs(tmp_path: Path, dies_at_save: int, is_lost: bool) -> None:
    """Before X is asked nothing is lost; between its answer and the store the account is, and the error says so.

    The dead process's lock holds nobody back, and it has posted nothing.
    """
    with Simulator() as simulator:
        given = simulator.accounts.grant(Account())
        ended = datetime.now(UTC)
        store = Kept(tmp_path)
        store.save(TokenPair(given["access_token"], given["refresh_token"], ended, "client-id"))
        command = [sys.executable, "-c", DYING, simulator.url, str(tmp_path), str(dies_at_save)]
        died = subprocess.run(command, cwd=Path(__file__).resolve().parents[2], timeout=120)
        assert died.returncode == -signal.SIGKILL
        assert simulator.posts == []
        if is_lost:
            with pytest.raises(AuthorizationLostError, match=r"never stored.*make authorize"):
                post(simulator.url, store)
            assert simulator.posts == []
        else:
            post(simulator.url, store)
            assert len(simulator.posts) == 1
