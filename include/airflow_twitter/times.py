"""Moments, always aware and in UTC, and the two ways in which they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment of a file: one without a time zone is refused where it is read."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def whole_second(moment: datetime) -> datetime:
    """Return the second that a moment lies in."""
    return moment.astimezone(UTC).replace(microsecond=0)


def rfc3339(moment: datetime) -> str:
    """Write a moment as X and people read it: 2026-11-01T00:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_text(moment: datetime) -> str:
    """Write a moment in the one form of our files, which sorts as text: 2026-11-22T08:30:00.000000Z.

    Raises ValueError for a naive time.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
