"""Committed pages to good posts and quarantine, post by post: a bad post never takes a good one with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec

from airflow_twitter.posts.lines import Post, id_month, media_number, post_day, utc_text
from airflow_twitter.posts.splitting import PageError, split_includes, split_page

__all__ = ["BadPost", "PageError", "Post", "ValidatedPage", "validate_page"]

MAX_ID_DIGITS = 19


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


class _Core(msgspec.Struct, gc=False):
    """The least that a post must have; the specification requires no field, so it is id and text.

    docs.x.com/x-api/posts/search-recent-posts
    """

    id: str
    text: str
    created_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _Author(msgspec.Struct, gc=False):
    id: str


class _Media(msgspec.Struct, gc=False):
    media_key: str


_core_decoder = msgspec.json.Decoder(_Core)
_author_decoder = msgspec.json.Decoder(_Author)
_media_decoder = msgspec.json.Decoder(_Media)
_members_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_errors_decoder = msgspec.json.Decoder(list[dict[str, Any]])

Reader = Callable[[msgspec.Raw], tuple[int, str]]
"""Reads what identifies an object from its bytes: its sort number, and its day or month."""


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
        # One look at the whole page spares a look at every post. msgspec skips strings without decoding them,
        # so that what it accepts may still not be UTF-8, and it leaves line breaks between the tokens as they
        # are.
        self.plain = _is_utf8(body) and b"\n" not in body and b"\r" not in body and b'"_' not in body

    def check(self, raws: list[msgspec.Raw], read: Reader, kind: str) -> tuple[list[Post], list[BadPost]]:
        """Return the good objects as posts and the bad ones with their reasons."""
        good: list[Post] = []
        bad: list[BadPost] = []
        for index, raw in enumerate(raws):
            try:
                number, day = read(raw)
                text = bytes(raw) if self.plain else _tidy(bytes(raw))
                good.append(Post(number, day, text[:-1] + self.suffix))
            except (ValueError, OverflowError, RecursionError) as error:
                raw_bytes = bytes(raw)
                bad.append(
                    BadPost(
                        self.page, index, _guess_id(raw_bytes), _reason(error, raw_bytes), raw_bytes, kind
                    )
                )
        return good, bad


def _check_includes(checker: _Checker, raw: msgspec.Raw) -> tuple[dict[str, list[Post]], list[BadPost]]:
    if bytes(raw) in (b"", b"null"):
        return {"users": [], "media": [], "posts": []}, []
    try:
        includes = split_includes(bytes(raw))
    except PageError as error:
        bad = BadPost(checker.page, 0, None, str(error), bytes(raw), "includes")
        return {"users": [], "media": [], "posts": []}, [bad]
    users, bad_users = checker.check(includes.users or [], _read_author, "users")
    media, bad_media = checker.check(includes.media or [], _read_media, "media")
    referenced = (includes.tweets or []) + (includes.posts or [])
    posts, bad_posts = checker.check(referenced, _read_included_post, "included_posts")
    return {"users": users, "media": media, "posts": posts}, bad_users + bad_media + bad_posts


def _read_post(raw: msgspec.Raw) -> tuple[int, str]:
    core = _core_decoder.decode(raw)
    number = _number(core.id)
    return number, post_day(number, core.created_at)


def _read_included_post(raw: msgspec.Raw) -> tuple[int, str]:
    number = _number(_core_decoder.decode(raw).id)
    return number, id_month(number)


def _read_author(raw: msgspec.Raw) -> tuple[int, str]:
    number = _number(_author_decoder.decode(raw).id)
    return number, id_month(number)


def _read_media(raw: msgspec.Raw) -> tuple[int, str]:
    number = media_number(_media_decoder.decode(raw).media_key)
    return number, id_month(number)


def _number(text: str) -> int:
    # Not a pattern with "$", which would let a line break at the end pass, and not int(), which takes " 1_0
    # ".
    if not (0 < len(text) <= MAX_ID_DIGITS and text.isascii() and text.isdecimal()) or text[0] == "0":
        raise ValueError(f"id {text[:40]!r} is not a decimal number of up to {MAX_ID_DIGITS} digits")
    return int(text)


def _tidy(raw: bytes) -> bytes:
    """Return the object in one line of UTF-8, without names that begin with "_", which are ours.

    Raises UnicodeDecodeError when it is not UTF-8.
    """
    raw.decode()
    # A line break can only stand between tokens here: inside a string it would not be JSON.
    raw = raw.replace(b"\n", b" ").replace(b"\r", b" ")
    if b'"_' in raw:
        members = _members_decoder.decode(raw)
        if any(name.startswith("_") for name in members):
            kept = {name: value for name, value in members.items() if not name.startswith("_")}
            return msgspec.json.encode(kept)
    return raw


def _suffix(fetched_at: str, run_id: str, page: int) -> bytes:
    own = msgspec.json.encode({"_fetched_at": fetched_at, "_run_id": run_id, "_page": page})
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
