"""Try everything: the matrix, random mixes, kills at every moment of every scene, all other promises; write the page.

``python -m tests.fire.soak``; ``make soak`` calls it. Ends with 1 as soon as something is wrong, with what repeats it.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

import tests.conftest  # gives this process an Airflow of its own, before Airflow is imported
from tests.fire.ground import Ground
from tests.fire.judge import wrong
from tests.fire.kill_scenes import SCENES
from tests.fire.kills import Theatre, sweep
from tests.fire.matrix import PLACES, ROWS
from tests.fire.mixes import random_mix
from tests.fire.promises import Held, NotHeld, hold
from tests.fire.report import PAGE, Kills, Mixes, write

MIXES = 1000
EVERY_S = 10.0


class Wrong(Exception):
    """Something did not hold; says what, and how to see it again."""


def main() -> int:
    """Try what was asked for and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=0, help="the first mix (default 0)")
    parser.add_argument("--count", type=int, default=MIXES, help=f"how many mixes (default {MIXES})")
    parser.add_argument("--points", type=int, help="kills in each scene (default: at every moment)")
    parser.add_argument("--only", choices=("matrix", "mixes", "kills", "promises"), help="try only these")
    given = parser.parse_args()
    try:
        with _quiet():
            if given.only in (None, "matrix"):
                _matrix()
            mixes = _mixes(given.seed, given.count) if given.only in (None, "mixes") else None
            kills = _kills(given.seed, given.points) if given.only in (None, "kills") else None
            promises = _promises() if given.only in (None, "promises") else None
    except (Wrong, NotHeld) as error:
        print(f"\nWRONG: {error}", file=sys.stderr)
        return 1
    write(mixes=mixes, kills=kills, promises=promises)
    print(f"Written to {PAGE}", file=sys.stderr)
    return 0


def _matrix() -> None:
    started, cells = time.monotonic(), 0
    with Ground() as ground:
        for row in ROWS:
            for place, expected in zip(PLACES, row.outcomes, strict=True):
                played = ground.play(row.mix(place))
                found = wrong(ground, played)
                if played.outcome != expected:
                    found.append(f"it ended {played.outcome}, not {expected}")
                if found:
                    raise Wrong(
                        f"{row.name}, {place}: {'; '.join(found)}. Again: make test ARGS='-k {row.fault}'"
                    )
                cells += 1
    _tell(f"matrix: {cells} cells are as they should be ({time.monotonic() - started:.0f} s)")


def _mixes(first: int, count: int) -> Mixes:
    started = told = time.monotonic()
    outcomes: Counter[str] = Counter()
    requests = 0
    with Ground() as ground:
        for seed in range(first, first + count):
            again = f"Again: make soak ARGS='--only mixes --seed {seed} --count 1'."
            try:
                played = ground.play(random_mix(seed))
                found = wrong(ground, played)
            except Exception as error:
                raise Wrong(f"mix {seed}: {type(error).__name__}: {error}. {again}") from error
            if found:
                raise Wrong(f"mix {seed}: {'; '.join(found)}. {again}")
            outcomes[played.outcome] += 1
            requests += len(played.requests)
            if time.monotonic() - told > EVERY_S:
                told = time.monotonic()
                done = seed - first + 1
                _tell(f"mixes: {done} of {count}, {done / (told - started):.1f} a second")
    took_s = time.monotonic() - started
    _tell(f"mixes: {count} from seed {first} are right ({took_s:.0f} s)")
    return Mixes(first, count, outcomes, requests, took_s)


def _kills(seed: int, points: int | None) -> Kills:
    sweeps = []
    with Theatre() as theatre:
        for scene in SCENES:
            found = sweep(scene, points, seed=seed, theatre=theatre)
            _tell(f"kills: {scene}: {found.killed} of {found.distinct} moments ({found.took_s:.0f} s)")
            if found.problems:
                raise Wrong(
                    f"{'; '.join(found.problems[:5])}. Again: make soak ARGS='--only kills --seed {seed}'"
                )
            sweeps.append(found)
    return Kills(seed, sweeps)


def _promises() -> list[Held]:
    held = []
    for each in hold():
        _tell(f"{each.promise}: {each.tests} tests ({each.took_s:.0f} s)")
        held.append(each)
    return held


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the tasks' logs to themselves: they go to standard output."""
    logging.disable()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


if __name__ == "__main__":
    assert tests.conftest.PROJECT
    sys.exit(main())
