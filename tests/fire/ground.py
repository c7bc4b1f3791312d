"""Where mixes are played: a simulator, a clock that is moved by hand, a data folder, an Airflow in memory."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

import time_machine
from tests.airflow_in_memory import DAG_ID, NOON, Airflow
from tests.fire.mixes import TOPICS, Mix
from tests.fire.scheduling import Ran, Scheduler

from airflow_twitter.api.client import XClient
from airflow_twitter.posts.staging import Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Simulator, World
from airflow_twitter.simulator.book import Entry
from airflow_twitter.simulator.limits import Limits

CREDENTIALS = ("app-key", "app-secret-of-the-fire")
GOING_ON_MAX = 120
SLEEPERS = tuple(f"airflow_twitter.{folder}." for folder in ("collecting", "operators", "sensors"))


@dataclass
class Played:
    """What became of a mix: the first run, with what there was after it, and the runs that completed it."""

    mix: Mix
    data: Path
    first: Ran
    reason: str | None
    stopped_with: set[str]
    deadline: datetime
    first_requests: list[Entry]
    requests: list[Entry]
    later: list[Ran] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """The first run in a few words: complete, partial with its reason, or failed with its error's class."""
        if self.first.state == "success":
            return (
                "complete" if self.first.states["window_complete"] == "success" else f"partial: {self.reason}"
            )
        if self.first.states["search"] != "success":
            return f"red: {self.reason or type(self.first.errors['search']).__name__}"
        return "red: too many bad posts"


class Ground:
    """Play mixes one after the other: each in an empty folder, at noon, with an empty book."""

    def __enter__(self) -> Ground:
        self._closing = contextlib.ExitStack()
        memory = Path("/dev/shm")
        where = memory if os.access(memory, os.W_OK) else None
        self.data = Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix="fire-", dir=where)))
        world = World(topics=TOPICS, start=NOON)
        self.simulator = self._closing.enter_context(Simulator(world=world, credentials=CREDENTIALS))
        login, password = CREDENTIALS
        connection = {
            "conn_type": "twitter",
            "host": self.simulator.url,
            "login": login,
            "password": password,
        }
        env = {"TWITTER_DATA": str(self.data), "AIRFLOW_CONN_TWITTER_DEFAULT": json.dumps(connection)}
        self._closing.enter_context(mock.patch.dict(os.environ, env))
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def play(self, mix: Mix) -> Played:
        """Run the mix; then, with the trouble gone, go on until the window is complete."""
        with self._at_noon(mix) as clock:
            scheduler = Scheduler(Airflow(), lambda until: clock.move_to(max(until, datetime.now(UTC))))
            first = scheduler.run(mix.search)
            book = self.simulator.book
            played = Played(
                mix,
                self.data,
                first,
                scheduler.airflow.xcom("search", "reason"),
                self.stored(mix.keyword),
                self._deadline(),
                book.requests,
                [],
                run_ids=["manual__1"],
            )
            self.simulator.clear_rules()
            clock.shift(timedelta(hours=2))
            self._complete(played, scheduler)
            played.requests = book.requests
        return played

    def stored(self, keyword: str) -> set[str]:
        """Return the ids of the day files of a keyword."""
        folder = self.data / "posts" / keyword
        return {json.loads(line)["id"] for path in folder.glob("*.jsonl") for line in path.open("rb")}

    def _deadline(self) -> datetime:
        """Return until when the run waits for X; clearing moves it."""
        window = Staging(Store(self.data), DAG_ID, "manual__1").read("window.json", dict)
        assert window is not None
        return datetime.fromisoformat(window["deadline"])

    def _complete(self, played: Played, scheduler: Scheduler) -> None:
        """Go on until the window is complete: a failed run is cleared or continued, a partial one continued."""
        conf, last = {**played.mix.search, "bad_share_max": 1}, played.first
        cleared = 0
        while last.states["window_complete"] != "success":
            assert len(played.later) < GOING_ON_MAX, "it cannot be completed"
            run_id = played.run_ids[-1]
            continues = played.mix.continues and last is played.first and last.states["search"] != "success"
            if last.state == "failed" and not continues:
                cleared += 1
            else:
                conf["continue_from_run"] = run_id
                run_id, cleared = f"manual__{len(played.run_ids) + 1}", 0
                played.run_ids.append(run_id)
            last = scheduler.run(conf, run_id=run_id, clear_number=cleared)
            played.later.append(last)

    @contextlib.contextmanager
    def _at_noon(self, mix: Mix) -> Iterator[time_machine.Traveller]:
        shutil.rmtree(self.data)
        self.data.mkdir()
        service = self.simulator.service
        with time_machine.travel(NOON, tick=False) as clock, contextlib.ExitStack() as patches:
            service.limits = Limits(mix.limits, mix.window_s, service.now_s)
            self.simulator.reset()
            self.simulator.add_rules(mix.rules)
            client = partial(
                XClient,
                sleep=clock.shift,
                monotonic=lambda: datetime.now(UTC).timestamp(),
                read_timeout_s=mix.read_timeout_s,
            )
            patches.enter_context(mock.patch("airflow_twitter.hooks.twitter.XClient", client))
            for module in _that_sleep():
                sleep = SimpleNamespace(sleep=clock.shift, monotonic=time.monotonic)
                patches.enter_context(mock.patch.object(module, "time", sleep))
            try:
                yield clock
            finally:
                self.simulator.clear_rules()


def _that_sleep() -> list[ModuleType]:
    """Return the modules of a task that could sleep."""
    return [
        module
        for name, module in sys.modules.items()
        if name.startswith(SLEEPERS) and getattr(module, "time", None) is time
    ]
