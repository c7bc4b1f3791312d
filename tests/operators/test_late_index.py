"""How late X may index a post for it to be collected all the same.

A window that ends at U is searched at U + 10 + settle_s, so a post of its last moment is found when it is indexed
within that. The next run looks back overlap_s before U: it finds what was indexed until then. What is older than that
was, at the first search, at least 10 + settle_s + overlap_s old. So no post is missed that X indexes within
10 + settle_s + overlap_s seconds, and beyond that the first to be missed are those right before U - overlap_s.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from tests.airflow_in_memory import NOON, Airflow

from airflow_twitter.posts.lines import id_time
from airflow_twitter.simulator import Rule, Simulator, Topic, World

SETTLE_S, OVERLAP_S = 30, 60
ALONE_S = 10 + SETTLE_S
"""What one run bears."""
BOUND_S = ALONE_S + OVERLAP_S
"""What it bears together with the next one."""

LENGTH = timedelta(minutes=2)
SEARCH = {"keyword": "busy", "max_results": 100, "settle_s": SETTLE_S, "overlap_s": OVERLAP_S}


@pytest.mark.parametrize(
    ("lag_s", "runs", "from_s", "to_s"),
    [
        pytest.param(ALONE_S, 1, 0, 0, id="one run, as late as it bears"),
        pytest.param(ALONE_S + 1, 1, 1, 0, id="one run, a second later"),
        pytest.param(BOUND_S, 2, 0, 0, id="with the next run, as late as both bear"),
        pytest.param(BOUND_S + 1, 2, OVERLAP_S + 1, OVERLAP_S, id="with the next run, a second later"),
    ],
)
def test_how_late_is_too_late(
    airflow: Airflow,
    start_simulator: Callable[..., Simulator],
    clock: time_machine.Traveller,
    data_folder: Path,
    lag_s: int,
    runs: int,
    from_s: int,
    to_s: int,
) -> None:
    """Of a window that ends at U, exactly the posts from U - from_s to U - to_s are missed: none up to the bound."""
    simulator = start_simulator(
        world=World(topics={"busy": Topic(per_day=4 * 86_400)}),
        rules=[Rule(endpoint="search_recent", fault="late_index", params={"lag_s": lag_s})],
    )
    end = NOON
    for number in range(runs):
        since, until = end + LENGTH * (number - 1), end + LENGTH * number
        clock.move_to(until + timedelta(seconds=ALONE_S), tick=False)
        airflow.collect(SEARCH, run_id=f"scheduled__{number}", run_type="scheduled", interval=(since, until))

    truth = set(simulator.truth("busy", end - LENGTH, end))
    assert len(truth) == 480
    missed = {made_at(post_id) for post_id in truth - set(stored(data_folder))}
    expected = {
        made_at(post_id)
        for post_id in truth
        if end - timedelta(seconds=from_s) <= made_at(post_id) < end - timedelta(seconds=to_s)
    }
    assert missed == expected
    assert bool(missed) == (from_s > to_s)


def made_at(post_id: str) -> datetime:
    """When a post was made."""
    made = id_time(int(post_id))
    assert made is not None
    return made


def stored(data_folder: Path) -> list[str]:
    """The ids in the dataset."""
    files = (data_folder / "posts" / "busy").glob("*.jsonl")
    return [line.split(b'"id":"')[1].split(b'"')[0].decode() for file in files for line in file.open("rb")]
