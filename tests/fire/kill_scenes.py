"""The scenes in which a task is killed: what was there before, which task dies, and what follows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_twitter.simulator import Rule, Topic

KEYWORD = "accounting"
TOPICS = {KEYWORD: Topic(total=60), "invoice": Topic(total=25)}
SEARCH = {"keyword": KEYWORD, "max_results": 10}

Step = tuple[str, dict[str, Any]]
"""A method of the Airflow in memory, and its arguments."""


def nothing(data: Path) -> None:
    """Change nothing."""


@dataclass(frozen=True)
class Scene:
    """`step` is killed after the steps `before`, done whole, and `spoil`; then it is run again, and those `after`.

    `rules` are the simulator's faults while the steps before are done; of the newest posts so many are `gone` then.
    """

    name: str
    step: Step
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    rules: tuple[Rule, ...] = ()
    spoil: Callable[[Path], None] = nothing
    gone: int = 0


def steps(
    first: str = "wait", last: str = "merge", search: dict[str, Any] = SEARCH, **run: Any
) -> tuple[Step, ...]:
    """Return the steps of one run, from a first one to a last one."""
    names = ("wait", "search", "validate", "merge")
    chosen = names[names.index(first) : names.index(last) + 1]
    return tuple((name, {"search": search, **run} if name in ("wait", "search") else run) for name in chosen)


def step(name: str, search: dict[str, Any] = SEARCH, **run: Any) -> Step:
    """Return one step of a run."""
    return steps(name, name, search, **run)[0]


def lose_pages(data: Path) -> None:
    """Leave the first three pages of the run, none of which the ledger knows."""
    for page in sorted(data.glob("staging/*/*/pages/*.page"))[3:]:
        page.unlink()
    shutil.rmtree(data / "ledger")


def tear_days(data: Path) -> None:
    """Cut two day files in the middle of a line, as no writer of ours does."""
    for day in sorted(data.glob("posts/*/*.jsonl"))[1:3]:
        day.write_bytes(day.read_bytes()[:-40])


def leave_trouble(data: Path) -> None:
    """Leave what an attempt that X gave no answer to has written down of it."""
    (staging,) = data.glob("staging/*/*")
    since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    (staging / "trouble.json").write_text(f'{{"clear_number":0,"tries":3,"since":"{since}","size":[10,3,0]}}')


EXPANDED = {**SEARCH, "expand": True}
REFETCH = {**SEARCH, "refetch": True}
ALL_AGAIN = {**SEARCH, "start_time": f"{datetime.now(UTC) - timedelta(days=6, hours=20):%Y-%m-%dT%H:%M:%SZ}"}
ESTIMATED = {**SEARCH, "estimate": "warn"}
SECOND = {"run_id": "manual__2"}
CHECK = {"run_id": "manual__check"}
MALFORMED = (
    Rule(endpoint="search_recent", nth=2, fault="malformed"),
    Rule(endpoint="search_recent", nth=3, fault="partial_errors"),
)
LIKED = (Rule(endpoint="search_recent", fault="changed_metrics", every=1),)

SCENES = {
    scene.name: scene
    for scene in (
        Scene("window", step("wait"), after=steps("search")),
        Scene("search", step("search"), before=steps("wait", "wait"), after=steps("validate")),
        Scene(
            "search estimated",
            step("search", ESTIMATED),
            before=steps("wait", "wait", ESTIMATED),
            after=steps("validate"),
        ),
        Scene(
            "search resumed",
            step("search"),
            before=steps("wait", "search"),
            after=steps("validate"),
            spoil=lose_pages,
        ),
        Scene(
            "search after trouble",
            step("search"),
            before=steps("wait", "wait"),
            after=steps("validate"),
            spoil=leave_trouble,
        ),
        Scene(
            "refetch",
            step("wait", REFETCH, clear_number=1),
            before=steps(search=REFETCH),
            after=steps("search", search=REFETCH, clear_number=1),
        ),
        Scene(
            "validate",
            step("validate"),
            before=steps("wait", "search", EXPANDED),
            after=steps("merge"),
            rules=MALFORMED,
        ),
        Scene("merge", step("merge"), before=steps("wait", "validate", EXPANDED)),
        Scene("merge again", step("merge"), before=steps()),
        Scene(
            "merge into older posts",
            step("merge", **SECOND),
            before=(*steps(), *steps("wait", "validate", ALL_AGAIN, **SECOND)),
            rules=LIKED,
        ),
        Scene("merge into damaged days", step("merge"), before=steps(), spoil=tear_days),
        Scene("maintenance", ("maintain", {}), before=steps(), rules=MALFORMED),
        Scene(
            "look up",
            ("look_up", CHECK),
            before=(*steps(), ("price", CHECK)),
            after=(("withdraw", CHECK),),
            gone=5,
        ),
        Scene(
            "withdraw",
            ("withdraw", CHECK),
            before=(*steps(search=EXPANDED), ("price", CHECK), ("look_up", CHECK)),
            gone=25,
        ),
    )
}
