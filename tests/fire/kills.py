"""Kill a task at its moments, run it again as Airflow's retry does, and compare with a run that nobody killed.

`sweep(scene, points)` is what there is to call: it needs no fixtures and brings simulator, folders and processes of
its own. `sweep(scene)` kills at every moment that can be told from outside, `sweep(scene, 40)` at 40 of them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fire.kill_points import Moment
from tests.fire.kill_scenes import KEYWORD, SCENES, TOPICS, Scene, Step
from tests.fire.kill_tasks import UPKEEP
from tests.fire.whole import temporary_files, unlike, whole_tree, wrong_dataset

from airflow_twitter.simulator import Simulator, World

PROJECT = Path(__file__).resolve().parents[2]
SOLD_AT = ("search_recent", "lookup")
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
CREDENTIALS = ("key", "secret-of-the-kills")


@dataclass
class Sweep:
    """What a sweep found: moments in all, those that differ from outside, tasks killed, and what went wrong.

    `finished` counts tasks that were through before their moment came, since threads do not count alike.
    """

    scene: str
    seed: int
    moments: int = 0
    distinct: int = 0
    killed: int = 0
    finished: int = 0
    took_s: float = 0.0
    problems: list[str] = field(default_factory=list)


def sweep(
    scene: str,
    points: int | None = None,
    *,
    seed: int = 7,
    theatre: Theatre | None = None,
    sabotage: str | None = None,
    until: str | None = None,
) -> Sweep:
    """Kill the task of a scene at `points` of its moments, evenly spread, or at all that differ from outside.

    With `sabotage`, one of sabotage.SABOTAGES, the code under test is broken on purpose. With `until` it ends at the
    first problem that holds these words.
    """
    if theatre is None:
        with Theatre() as own:
            return sweep(scene, points, seed=seed, theatre=own, sabotage=sabotage, until=until)
    started = time.monotonic()
    chance = random.Random(f"{seed} {scene}")
    moments = theatre.rehearse(SCENES[scene], sabotage, look=points is None)
    distinct = tell_apart(moments, chance)
    result = Sweep(scene, seed, moments=len(moments), distinct=len(distinct))
    for number in spread(distinct, points, chance):
        found = theatre.kill(number)
        result.killed += found is not None
        result.finished += found is None
        result.problems += [f"{scene}, moment {number} ({moments[number][0]}): {it}" for it in found or []]
        if until is not None and any(until in problem for problem in result.problems):
            break
    result.took_s = time.monotonic() - started
    return result


def tell_apart(moments: Sequence[Moment], chance: random.Random) -> list[int]:
    """Return the numbers of the moments that differ from outside.

    Of the lines of code between two effects it does not matter which one is the last: one of them stands for all.
    """
    numbers: list[int] = []
    lines: list[int] = []
    for number, (_, effect) in enumerate(moments):
        if effect:
            numbers += [chance.choice(lines)] if lines else []
            numbers.append(number)
            lines = []
        else:
            lines.append(number)
    return numbers + ([chance.choice(lines)] if lines else [])


def spread(numbers: list[int], points: int | None, chance: random.Random) -> list[int]:
    """Return so many of the numbers, one at random from each of as many equal parts."""
    if points is None or points >= len(numbers):
        return numbers
    edges = [round(part * len(numbers) / points) for part in range(points + 1)]
    return [chance.choice(numbers[begin:end]) for begin, end in itertools.pairwise(edges)]


class Theatre:
    """A simulator, a process that forks tasks, and folders: for one scene after the other.

    `data` is the data folder, one of its own by default.
    """

    def __init__(self, data: Path | None = None) -> None:
        self._given = data

    def __enter__(self) -> Theatre:
        self._closing = contextlib.ExitStack()
        self._folder = Path(
            self._closing.enter_context(tempfile.TemporaryDirectory(prefix="kills-", dir=FAST))
        )
        self.data = self._given or self._folder / "data"
        self._before = self._folder / "before"
        self.data.mkdir()
        world = World(topics=TOPICS, start=datetime.now(UTC) - timedelta(minutes=5))
        self.simulator = self._closing.enter_context(Simulator(world=world, credentials=CREDENTIALS))
        self._sabotage: str | None = None
        self._gone: list[str] = []
        self._send = self._closing.enter_context(_forking(self._folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def rehearse(self, scene: Scene, sabotage: str | None = None, *, look: bool = False) -> list[Moment]:
        """Do what comes before a scene, and the scene once as it should be; return its moments."""
        self.scene = scene
        self._sabotage = sabotage
        self.clear()
        self.simulator.withdraw(self._gone, "restored")
        self._gone = self.simulator.truth(KEYWORD)[: scene.gone]
        self.simulator.add_rules(scene.rules)
        collecting = [step for step in scene.before if step[0] not in UPKEEP]
        self.xcoms = self.play(collecting)["xcoms"]
        self._malformed = {item["id"] for entry in self._searches() for item in entry.malformed}
        self.simulator.clear_rules()
        self.simulator.withdraw(self._gone)
        self.xcoms = self.play(scene.before[len(collecting) :], self.xcoms)["xcoms"]
        scene.spoil(self.data)
        shutil.rmtree(self._before)
        shutil.copytree(self.data, self._before)
        self.set()
        done = self.play([scene.step], self.xcoms, record=True, look=look)
        self.play(scene.after, done["xcoms"])
        self.good = whole_tree(self.data)
        problems = [*self.wrong_now(), *self.wrong_dataset()]
        assert not problems, problems
        return [(what, effect) for what, effect in done["moments"]]

    def kill(self, number: int) -> list[str] | None:
        """Kill the task at a moment and run it again; return what is wrong then, None if it was not killed."""
        self.set()
        (torn,) = self.together([self.order([self.scene.step], self.xcoms) | {"die_at": number}])
        if torn["signal"] is None:
            return None
        assert torn["signal"] == signal.SIGKILL
        problems = [f"after the kill: {it}" for it in self.wrong_now()]
        committed = len(list(self.data.glob("staging/*/*/pages/*.page")))
        asked = len(self._searches())
        (again,) = self.together([self.order([self.scene.step, *self.scene.after], self.xcoms)])
        if again.get("error") or again["signal"]:
            return [*problems, f"run again: {again.get('error') or again['signal']}"]
        problems += [*self.wrong_now(), *self.wrong_dataset(), *unlike(self.good, whole_tree(self.data))]
        problems += [f"left behind: {path}" for path in temporary_files(self.data)]
        return problems + self._bought_twice(asked, committed)

    def play(self, steps: Sequence[Step], xcoms: Sequence[Any] = (), **options: Any) -> dict[str, Any]:
        """Do steps one after the other in one process, which may not fail; return its outcome."""
        (outcome,) = self.together([self.order(steps, xcoms) | options])
        assert (outcome["signal"], outcome["error"]) == (None, None)
        return outcome

    def together(self, orders: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Carry out orders at the same time, each in a process of its own; return their outcomes."""
        return self._send(list(orders))

    def order(
        self, steps: Sequence[Step], xcoms: Sequence[Any] = (), dag_id: str = "twitter_search"
    ) -> dict[str, Any]:
        """Return an order to do steps one after the other."""
        login, password = CREDENTIALS
        connection = {
            "conn_type": "twitter",
            "host": self.simulator.url,
            "login": login,
            "password": password,
        }
        env = {"TWITTER_DATA": str(self.data), "AIRFLOW_CONN_TWITTER_DEFAULT": json.dumps(connection)}
        return {
            "data": str(self.data),
            "env": env,
            "dag_id": dag_id,
            "steps": list(steps),
            "xcoms": list(xcoms),
            "sabotage": self._sabotage,
        }

    def clear(self) -> None:
        """Begin with an empty data folder and an empty book."""
        shutil.rmtree(self._before, ignore_errors=True)
        self._before.mkdir()
        self.set()

    def set(self) -> None:
        """Put things as they are before the scene, with an empty book."""
        shutil.rmtree(self.data)
        shutil.copytree(self._before, self.data)
        self.simulator.reset()

    def _searches(self) -> list[Any]:
        return [entry for entry in self.simulator.book.requests if entry.endpoint in SOLD_AT]

    def wrong_now(self) -> list[str]:
        """Say which file is not whole."""
        try:
            whole_tree(self.data, self._before)
        except ValueError as error:
            return [str(error)]
        return []

    def wrong_dataset(self) -> list[str]:
        """Say how the dataset differs from the posts that exist."""
        return wrong_dataset(self.data, KEYWORD, set(self.simulator.truth(KEYWORD)) - self._malformed)

    def _bought_twice(self, asked: int, committed: int) -> list[str]:
        """Say which pages were bought twice, but for the one that was asked for when the task was killed."""
        before, after = self._searches()[:asked], self._searches()[asked:]
        in_flight = before[-1:] if len(before) > committed - self._pages_before() else []
        may_be_again = {tuple(entry.ids) for entry in in_flight}
        sold = {post_id for entry in before if tuple(entry.ids) not in may_be_again for post_id in entry.ids}
        again = sorted(sold & {post_id for entry in after for post_id in entry.ids})
        return [f"bought twice: {again}"] if again else []

    def _pages_before(self) -> int:
        return (
            0
            if self.scene.step[0] not in ("search", "look_up")
            else len(list(self._before.glob("staging/*/*/pages/*.page")))
        )


@contextlib.contextmanager
def _forking(folder: Path) -> Iterator[Any]:
    """Start the process that forks tasks; yield a function that sends it orders and returns the outcomes."""
    home = folder / "airflow"
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(PROJECT),
    }
    reading, writing = os.pipe()
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fire.kill_server", str(writing)],
            stdin=subprocess.PIPE, stdout=log, stderr=log, env=env, cwd=PROJECT, pass_fds=[writing],
        )  # fmt: skip
    os.close(writing)
    assert process.stdin is not None
    orders = process.stdin

    def send(together: list[dict[str, Any]]) -> list[dict[str, Any]]:
        orders.write(json.dumps(together).encode() + b"\n")
        orders.flush()
        outcome = outcomes.readline()
        assert outcome, (folder / "log.txt").read_text()[-4000:]
        return list(json.loads(outcome))

    with os.fdopen(reading) as outcomes:
        try:
            yield send
        finally:
            orders.close()
            process.wait(timeout=60)
