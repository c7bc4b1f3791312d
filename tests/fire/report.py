"""docs/reliability.md: the matrix, and what the last soak did and held."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.fire.kills import Sweep
from tests.fire.matrix import PLACES, ROWS
from tests.fire.promises import Held

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


@dataclass(frozen=True)
class Mixes:
    """What became of the random mixes; `requests` are all that X was asked."""

    first: int
    count: int
    outcomes: Counter[str]
    requests: int
    took_s: float


@dataclass(frozen=True)
class Kills:
    """What became of the kills, scene by scene."""

    seed: int
    sweeps: Sequence[Sweep]


INTRO = """\
# Reliability

Written by `make soak`; `make test` compares the matrix with what its tests demand. Every run goes over real HTTP to the
simulator, which keeps a book of what it sold, through the project's own DAG, operators and trigger rules, with a clock
that is moved and not waited for. Each is held against the same promises:

- It ends complete, with exactly the posts that exist: ids compared with the simulator's, day files line by line.
- Or it stops for one of the reasons that there were. Trouble makes it red and leaves `window_complete` failed; a limit
  that was asked for leaves it green and `window_complete` skipped. What was bought is in the dataset by then.
- Where it stopped, it is cleared, or continued by another run, once the trouble is gone: that completes it, and buys
  only the rest. No post is sold twice but for those that X itself sends again.
- A cap, missing credits, lack of enrolment and bad keys are asked about once, and never tried again.
"""

MATRIX = """\
## Every fault, at every place

A search of 60 posts in three pages, which waits for X for three hours at most. The faults are the simulator's
(`simulator/rules.py`); each happens at the request that the column names. *partial* is green; *red* names the error.
"""


def matrix() -> str:
    """Return the matrix as Markdown, from what the tests demand."""
    lines = [MATRIX, f"| fault | {' | '.join(PLACES)} |", "|---" * (len(PLACES) + 1) + "|"]
    lines += [f"| `{row.name}` | {' | '.join(row.outcomes)} |" for row in ROWS]
    return "\n".join(lines) + "\n"


def page_matrix() -> str:
    """Return the matrix that the page holds."""
    return _sections(PAGE.read_text()).get("Every fault, at every place", "")


def write(
    *, mixes: Mixes | None = None, kills: Kills | None = None, promises: Sequence[Held] | None = None
) -> None:
    """Write the page; what was not tried again stays as it was."""
    told = _sections(PAGE.read_text()) if PAGE.exists() else {}
    parts = [
        INTRO,
        matrix(),
        _mixes(mixes) if mixes else told.get("Random mixes", ""),
        _kills(kills) if kills else told.get("Kills", ""),
        _promises(promises) if promises else told.get("Other promises", ""),
    ]
    PAGE.write_text("\n".join(part for part in parts if part))


def _sections(page: str) -> dict[str, str]:
    """Return the page's sections by their headings."""
    parts = re.split(r"^(?=## )", page, flags=re.M)[1:]
    return {part.partition("\n")[0].removeprefix("## "): part.strip("\n") + "\n" for part in parts}


def _mixes(mixes: Mixes) -> str:
    last = mixes.first + mixes.count - 1
    lines = [
        "## Random mixes\n",
        f"{mixes.count} mixes, seeds {mixes.first} to {last}, {mixes.requests} requests, {mixes.took_s:.0f} s on "
        f"{datetime.now(UTC):%Y-%m-%d}:",
        "all promises held. A mix is one to five rules, each with any fault, at the search, the bearer token, the",
        "counts, or all of them: once, some times, every so many requests, or from some request on for ever. "
        "It searches",
        "for 0 to 170 posts in pages of 10 to 100, on either endpoint, with and without an estimate, in windows of 1,",
        "2, 5 or 450 requests, and for up to 4 pages or all.\n",
        "| the first run ended | mixes |",
        "|---|---|",
    ]
    lines += [f"| {outcome} | {count} |" for outcome, count in mixes.outcomes.most_common()]
    return "\n".join(lines) + "\n"


def _kills(kills: Kills) -> str:
    killed = sum(sweep.killed for sweep in kills.sweeps)
    took_s = sum(sweep.took_s for sweep in kills.sweeps)
    lines = [
        "## Kills\n",
        f"{killed} tasks killed with SIGKILL (seed {kills.seed}, {took_s:.0f} s), at moments that differ from outside:",
        "before and after every call that changes something, in the middle of every write and send. Each was run again",
        "as Airflow's retry does. Every file was whole after the kill; afterwards the files were those of a run that",
        "nobody killed, nothing was left behind, and no page was bought twice but the one in flight.\n",
        "| the task that was killed | moments | that differ | killed |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {sweep.scene} | {sweep.moments} | {sweep.distinct} | {sweep.killed} |" for sweep in kills.sweeps
    ]
    return "\n".join(lines) + "\n"


def _promises(promises: Sequence[Held]) -> str:
    lines = [
        "## Other promises\n",
        f"Held on {datetime.now(UTC):%Y-%m-%d} by these tests, all of which passed and none was skipped:\n",
        "| promise | tests | where |",
        "|---|---|---|",
    ]
    lines += [
        f"| {held.promise} | {held.tests} | {', '.join(f'`{path}`' for path in held.paths)} |"
        for held in promises
    ]
    return "\n".join(lines) + "\n"
