"""Answer counts and usage.

https://docs.x.com/x-api/posts/counts/introduction and https://docs.x.com/x-api/usage/introduction
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_twitter.simulator import vocabulary
from airflow_twitter.simulator.asks import Ask, Checks
from airflow_twitter.simulator.bill import bills
from airflow_twitter.simulator.book import Entry
from airflow_twitter.simulator.snowflake import id_at, iso, ms_of
from airflow_twitter.simulator.tokens import Position, write_token
from airflow_twitter.simulator.world import DAY_MS, World

Json = dict[str, Any]

STEP_MS: Mapping[str, int] = {"minute": 60_000, "hour": 3_600_000, "day": DAY_MS}
PAGE_MS = 31 * DAY_MS
PROJECT = "1000000000000000001"
PROJECT_CAP = "3000000"
CAP_RESET_DAY = 15


def count_posts(world: World, ask: Ask) -> Json:
    """Return a page of counts, oldest bucket first; pages go back in time, 31 days each."""
    low, high = ask.position.low, ask.position.high
    first = (ms_of(high) - PAGE_MS) // DAY_MS * DAY_MS
    page_low = max(low, id_at(first))
    step = STEP_MS[ask.granularity]
    found = world.newest_first(page_low, high, ask.query.matches, ask.query.could_match)
    counted = Counter(post.ms // step for post in found)
    name = ask.view.vocabulary
    data = [
        {"end": iso(end), "start": iso(start), f"{name}_count": counted[start // step]}
        for start, end in _buckets(ms_of(page_low), ms_of(high), step)
    ]
    meta: Json = {f"total_{name}_count": sum(counted.values())}
    if page_low > low:
        meta["next_token"] = write_token(ask.bound_to, Position(low, page_low))
    return {"data": data, "meta": meta}


def _buckets(start: int, end: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield the buckets of a window; the first and the last are cut off at its ends."""
    while start < end:
        following = min((start // step + 1) * step, end)
        yield start, following
        start = following


def report_usage(entries: Sequence[Entry], params: Mapping[str, str], now_ms: int) -> Json:
    """Return how many posts were sold, by day and since the cap was last reset.

    The same post within one UTC day counts once; included posts count too.
    """
    checks = Checks(None, params, now_ms)
    checks.names(vocabulary.USAGE)
    days = checks.number("days", 1, 90, 7)
    fields = checks.listed("usage.fields", vocabulary.USAGE_FIELDS)
    checks.raise_errors()
    sold = Counter({date: len(bill.posts) for date, bill in bills(entries).items()})
    today = now_ms // DAY_MS * DAY_MS
    dates = [iso(today - back * DAY_MS) for back in range(days)]
    daily = [{"date": date, "usage": str(sold[date[:10]])} for date in dates]
    known: Json = {
        "cap_reset_day": CAP_RESET_DAY,
        "project_cap": PROJECT_CAP,
        "project_id": PROJECT,
        "project_usage": str(_since_reset(sold, iso(now_ms)[:10])),
        "daily_project_usage": {"project_id": PROJECT, "usage": daily},
        "daily_client_app_usage": [{"client_app_id": "10000001", "usage": daily, "usage_result_count": days}],
    }
    shown = fields or {"cap_reset_day", "project_cap", "project_id", "project_usage"}
    return {"data": {name: value for name, value in known.items() if name in shown}}


def _since_reset(sold: Mapping[str, int], today: str) -> int:
    """Return what was sold since the cap was last reset, on a day of this month or of the last."""
    reset = f"{today[:8]}{CAP_RESET_DAY:02}"
    if reset > today:
        year, month = int(today[:4]), int(today[5:7])
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        reset = f"{year}-{month:02}-{CAP_RESET_DAY:02}"
    return sum(count for date, count in sold.items() if date >= reset)
