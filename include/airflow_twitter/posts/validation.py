"""Committed pages to good posts and quarantine, post by post: a bad post never takes a good one with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec

from airflow_twitter.posts.bounds import LINE_MAX, MIB
from airflow_twitter.posts.lines import Post, id_month, media_number, post_day
from airflow_twitter.posts.splitting import PageError, split_includes, split_page
from airflow_twitter.times import utc_text

__all__ = ["BadPost", "PageError", "Post", "ValidatedPage", "validate_page"]

MAX_ID_DIGITS = 19
OURS = ("_fetched_at", "_run_id", "_page")


@dataclass(frozen=True)
class BadPost:
    """A post, or an included object, that was refused.

    `index` counts from 0 within its page, `reason` is a sentence, `raw` X's bytes. `kind` is "posts",
    "users", "media" or "included_posts", or "includes" when none of those could be told apart.
    """

    page: int
    index: int
    id: str | None
    reason: str
    raw: bytes
    kind: str = "posts"


@dataclass(frozen=True)
class ValidatedPage:
    """What became of one page.

    `errors` are X's partial errors as they came. `includes` has the keys "users", "media" and "posts", with
    lines and months like posts; what was refused of them is in `bad_includes`.
    """

    good: list[Post]
    bad: list[BadPost]
    errors: list[dict[str, Any]]
    includes: dict[str, list[Post]]
    bad_includes: list[BadPost] = field(default_factory=list)


class _Object(msgspec.Struct, gc=False, kw_only=True):
    """Notice names that are ours; X has sent none so far."""

    fetched_at: Any = msgspec.field(name="_fetched_at", default=msgspec.UNSET)
    run_id: Any = msgspec.field(name="_run_id", default=msgspec.UNSET)
    page: Any = msgspec.field(name="_page", default=msgspec.UNSET)

    @property
    def clashes(self) -> bool:
        return not (self.fetched_at is self.run_id is self.page is msgspec.UNSET)


class _Core(_Object, gc=False, kw_only=True):
    """The least that a post must have; the specification requires no field, so it is id and text.

    docs.x.com/x-api/posts/search-recent-posts
    """

    id: str
    text: str
    created_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _User(_Object, gc=False, kw_only=True):
    id: str


class _Media(_Object, gc=False, kw_only=True):
    media_key: str


_post_decoder = msgspec.json.Decoder(_Core)
_user_decoder = msgspec.json.Decoder(_User)
_media_decoder = msgspec.json.Decoder(_Media)
_members_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_errors_decoder = msgspec.json.Decoder(list[dict[str, Any]])

Reader = Callable[[msgspec.Raw], tuple[int, str, bool]]
"""Reads from an object's bytes its number, its day or month, and whether it has names that are ours."""


def validate_page(body: bytes, *, fetched_at: datetime | str, run_id: str, page: int) -> ValidatedPage:
    """Split the bytes of a search answer into good posts, as lines to store, and bad ones with reasons.

    Each line is X's JSON and `_fetched_at` (UTC), `_run_id` and `_page`. Reads both vocabularies of X. Raises
    PageError when `body` is no page at all, ValueError when `fetched_at` is naive or no time.
    """
    moment = datetime.fromisoformat(fetched_at) if isinstance(fetched_at, str) else fetched_at
    parts = split_page(body)
    checker = _Checker(body, _suffix(utc_text(moment), run_id, page), page)
    good, bad = checker.check(parts.data or [], _read_post, "posts")
    includes, bad_includes = _check_includes(checker, parts.includes)
    return ValidatedPage(good, bad, _read_errors(parts.errors), includes, bad_includes)


class _Checker:
    """Check the objects of one page and make lines of them."""

    def __init__(self, body: bytes, suffix: bytes, page: int) -> None:
        self.suffix = suffix
        self.page = page
        # One look at the whole page spares a look at every post. msgspec skips strings without decoding them, so
        # that what it accepts may still not be UTF-8, and it leaves line breaks between the tokens as they are.
        self.plain = _is_utf8(body) and b"\n" not in body and b"\r" not in body
        self.room = LINE_MAX - len(suffix)
        self.all_fit = len(body) <= self.room

    def check(self, raws: list[msgspec.Raw], read: Reader, kind: str) -> tuple[list[Post], list[BadPost]]:
        """Return the good objects as posts and the bad ones with their reasons."""
        good: list[Post] = []
        bad: list[BadPost] = []
        for index, raw in enumerate(raws):
            try:
                number, day, clashes = read(raw)
                good.append(Post(number, day, self._line(raw, clashes)))
            except (ValueError, OverflowError, RecursionError) as error:
                refused = bytes(raw)
                bad.append(
                    BadPost(self.page, index, _guess_id(refused), _reason(error, refused), refused, kind)
                )
        return good, bad

    def _line(self, raw: msgspec.Raw, clashes: bool) -> bytes:
        if not self.all_fit and memoryview(raw).nbytes > self.room:
            raise ValueError(f"it has more than {LINE_MAX // MIB} MiB, which no line of a dataset may have")
        if self.plain and not clashes:
            return b"".join((memoryview(raw)[:-1], self.suffix))
        text = bytes(raw)
        text.decode()
        # A line break can only stand between tokens here: inside a string it would not be JSON.
        text = text.replace(b"\n", b" ").replace(b"\r", b" ")
        return (_without_ours(text) if clashes else text)[:-1] + self.suffix


