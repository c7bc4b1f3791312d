"""What accounts have posted: kept as X keeps it, escaped and with its own links."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from airflow_twitter.simulator.accounts import Account
from airflow_twitter.simulator.posts import Post
from airflow_twitter.simulator.snowflake import id_at, iso
from airflow_twitter.simulator.wording import digits

DUPLICATE_S = 86_400.0
TEXT_MAX = 280
# X makes links of bare names of hosts as well; a few of their endings are enough here.
_URL = re.compile(
    r"https?://[^\s<>\"]+|(?<![\w@./-])(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|de|uk|eu)(?![\w-]|\.\w)(?:/[^\s<>\"]*)?",
    re.IGNORECASE | re.ASCII,
)
_CASHTAG = re.compile(r"(?<!\w)\$[A-Za-z]{1,6}\b")
_PLAIN = 1 << 40  # the luck of a post that refers to nothing


@dataclass(frozen=True)
class Published:
    """A post of an account; `raw` is its text as it was sent, `links` X's links in `text` with their targets."""

    id: int
    account: Account
    raw: str
    text: str
    at_s: float
    media: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    made_with_ai: bool = False
    paid_partnership: bool = False
    deleted_at_s: float | None = None
    by_hand: bool = False

    @property
    def media_keys(self) -> list[str]:
        """Return the keys of what is attached."""
        return [key for _, key in self.media]

    def post(self) -> Post:
        """Return it in the form that answers are rendered from."""
        changed: dict[str, Any] = {
            "author_id": self.account.id,
            "public_metrics": dict.fromkeys(Post(self.id, 0, 0, "", "", 0).fields["public_metrics"], 0),
            "paid_partnership": self.paid_partnership,
        }
        if self.links:
            entities = Post(self.id, 0, _PLAIN, "und", self.text, 0).fields["entities"]
            changed["entities"] = {**entities, "urls": _url_entities(self.text, dict(self.links))}
        if self.media:
            changed["attachments"] = {"media_keys": self.media_keys}
        return Post(self.id, 0, _PLAIN, "und", self.text, 0, changed)

    def to_json(self) -> dict[str, Any]:
        """Return what a test wants to know."""
        return {
            "id": str(self.id),
            "account": self.account.username,
            "text": self.raw,
            "created_at": iso(int(self.at_s * 1000)),
            "media_ids": [media_id for media_id, _ in self.media],
            "media_keys": self.media_keys,
            "made_with_ai": self.made_with_ai,
            "paid_partnership": self.paid_partnership,
            "deleted": self.deleted_at_s is not None,
            "by_hand": self.by_hand,
        }


class DuplicateError(Exception):
    """A text that this account posted lately."""


class Posts:
    """All posts of all accounts, in the order in which they were made."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._lock = Lock()
        self._posts: dict[int, Published] = {}

    @property
    def all(self) -> list[Published]:
        """All posts, deleted ones as well, the oldest first."""
        with self._lock:
            return list(self._posts.values())

    def clear(self) -> None:
        """Forget all posts."""
        with self._lock:
            self._posts.clear()

    def create(
        self,
        account: Account,
        raw: str,
        media: Sequence[tuple[str, str]] = (),
        *,
        made_with_ai: bool = False,
        paid_partnership: bool = False,
        by_hand: bool = False,
    ) -> Published:
        """Make a post; raise DuplicateError when the account has one of this text that is younger than a day."""
        now = self._now_s()
        with self._lock:
            if any(self._is_same(post, account, raw, now) for post in self._posts.values()):
                raise DuplicateError(raw)
            number = id_at(int(now * 1000), len(self._posts))
            while number in self._posts:
                number += 1
            text, links = _stored(raw, number, bool(media))
            made = Published(
                number,
                account,
                raw,
                text,
                now,
                tuple(media),
                links,
                made_with_ai,
                paid_partnership,
                by_hand=by_hand,
            )
            self._posts[number] = made
            return made

    def delete(self, account: Account, post_id: str) -> Published | None:
        """Delete a post of this account; return it, None when there is none."""
        with self._lock:
            found = self._posts.get(int(post_id)) if post_id.isdecimal() else None
            if found is None or found.deleted_at_s is not None:
                return None
            if found.account == account:
                fields = {**vars(found), "deleted_at_s": self._now_s()}
                self._posts[found.id] = Published(**fields)
            return found

    def of(self, account_id: str, low: int, high: int) -> list[Published]:
        """Return an account's posts with low <= id < high, the newest first, without deleted ones."""
        found = [
            post
            for post in self.all
            if post.account.id == account_id and low <= post.id < high and post.deleted_at_s is None
        ]
        return sorted(found, key=lambda post: post.id, reverse=True)

    @staticmethod
    def _is_same(post: Published, account: Account, raw: str, now: float) -> bool:
        lately = post.deleted_at_s is None and now - post.at_s < DUPLICATE_S
        return lately and bool(raw) and post.account == account and post.raw.strip() == raw.strip()


def why_refused(text: str) -> str | None:
    """Return why X would not take a text however it counts, None when it may take it.

    X weighs characters (docs.x.com/fundamentals/counting-characters); here each counts once, a link 23, so that
    nothing is refused that X takes.
    """
    plain = _URL.sub("x" * 23, unicodedata.normalize("NFC", text.strip()))
    joined = sum(unicodedata.category(char) in ("Mn", "Me", "Cf", "Sk") for char in plain)
    if len(plain) - joined > TEXT_MAX:
        return "Your Tweet text is too long."
    if len(_CASHTAG.findall(text)) > 1:
        return "Your Tweet has too many cashtags."
    return None


def has_url(text: str) -> bool:
    """Tell whether a text holds a link, which makes its post dearer."""
    return _URL.search(text) is not None


def _stored(raw: str, number: int, with_media: bool) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a text with X's links in place of its own, and the links; one more is added for media."""
    links = {_link(number, target): _address(target) for target in _URL.findall(raw)}
    text = _URL.sub(lambda match: _link(number, match[0]), raw.strip())
    if with_media:
        attached = _link(number, "media")
        links[attached] = f"https://x.com/i/status/{number}/video/1"
        text = f"{text} {attached}".strip()
    return text, tuple(links.items())


def _address(link: str) -> str:
    """Return where a link leads that may name a host alone."""
    return link if "://" in link else f"http://{link}"


def _link(number: int, target: str) -> str:
    return f"https://t.co/Sim{digits(number, target) % 10**7:07d}"


def _url_entities(text: str, links: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "start": match.start(),
            "end": match.end(),
            "url": match[0],
            "expanded_url": links[match[0]],
            "display_url": links[match[0]].partition("://")[2],
        }
        for match in _URL.finditer(text)
        if match[0] in links
    ]
