"""Whose content, and whose post on X, something is: small files that name the records."""

from __future__ import annotations

from contextlib import AbstractContextManager

import msgspec

from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.errors import RecordError
from airflow_twitter.publishing.record import Content

INDEX = "published_index"


class Index:
    """Tell the keys of records by content, and by post. Raises RecordError for a file that cannot be read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def with_content(self, account: str, content: Content) -> list[str]:
        """Return the keys of an account's records that have a content, in the order in which they were opened."""
        return self._entered(_content_key(account, content))

    def enter(self, account: str, content: Content, key: str) -> None:
        """Note that a record has a content; the caller holds its lock."""
        where = _content_key(account, content)
        keys = self._entered(where)
        if key not in keys:
            self._store.put(where, msgspec.json.encode([*keys, key]))

    def content_lock(self, account: str, content: Content) -> AbstractContextManager[None]:
        """Hold a content."""
        return self._store.lock(_content_key(account, content))

    def claim_post(self, account: str, post_id: str, key: str) -> bool:
        """Write down that a post on X is the one of record `key`; return False when it is another's."""
        where = _post_key(account, post_id)
        with self._store.lock(where):
            owners = self._entered(where)
            if not owners:
                self._store.put(where, msgspec.json.encode([key]))
                return True
            return owners == [key]

    def owner_of(self, account: str, post_id: str) -> str | None:
        """Return the key of the record whose post this is, None when it is nobody's."""
        return next(iter(self._entered(_post_key(account, post_id))), None)

    def _entered(self, where: str) -> list[str]:
        try:
            return msgspec.json.decode(self._store.read(where), type=list[str])
        except FileNotFoundError:
            return []
        except (ValueError, RecursionError) as error:
            raise RecordError(
                f"{self._store.url(where)}, which tells whose post this is, is damaged ({error}). Nothing was sent. "
                "Look at the account on X, then put the file back or remove it."
            ) from None


def _content_key(account: str, content: Content) -> str:
    return f"{INDEX}/{safe_segment(account)}/contents/{content.fingerprint}.json"


def _post_key(account: str, post_id: str) -> str:
    return f"{INDEX}/{safe_segment(account)}/posts/{safe_segment(post_id)}.json"
