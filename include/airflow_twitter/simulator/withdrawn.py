"""What has become of single posts since they were posted: deleted, protected, withheld, edited.

https://docs.x.com/developer-terms/agreement-and-policy says what those who keep posts owe their authors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from airflow_twitter.simulator.posts import Post
from airflow_twitter.simulator.snowflake import id_at, ms_of

GONE = ("deleted", "protected")
FATES = (*GONE, "withheld", "edited")


class Withdrawn:
    """The fates of posts, by id."""

    def __init__(self) -> None:
        self._fates: dict[int, str] = {}

    def add(self, ids: Iterable[str | int], how: str) -> None:
        """Let posts be deleted, protected, withheld or edited; raise ValueError for another fate."""
        if how not in FATES:
            raise ValueError(f"Nothing is known of {how!r}; there are {', '.join(FATES)}.")
        self._fates.update(dict.fromkeys(map(int, ids), how))

    def restore(self, ids: Iterable[str | int]) -> None:
        """Let posts be as they were."""
        for post_id in map(int, ids):
            self._fates.pop(post_id, None)

    def of(self, post_id: int) -> str | None:
        """Return the fate of a post, None when it has none."""
        return self._fates.get(post_id)

    def shown(self, post: Post) -> Post | None:
        """Return a post as X shows it now, None when it no longer does."""
        match self._fates.get(post.id):
            case None:
                return post
            case "withheld":
                withheld = {"copyright": False, "country_codes": ["DE", "FR"]}
                return replace(post, changed={**post.changed, "withheld": withheld})
            case "edited":
                history = [str(post.id), str(id_at(ms_of(post.id) + 60_000, post.index))]
                return replace(post, changed={**post.changed, "edit_history_tweet_ids": history})
        return None

    def to_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {str(post_id): how for post_id, how in self._fates.items()}