def _check_includes(checker: _Checker, raw: msgspec.Raw) -> tuple[dict[str, list[Post]], list[BadPost]]:
    if bytes(raw) in (b"", b"null"):
        return {"users": [], "media": [], "posts": []}, []
    try:
        includes = split_includes(bytes(raw))
    except PageError as error:
        bad = BadPost(checker.page, 0, None, str(error), bytes(raw), "includes")
        return {"users": [], "media": [], "posts": []}, [bad]
    users, bad_users = checker.check(includes.users or [], _read_user, "users")
    media, bad_media = checker.check(includes.media or [], _read_media, "media")
    referenced = (includes.tweets or []) + (includes.posts or [])
    posts, bad_posts = checker.check(referenced, _read_included_post, "included_posts")
    return {"users": users, "media": media, "posts": posts}, bad_users + bad_media + bad_posts


def _read_post(raw: msgspec.Raw) -> tuple[int, str, bool]:
    post = _post_decoder.decode(raw)
    number = _number(post.id)
    return number, post_day(number, post.created_at), post.clashes


def _read_included_post(raw: msgspec.Raw) -> tuple[int, str, bool]:
    post = _post_decoder.decode(raw)
    number = _number(post.id)
    return number, id_month(number), post.clashes


def _read_user(raw: msgspec.Raw) -> tuple[int, str, bool]:
    user = _user_decoder.decode(raw)
    number = _number(user.id)
    return number, id_month(number), user.clashes


def _read_media(raw: msgspec.Raw) -> tuple[int, str, bool]:
    media = _media_decoder.decode(raw)
    number = media_number(media.media_key)
    return number, id_month(number), media.clashes


def _number(text: str) -> int:
    # Not a pattern with "$", which would let a line break at the end pass, and not int(), which takes " 1_0
    # ".
    if not (0 < len(text) <= MAX_ID_DIGITS and text.isascii() and text.isdecimal()) or text[0] == "0":
        raise ValueError(f"id {text[:40]!r} is not a decimal number of up to {MAX_ID_DIGITS} digits")
    return int(text)


def _without_ours(text: bytes) -> bytes:
    """Return an object without the names that are ours."""
    members = _members_decoder.decode(text)
    return msgspec.json.encode({name: value for name, value in members.items() if name not in OURS})


def _suffix(fetched_at: str, run_id: str, page: int) -> bytes:
    own = msgspec.json.encode(dict(zip(OURS, (fetched_at, run_id, page), strict=True)))
    return b"," + own[1:] + b"\n"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_errors(raw: msgspec.Raw) -> list[dict[str, Any]]:
    """Return X's partial errors; what is not of that form is kept as text, for it only informs."""
    if bytes(raw) in (b"", b"null"):
        return []
    try:
        return _errors_decoder.decode(raw)
    except (ValueError, RecursionError):
        return [{"title": "unreadable errors", "detail": bytes(raw).decode("utf-8", "replace")[:10_000]}]


def _reason(error: BaseException, raw: bytes) -> str:
    """Tell why an object was refused; what strict parsers say of the usual causes would mislead."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError):
        try:
            json.dumps(json.loads(raw), ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            return "it holds half of a surrogate pair, which no text can"
        except (ValueError, RecursionError):
            if b"NaN" in raw or b"Infinity" in raw:
                return f"it holds NaN or Infinity, or other errors: {error}"
    return str(error) or type(error).__name__


def _guess_id(raw: bytes) -> str | None:
    """Return the id of a bad post, as far as it can be told."""
    try:
        found = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    name = found.get("id", found.get("media_key")) if isinstance(found, dict) else None
    return str(name)[:100].encode("utf-8", "replace").decode() if isinstance(name, str | int) else None
