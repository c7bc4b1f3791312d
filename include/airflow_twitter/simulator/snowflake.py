"""Turn times into post ids and back.

An id is `(ms since X's epoch) << 22` plus 22 low bits; ids up to 29700859247 are older and run
in sequence (https://docs.x.com/fundamentals/x-ids).
"""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH_MS = 1_288_834_974_657
LAST_SEQUENTIAL_ID = 29_700_859_247
FIRST_POST_MS = 1_142_974_214_000  # 2006-03-21T20:50:14Z, the first post
FIRST_SNOWFLAKE_MS = EPOCH_MS + (LAST_SEQUENTIAL_ID >> 22) + 1


def id_at(ms: int, low_bits: int = 0) -> int:
    """Return an id of that millisecond; without low bits the smallest one, so that it bounds a window."""
    if ms >= FIRST_SNOWFLAKE_MS:
        return (ms - EPOCH_MS) << 22 | (low_bits & 0x3FFFFF)
    share = (ms - FIRST_POST_MS) / (FIRST_SNOWFLAKE_MS - FIRST_POST_MS)
    return max(20, int(share * LAST_SEQUENTIAL_ID))


def ms_of(post_id: int) -> int:
    """Return the millisecond since 1970 in which an id was given."""
    if post_id > LAST_SEQUENTIAL_ID:
        return (post_id >> 22) + EPOCH_MS
    return FIRST_POST_MS + int(post_id / LAST_SEQUENTIAL_ID * (FIRST_SNOWFLAKE_MS - FIRST_POST_MS))


def iso(ms: int) -> str:
    """Return X's form of a time: `2026-11-21T08:15:30.000Z`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC).replace(tzinfo=None)
    return f"{moment.isoformat()}.{ms % 1000:03d}Z"
