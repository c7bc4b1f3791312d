"""Uploads under faults: bytes sent against bytes of the file, and how long it takes to go on after an interruption.

Beside ours a whole-file retry, which is what a program does that keeps no position: the same client, the same
segments, the same faults at the same requests, and from the beginning after each of them.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections.abc import Iterator
from typing import Any

from harness import Row, in_rounds, workspace

from airflow_twitter.api.errors import NetworkError
from airflow_twitter.api.user_auth import OAuth1User
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.media import hash_file, keep, media_file
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.upload import MEDIA_CATEGORY, MEDIA_TYPE, SEGMENT_BYTES, upload_media
from airflow_twitter.simulator import Rule, Simulator

SEGMENTS = 24
VIDEO = random.Random(5).randbytes(SEGMENTS * SEGMENT_BYTES)
RESETS = (7, 14, 22)
"""Requests with a segment in whose middle the connection is reset, counted from the first."""
_number = itertools.count(1)


def run() -> list[Row]:
    """Measure, and return the rows."""
    with workspace() as folder, Simulator(processing_s=0.0) as simulator:
        stage = _Stage(simulator, Store(folder))
        sent = in_rounds(
            {
                "retried": stage.ours_retried,
                "killed": stage.ours_restarted,
                "whole": stage.whole_file,
            }
        )
        times = in_rounds({"resume": stage.time_to_resume, "hash": stage.time_to_hash})
    what = f"{len(VIDEO) // 1024**2} MiB in {SEGMENTS} segments; connections reset in the middle of requests "
    what += ", ".join(map(str, RESETS))
    ratio = {name: sent.median(name) / len(VIDEO) for name in ("retried", "killed", "whole")}
    return [
        Row("upload under faults, bytes sent", ratio["retried"], 1.15, "x of the file", f"{what}; one task"),
        Row(
            "the same, a new task after each",
            ratio["killed"],
            1.15,
            "x of the file",
            "the task ends with each reset, and the next one goes on by the record",
        ),
        Row(
            "the same, whole-file retry",
            ratio["whole"],
            None,
            "x of the file",
            "from the beginning after each",
        ),
        Row(
            "time to resume an upload",
            times.median("resume"),
            2,
            "s",
            f"from the start of the next task to its first segment; hashing the file takes {times.median('hash'):.2f} "
            "of it",
        ),
    ]


class _Stage:
    """One account at a simulator, and a new post for each measurement."""

    def __init__(self, simulator: Simulator, store: Store) -> None:
        self.simulator = simulator
        self.records = Records(store)
        self.sha256 = keep(store, [VIDEO]).sha256

    def ours_retried(self) -> float:
        """Upload in one go: the client tries a segment again by itself."""
        with self._faults(), self._client(retry_for_s=60.0) as client:
            upload_media(self.records, "acme", self._new(), client)
        return self._sent()

    def ours_restarted(self) -> float:
        """Upload with a new task after every fault."""
        key = self._new()
        with self._faults():
            for _ in range(len(RESETS) + 1):
                with self._client() as client, contextlib.suppress(NetworkError):
                    upload_media(Records(self.records.store), "acme", key, client)
        return self._sent()

    def whole_file(self) -> float:
        """Upload from the beginning after every fault."""
        with self._faults(), self._client() as client:
            for _ in range(len(RESETS) + 1):
                with contextlib.suppress(NetworkError):
                    self._send_all(client)
        return self._sent()

    def time_to_resume(self) -> float:
        """Return the seconds from the start of a task to the first segment that it sends."""
        key, began = self._new(), 0.0
        with self._faults():
            with self._client() as client, contextlib.suppress(NetworkError):
                upload_media(self.records, "acme", key, client)
            started = time.perf_counter()
            with _client(_Watching, self.simulator, 0.0) as client:
                with contextlib.suppress(NetworkError):
                    upload_media(Records(self.records.store), "acme", key, client)
                began = client.began
        return began - started

    def time_to_hash(self) -> float:
        """Return the seconds that hashing the file takes."""
        started = time.perf_counter()
        hash_file(self.records.store, media_file(self.sha256))
        return time.perf_counter() - started

    def _new(self) -> str:
        self.simulator.reset()
        key = f"post {next(_number)}"
        self.records.open("acme", key, Content(text=key, media_sha256=self.sha256))
        return key

    def _send_all(self, client: UserClient) -> None:
        media = client.initialize_media(MEDIA_TYPE, MEDIA_CATEGORY, len(VIDEO))
        for index in range(SEGMENTS):
            start = index * SEGMENT_BYTES
            client.append_media(media.id, index, VIDEO[start : start + SEGMENT_BYTES])
        client.finalize_media(media.id)

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        self.simulator.reset()
        params = {"after": SEGMENT_BYTES // 2}
        self.simulator.add_rules(
            Rule(endpoint="append_media", fault="reset_in_body", nth=nth, params=params) for nth in RESETS
        )
        yield
        self.simulator.clear_rules()

    def _client(self, retry_for_s: float = 0.0) -> UserClient:
        return _client(UserClient, self.simulator, retry_for_s)

    def _sent(self) -> float:
        whole = [media for media in self.simulator.uploads if media.finalized_at is not None]
        if [media.sha256 for media in whole] != [self.sha256]:
            raise RuntimeError(f"{len(whole)} uploads are whole")
        segments = self.simulator.book.to("append_media")
        if sum(entry.fault == "reset_in_body" for entry in segments) != len(RESETS):
            raise RuntimeError("not all of the faults happened")
        return sum(entry.received for entry in segments)


class _Watching(UserClient):
    """A client that notes when it sends its first segment."""

    began = 0.0

    def append_media(self, media_id: str, segment_index: int, data: bytes) -> None:
        """Send a segment."""
        self.began = self.began or time.perf_counter()
        super().append_media(media_id, segment_index, data)


def _client(kind: type[Any], simulator: Simulator, retry_for_s: float) -> Any:
    account = simulator.accounts.accounts[0]
    auth = OAuth1User("key", "secret", account.access_token, account.access_token_secret)
    return kind(simulator.url, auth, retry_for_s=retry_for_s, sleep=lambda seconds: None)
