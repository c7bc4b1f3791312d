"""A task that is killed at any moment and run again leaves what one leaves that was not killed."""

from __future__ import annotations

import pytest
from tests.fire.kill_scenes import SCENES
from tests.fire.kills import Theatre, spread, sweep, tell_apart

pytestmark = pytest.mark.system
POINTS = 10


@pytest.mark.parametrize("scene", SCENES)
def test_killed_and_run_again(scene: str, theatre: Theatre) -> None:
    """Every file is whole after the kill; the retry ends exact, leaves no litter and buys no page twice."""
    result = sweep(scene, POINTS, theatre=theatre)
    assert result.problems == []
    assert result.killed + result.finished == POINTS
    assert result.killed > POINTS / 2


def test_moments_that_look_alike_are_one() -> None:
    """Lines between two effects count once, at a line drawn by chance; every effect counts."""
    moments = [("a:1", False), ("a:2", False), ("open", True), ("a:3", False), ("write", True), ("a:4", True)]
    assert tell_apart(moments, _First()) == [0, 2, 3, 4, 5]
    assert spread([0, 2, 3, 4, 5], 2, _First()) == [0, 3]
    assert spread([0, 2], None, _First()) == [0, 2]


@pytest.mark.parametrize(
    ("sabotage", "told"),
    [
        ("writes in place", "is not whole"),
        ("forgets its pages", "bought twice"),
        ("never cleans", "left behind"),
        ("loses a day", "lost ["),
    ],
)
def test_the_harness_sees_what_is_wrong(sabotage: str, told: str, theatre: Theatre) -> None:
    """Code that is broken in the way in which each promise could be broken does not pass."""
    scene = "merge" if sabotage == "loses a day" else "search"
    result = sweep(scene, 80, theatre=theatre, sabotage=sabotage, until=told)
    assert any(told in problem for problem in result.problems)


class _First:
    def choice(self, items: list[int]) -> int:
        return items[0]
