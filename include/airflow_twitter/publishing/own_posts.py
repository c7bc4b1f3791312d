"""Look on an account's timeline for the post of a record, whoever has sent it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from airflow_twitter.publishing.client import PostClient, TimelinePost
from airflow_twitter.publishing.comparison import plain, same_text
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.records import Records

CLOCKS_DIFFER_S = 60.0


class OwnPosts:
    """The posts of the client's account, as X shows them; X bills those that it returns."""

    def __init__(self, records: Records, client: PostClient) -> None:
        self._records = records
        self._client = client

    def find(self, record: Record, since: datetime) -> TimelinePost | None:
        """Return the record's post among those since a moment, None when it is not to be seen."""
        return self.pick(record, self.read(since), since)

    def read(self, since: datetime) -> Sequence[TimelinePost]:
        """Return the account's posts since a moment, newest first."""
        since -= timedelta(seconds=CLOCKS_DIFFER_S)
        return self._client.timeline(self._client.user_id or self._client.me().id, since=since)

    def pick(self, record: Record, posts: Sequence[TimelinePost], since: datetime) -> TimelinePost | None:
        """Return the record's post among others: by media key, else by text; never one of another record."""
        earliest = since - timedelta(seconds=CLOCKS_DIFFER_S)
        free = [
            post
            for post in posts
            if post.created_at >= earliest
            and self._records.index.owner_of(record.account, post.id) in (None, record.key)
        ]
        keys = set(record.intent.media_keys)
        by_key = (post for post in free if keys.intersection(post.media_keys))
        by_text = (post for post in free if has_text_of(record, post))
        return next(by_key, None) or next(by_text, None)


def has_text_of(record: Record, post: TimelinePost) -> bool:
    """Tell whether a post on X has the text of a record; no text says nothing: every post of a bare video has it."""
    return bool(plain(record.content.text)) and same_text(
        record.content.text, post.text, links=post.links, has_media=bool(post.media_keys)
    )
