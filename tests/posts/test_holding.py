"""Folders that are used by many, and removed by one alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from airflow_twitter.posts.holding import alone, used
from airflow_twitter.posts.store import LockTimeout, Store

FOLDER = "staging/a_dag/a_run"


def test_many_use_it(store: Store) -> None:
    """Whoever uses a folder shares it with others, and nobody removes it meanwhile."""
    with used(store, FOLDER), used(store, FOLDER), alone(store, FOLDER) as free:
        assert not free
    with alone(store, FOLDER) as free:
        assert free


def test_one_removes_it(store: Store) -> None:
    """Who comes while it is removed waits, and is told when that takes too long."""
    with alone(store, FOLDER) as free:
        assert free
        with pytest.raises(LockTimeout, match="under removal"), used(store, FOLDER, timeout_s=0.1):
            pass
        with alone(store, FOLDER) as second:
            assert not second
    with used(store, FOLDER):
        pass


def test_no_lock_files_stay(store: Store) -> None:
    """A folder that was removed leaves no file behind, and may be used and removed again."""
    for _ in range(2):
        with used(store, FOLDER):
            pass
        with alone(store, FOLDER):
            pass
        assert list((store.root / ".locks").rglob("*in-use")) == []


def test_a_killed_process_holds_nothing(store: Store) -> None:
    """The lock of a process ends with it, however that ends."""
    script = (
        "import sys, time\n"
        "from airflow_twitter.posts.holding import used\n"
        "from airflow_twitter.posts.store import Store\n"
        f"with used(Store({str(store.root)!r}), {FOLDER!r}):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        with alone(store, FOLDER) as free:
            assert not free
        os.kill(process.pid, signal.SIGKILL)
    with alone(store, FOLDER) as free:
        assert free
