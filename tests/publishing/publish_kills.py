"""Kill a worker at any moment of posting, run it again as a retry does, and count the posts.

`sweep("text")`, `sweep("video")` and `sweep("captions")` kill at every moment that can be told from outside,
`sweep(..., 30)` at 30.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from desk import client_of
from tests.fire.kill_points import Moment, Moments
from tests.fire.kills import spread, tell_apart

from airflow_twitter.api.user_auth import OAuth1User
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.create import Looking, create_post
from airflow_twitter.publishing.decisions import mark_not_posted
from airflow_twitter.publishing.errors import LookAgain, UnknownOutcomeError
from airflow_twitter.publishing.media import keep
from airflow_twitter.publishing.processing import ensure_media
from airflow_twitter.publishing.record import Captions, Content, Record
from airflow_twitter.publishing.records import Records
from airflow_twitter.simulator import Simulator

PROJECT = Path(__file__).resolve().parents[2]
VIDEO = random.Random(3).randbytes(3000)
SEGMENT = 1000
CAPTIONS = b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"
LOOKING = Looking(for_s=60.0, every_s=15.0)


@dataclass
class Sweep:
    """What a sweep found. `asked` counts how often a person had to say that the post was not there."""

    moments: int = 0
    distinct: int = 0
    killed: int = 0
    asked: int = 0
    problems: list[str] = field(default_factory=list)


def post(records: Records, client: Any, content: Content) -> Record:
    """Do all that a worker does for a post, in one go."""
    records.open("acme", "first", content)
    ensure_media(records, "acme", "first", client, segment_bytes=SEGMENT)
    return create_post(records, "acme", "first", client, looking=LOOKING)


def work(
    folder: str, url: str, tokens: tuple[str, str], content: Content, die_at: int | None, told: Any
) -> None:
    """Be the worker that is killed at moment `die_at`; with None tell all moments."""
    moments = Moments(Path(folder), die_at=die_at, record=die_at is None)
    with UserClient(url, OAuth1User("key", "secret", *tokens), retry_for_s=0.0) as client:
        moments.watch()
        post(Records(Store(folder)), client, content)
        moments.end()
    told.send(moments.recorded)


class _Stage:
    """A simulator, and one folder after the other."""

    def __init__(self, simulator: Simulator, scene: str) -> None:
        self.simulator = simulator
        account = simulator.accounts.accounts[0]
        self.tokens = (account.access_token, account.access_token_secret)
        self.scene = scene
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["publish_kills"])
        with _importable():
            forkserver.ensure_running()

    def run(self, folder: Path, die_at: int | None) -> tuple[int | None, list[Moment]]:
        """Have a worker post into an empty folder; return how it ended and its moments."""
        self.simulator.reset()
        folder.mkdir()
        store, sha256, captions = Store(folder), None, None
        if self.scene != "text":
            sha256 = keep(store, [VIDEO]).sha256
        if self.scene == "captions":
            captions = Captions(sha256=keep(store, [CAPTIONS]).sha256, language="de")
        self.content = Content(text="exactly once", media_sha256=sha256, captions=captions)
        reading, writing = self.context.Pipe(duplex=False)
        worker = self.context.Process(
            target=work, args=(str(folder), self.simulator.url, self.tokens, self.content, die_at, writing)
        )
        worker.start()
        writing.close()
        try:
            recorded = reading.recv()
        except EOFError:
            recorded = []
        worker.join(timeout=120)
        return worker.exitcode, [(what, effect) for what, effect in recorded or []]

    def again(self, folder: Path) -> tuple[Record, int]:
        """Run it again until the post is out; return the record and how often a person was asked."""
        late_s, asked = 0.0, 0
        records = Records(Store(folder), now=lambda: datetime.now(UTC) + timedelta(seconds=late_s))
        with client_of(self.simulator) as client:
            for _ in range(30):
                try:
                    return post(records, client, self.content), asked
                except LookAgain as wait:
                    late_s += max(0.0, (wait.at - records.now()).total_seconds())
                except UnknownOutcomeError:
                    asked += 1
                    mark_not_posted(records, "acme", "first", by="ann")
        raise AssertionError("never done")

    def check(self, folder: Path) -> tuple[list[str], int]:
        """Run it again, and return what is wrong then."""
        problems = [f"{path} is not whole" for path in folder.rglob("*.json") if not _is_json(path)]
        before = len(self.simulator.posts)
        record, asked = self.again(folder)
        posts = self.simulator.posts
        if [str(made.id) for made in posts] != [record.post_id]:
            problems.append(f"{len(posts)} posts, and the record names {record.post_id}")
        if asked and before:
            problems.append("a person was asked though the post was there to be seen")
        if self.scene != "text":
            problems += self._check_video(record)
        if self.scene == "captions":
            problems += self._check_captions()
        problems += [f"{path.name} was left behind" for path in folder.rglob(".*.tmp")]
        return problems, asked

    def _check_video(self, record: Record) -> list[str]:
        videos = [media for media in self.simulator.uploads if media.category == "tweet_video"]
        used = [media for media in videos if media.sha256 == record.content.media_sha256]
        sent = sum(media.received for media in videos)
        problems = []
        if len(used) != 1 or self.simulator.posts[-1].media_keys != [used[0].key]:
            problems.append(f"{len(used)} whole uploads")
        if sent > len(VIDEO) + SEGMENT:
            problems.append(f"{sent} bytes were sent for {len(VIDEO)}")
        return problems

    def _check_captions(self) -> list[str]:
        (video,) = (
            media for media in self.simulator.uploads if media.key in self.simulator.posts[-1].media_keys
        )
        tracks = {media.id: media for media in self.simulator.uploads if media.category == "subtitles"}
        sent = sum(media.received for media in tracks.values())
        problems = []
        if (
            list(video.captions) != ["de"]
            or tracks[video.captions["de"]].sha256 != self.content.captions.sha256
        ):
            problems.append(f"the captions of the video are {video.captions}")
        if sent > 2 * len(CAPTIONS):
            problems.append(f"{sent} bytes of captions were sent for {len(CAPTIONS)}")
        return problems


def sweep(scene: str, points: int | None = None, *, seed: int = 7) -> Sweep:
    """Kill the worker at `points` of its moments, evenly spread, or at all that differ from outside."""
    chance = random.Random(f"{seed} {scene}")
    result = Sweep()
    with Simulator(processing_s=0.0) as simulator, tempfile.TemporaryDirectory(prefix="kills-") as top:
        stage = _Stage(simulator, scene)
        ended, moments = stage.run(Path(top, "rehearsal"), None)
        if ended != 0:
            raise AssertionError(f"the rehearsal ended with {ended}")
        distinct = tell_apart(moments, chance)
        result.moments, result.distinct = len(moments), len(distinct)
        for number in spread(distinct, points, chance):
            folder = Path(top, str(number))
            ended, _ = stage.run(folder, number)
            result.killed += ended == -signal.SIGKILL
            problems, asked = stage.check(folder)
            result.asked += asked
            result.problems += [f"{scene}, moment {number} ({moments[number][0]}): {it}" for it in problems]
    return result


@contextlib.contextmanager
def _importable() -> Iterator[None]:
    """Let a new process find this module and those of the project's tests."""
    before = os.environ.get("PYTHONPATH")
    if str(PROJECT) not in sys.path:
        sys.path.append(str(PROJECT))
    os.environ["PYTHONPATH"] = os.pathsep.join((str(PROJECT), str(Path(__file__).parent)))
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
