"""Who may ask next, where several keywords share one request window of X. Pure arithmetic.

A window's requests are divided one by one: each goes to the keyword that has had the fewest in this window, among
those that have had none to the one that has waited longest. So every keyword has its share, whatever order Airflow
starts them in, and what small keywords leave goes to the large ones. All durations are in seconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

AWAY_MIN_S = 10.5
"""A search that gives its slot back stays away so long: Airflow may lose a task that comes back sooner."""

LAST_LOOK_S = 8.0
"""So long before the window ends a search without a share looks whether something is left over."""

TOO_LATE_S = 4.0
"""Who would be back only so shortly before the window ends might as well not come."""

HAND_OVER_S = 2.0
"""About what one search needs to end and the next to begin; it only decides how soon to look again."""

START_MIN_S = 1.0
"""What the start of a search takes at least; decides how many can still begin before the window ends."""


@dataclass(frozen=True)
class Want:
    """A keyword that wants more: requests that it has had in this window, and since when it waits (Unix seconds)."""

    taken: int
    since: float


def shares(wants: Mapping[str, Want], remaining: int) -> dict[str, int]:
    """Divide the requests that are left in the window among the keywords that want some."""
    given = dict.fromkeys(wants, 0)
    queue = [(want.taken, want.since, keyword) for keyword, want in wants.items()]
    heapq.heapify(queue)
    for _ in range(remaining if queue else 0):
        taken, since, keyword = queue[0]
        given[keyword] += 1
        heapq.heapreplace(queue, (taken + 1, since, keyword))
    return given


def away_s(
    keyword: str, wants: Mapping[str, Want], remaining: int, left_s: float, *, runs: int = 1, looked: int = 0
) -> float | None:
    """Return None when a keyword may ask now, else for how long it should leave its slot to the others.

    `remaining` requests are left in the window, which ends in `left_s`. A rest that does not suffice for one more each
    is for whoever is there. What is set aside for others is free to be taken only when there is no time to come back,
    but for one request for each of them that can still begin.
    With `runs` that want the slot, each stays away long enough for all to have it once, and twice as long each time
    that it has `looked` in vain: Airflow may prefer those that come back to those that have not been yet.
    """
    given = shares(wants, remaining)
    waiting = sum(1 for other, count in given.items() if count and other != keyword)
    taken = wants[keyword].taken
    if given[keyword] or not waiting or 0 < taken <= min(want.taken for want in wants.values()):
        return None
    if left_s >= AWAY_MIN_S + TOO_LATE_S:
        patient_s = max(AWAY_MIN_S, runs * HAND_OVER_S) * 2.0 ** min(looked, 10)
        return max(AWAY_MIN_S, min(patient_s, left_s - LAST_LOOK_S))
    can_begin = min(waiting, int(max(0.0, left_s) / START_MIN_S))
    return None if remaining > can_begin else max(AWAY_MIN_S, left_s)
