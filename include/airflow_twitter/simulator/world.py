"""The posts that exist: topics, each a deterministic and endless row of slots.

Nothing is stored. A post's time follows from the seed, its topic and the number of its slot, so a
window of any size is found by arithmetic and walked newest first.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from airflow_twitter.simulator.posts import Post, make_post, referenced_post
from airflow_twitter.simulator.snowflake import FIRST_POST_MS, id_at, ms_of
from airflow_twitter.simulator.withdrawn import Withdrawn
from airflow_twitter.simulator.wording import digits, filler_words, words

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
SETTLED_MS = 60_000  # the newest of a fixed number of posts is that much older than the world's start


@dataclass(frozen=True)
class Topic:
    """How many posts there are about something.

    Either `total` posts in all, spread over the `span_s` seconds before the world's start, or
    `per_day` posts on every UTC day since 2006, for ever.
    """

    total: int | None = None
    per_day: int | None = None
    span_s: float = 6 * 86_400.0

    def __post_init__(self) -> None:
        if (self.total is None) == (self.per_day is None):
            raise ValueError("A topic has either total or per_day posts.")
        count = self.total if self.total is not None else self.per_day
        if count is None or count < 0:
            raise ValueError("A topic cannot have a negative number of posts.")
        if count and (DAY_MS if self.total is None else self.span_s * 1000 - SETTLED_MS) / count < 10:
            raise ValueError("A topic spans more than a minute and has at most one post in 10 ms.")


@dataclass(frozen=True)
class Row:
    """The slots of one topic: slot i begins at `origin_ms + i * slot_ms` and holds one post."""

    seed: int
    name: str
    origin_ms: float
    slot_ms: float
    first: int
    last: int | None

    def post_id(self, index: int) -> int:
        """Return the id of the post in a slot; ids rise from slot to slot."""
        luck = digits(self.seed, self.name, "time", index)
        into_slot = (luck & 0xFFFF) / 0x10000 * 0.9
        return id_at(int(self.origin_ms + (index + into_slot) * self.slot_ms), luck >> 16)

    def slot_of(self, post_id: int) -> int | None:
        """Return the slot of the post with this id, None when it has none."""
        near = int((ms_of(post_id) - self.origin_ms) // self.slot_ms)
        for index in (near - 1, near, near + 1):
            if self._holds(index) and self.post_id(index) == post_id:
                return index
        return None

    def at_ms(self, ms: int) -> Iterator[tuple[int, int]]:
        """Yield `(id, slot)` of the posts of one millisecond."""
        return self.newest_first(id_at(ms), id_at(ms + 1))

    def _holds(self, index: int) -> bool:
        return index >= self.first and (self.last is None or index <= self.last)

    def newest_first(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Yield `(id, slot)` of the posts with low <= id < high."""
        index = int((ms_of(high) - self.origin_ms) // self.slot_ms) + 1
        index = index if self.last is None else min(index, self.last)
        while index >= self.first:
            post_id = self.post_id(index)
            if post_id < low:
                return
            if post_id < high:
                yield post_id, index
            index -= 1


def _this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


@dataclass
class World:
    """All posts of the simulator.

    `topics` maps a word or phrase to its posts; each of them contains the topic's name. `start` is
    an aware datetime that topics with a total end before; with a clock that is skewed by more than
    a minute into the past, give it one.
    """

    seed: int = 7
    topics: Mapping[str, Topic] = field(default_factory=dict)
    start: datetime = field(default_factory=_this_minute)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError("A world's start is an aware datetime.")
        for name in self.topics:
            if not words(name):
                raise ValueError(f"No search can find the topic {name!r}: it has no word.")
        self._rows = {name: self._row(name, topic) for name, topic in self.topics.items()}
        self._vocabularies = {name: frozenset(words(name)) | filler_words() for name in self.topics}
        self.withdrawn = Withdrawn()
        self._post = lru_cache(maxsize=20_000)(make_post)

    def _row(self, name: str, topic: Topic) -> Row:
        if topic.per_day is not None:
            slot_ms = DAY_MS / max(topic.per_day, 1)
            first = int(FIRST_POST_MS // slot_ms) + 1
            return Row(self.seed, name, 0.0, slot_ms, first, None if topic.per_day else first - 1)
        total = topic.total or 0
        end_ms = self.start.timestamp() * 1000 - SETTLED_MS
        slot_ms = (topic.span_s * 1000 - SETTLED_MS) / max(total, 1)
        return Row(self.seed, name, end_ms - total * slot_ms, slot_ms, 0, total - 1)

    def newest_first(
        self,
        low: int,
        high: int,
        matches: Callable[[Post], bool],
        could_match: Callable[[frozenset[str]], bool],
    ) -> Iterator[Post]:
        """Yield the matching posts with low <= id < high, over all topics.

        `could_match` is asked once a topic, with all words that its posts may hold.
        """
        names = [name for name in self._rows if could_match(self._vocabularies[name])]
        rows = [self._named(name, low, high) for name in names]
        for post_id, index, name in heapq.merge(*rows, reverse=True):
            post = self.withdrawn.shown(self._post(self.seed, name, index, post_id))
            if post is not None and matches(post):
                yield post

    def find(self, post_id: int) -> Post | None:
        """Return the post with this id, of a topic or one that such a post refers to; None when it is not shown."""
        for name, row in self._rows.items():
            index = row.slot_of(post_id)
            if index is not None:
                return self.withdrawn.shown(self._post(self.seed, name, index, post_id))
        other = referenced_post(post_id) if self._is_referred_to(post_id) else None
        return other and self.withdrawn.shown(other)

    def _is_referred_to(self, post_id: int) -> bool:
        """Tell whether a post of a topic refers to this id: such a post is an hour younger."""
        for name, row in self._rows.items():
            for younger, index in row.at_ms(ms_of(post_id) + HOUR_MS):
                references = self._post(self.seed, name, index, younger).fields.get("referenced_tweets", ())
                if any(reference["id"] == str(post_id) for reference in references):
                    return True
        return False

    def _named(self, name: str, low: int, high: int) -> Iterator[tuple[int, int, str]]:
        return ((post_id, index, name) for post_id, index in self._rows[name].newest_first(low, high))

    def oldest_ms(self, now_ms: int) -> int:
        """Return a time before all fixed topics and seven days before now."""
        origins = [int(self._rows[name].origin_ms) for name, topic in self.topics.items() if topic.total]
        return min([now_ms - 7 * DAY_MS, *origins])
