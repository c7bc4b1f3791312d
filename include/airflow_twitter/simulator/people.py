"""The authors, who exist in the simulator only, each known by a number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from airflow_twitter.simulator.snowflake import iso
from airflow_twitter.simulator.texts import NAMES, PLACES
from airflow_twitter.simulator.wording import digits

AUTHORS = 400
_FIRST_ID = 9_000_000_000
_STEP = 7919


def user_id(number: int) -> str:
    """Return the id of author `number`."""
    return str(_FIRST_ID + number * _STEP)


def author_number(known_id: str) -> int:
    """Return the number of the author with this id."""
    return (int(known_id) - _FIRST_ID) // _STEP


def named_author(username: str) -> int:
    """Return the number of the author `sim_0042`; of any other name, 0."""
    number = username[-4:]
    return int(number) % AUTHORS if number.isdecimal() else 0


def referenced_author(post_id: int) -> int:
    """Return the author's number of a post that another one refers to."""
    return digits("author", post_id) % AUTHORS


@cache
def user(number: int) -> dict[str, Any]:
    """Return author `number` in the `tweet.fields` vocabulary."""
    luck = digits("user", number)
    joined = datetime(2009, 1, 1, tzinfo=UTC) + timedelta(hours=luck % 140_000)
    return {
        "id": user_id(number),
        "name": f"{NAMES[number % len(NAMES)]} {number}",
        "username": f"sim_{number:04d}",
        "created_at": iso(int(joined.timestamp() * 1000)),
        "description": "An author who exists in the simulator only.",
        "location": PLACES[luck % len(PLACES)],
        "profile_image_url": "https://media.invalid/avatar.png",
        "protected": False,
        "verified": number % 10 == 0,
        "verified_type": "blue" if number % 10 == 0 else "none",
        "url": "",
        "public_metrics": {
            "followers_count": luck % 50_000,
            "following_count": luck % 900,
            "tweet_count": luck % 12_000,
            "listed_count": luck % 40,
            "like_count": luck % 7_000,
            "media_count": luck % 300,
        },
    }
