"""The posts: the same at any time, in order, and as awkward as real ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_twitter.simulator import Simulator, Topic, World
from airflow_twitter.simulator.snowflake import ms_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ids(world: World, since: datetime, until: datetime, topic: str = "daily") -> list[str]:
    """Return what a simulator that is not even running holds."""
    sim = Simulator(world=world, clock=(NOON + timedelta(days=1000)).timestamp)
    return sim.truth(topic, since=since, until=until)


def test_posts_follow_from_the_seed() -> None:
    """The same seed gives the same ids and texts, another seed others."""
    window = (NOON - timedelta(days=2), NOON)
    topics = {"daily": Topic(per_day=40)}
    one, same, other = (ids(World(seed=seed, topics=topics), *window) for seed in (1, 1, 2))
    assert one == same
    assert set(one).isdisjoint(other)


@pytest.mark.parametrize("per_day", [1, 7, 40, 1000])
def test_every_day_has_its_posts(per_day: int) -> None:
    """A topic per day has that many posts on every UTC day, whenever it is asked."""
    world = World(topics={"daily": Topic(per_day=per_day)}, start=NOON)
    for day in (
        datetime(2008, 2, 29, tzinfo=UTC),
        datetime(2026, 11, 20, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    ):
        found = ids(world, day, day + timedelta(days=1))
        assert len(found) == per_day
        halves = (
            ids(world, day + timedelta(hours=9), day + timedelta(days=1)),
            ids(world, day, day + timedelta(hours=9)),
        )
        assert halves[0] + halves[1] == found


def test_totals_lie_before_the_start() -> None:
    """A topic with a total lies in its span, a minute or more before the world's start."""
    world = World(topics={"few": Topic(total=500, span_s=3600)}, start=NOON)
    found = ids(world, NOON - timedelta(days=30), NOON + timedelta(days=30), "few")
    times = [ms_of(int(post_id)) / 1000 for post_id in found]
    assert len(set(found)) == 500
    assert times == sorted(times, reverse=True)
    assert NOON.timestamp() - 3600 <= times[-1] < times[0] <= NOON.timestamp() - 60


def test_nothing_is_in_the_future(start: Callable[..., Any], clock: Any) -> None:
    """Posts appear as the clock moves."""
    caller = start()
    before = caller.sim.truth("daily", since=NOON - timedelta(days=1), until=NOON + timedelta(days=9))
    assert ms_of(int(before[0])) <= clock() * 1000
    clock.move(86_400)
    after = caller.sim.truth("daily", since=NOON - timedelta(days=1), until=NOON + timedelta(days=9))
    assert len(after) == len(before) + 40
    assert after[40:] == before


@pytest.mark.parametrize(
    "name", ["a b", 'say "hi"', "Über & Co", "naïve/../path", "日本語", "🤔 hm", "it's", "x" * 300]
)
def test_any_word_can_be_a_topic(start: Callable[..., Any], name: str) -> None:
    """A topic's name, quoted, finds its posts whatever it is made of."""
    caller = start({name: Topic(total=12), "other": Topic(total=5)})
    truth = caller.sim.truth(name)
    assert len(truth) == 12
    quoted = name.replace('"', " ")
    assert caller.ids(f'"{quoted}"', max_results=100) == truth


def test_topics_do_not_find_each_other(start: Callable[..., Any]) -> None:
    """A word finds the posts of its topic only; OR finds both in order."""
    caller = start()
    both = caller.ids("sevdesk OR accounting", max_results=100)
    assert set(both) == set(caller.sim.truth("sevdesk")) | set(caller.sim.truth("accounting"))
    assert both == sorted(both, key=int, reverse=True)
    assert len(both) == 62


@pytest.mark.parametrize(
    "wrong", [{}, {"total": 1, "per_day": 1}, {"total": -1}, {"total": 10, "span_s": 0.01}]
)
def test_impossible_topics_are_refused(wrong: dict[str, Any]) -> None:
    """A topic has one kind of number, and it can be met."""
    with pytest.raises(ValueError, match="topic"):
        Topic(**wrong)


def test_a_world_starts_at_a_moment() -> None:
    """A naive start and a topic without a word are refused; without a start it is this minute."""
    with pytest.raises(ValueError, match="aware"):
        World(start=datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="no word"):
        World(topics={"?!": Topic(total=1)})
    assert timedelta(0) <= datetime.now(UTC) - World().start < timedelta(seconds=61)
