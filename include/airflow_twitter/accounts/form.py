"""What a post can say and how it is to be published, as data: one JSON schema a field.

The trigger form of ``twitter_publish``, a list of posts and a change of a waiting post are checked by the same
schemas, in the same words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

POST = "The post"
VIDEO = "The video"
WHEN = "When"
CARE = "Care"

FIELDS: dict[str, dict[str, Any]] = {
    "account": {
        "type": "string",
        "pattern": r"^[a-z0-9_]{1,40}\Z",
        "title": "Account",
        "description": "Which account of accounts.yaml posts.",
        "section": POST,
    },
    # Without a section, so that the form shows it unfolded: it is the one that must be filled in.
    "text": {
        "type": "string",
        "maxLength": 4000,
        "title": "Text",
        "description": "What the post says: at most 280 characters as X counts them. A link makes the post cost "
        "$0.20 in place of $0.015.",
        "format": "multiline",
    },
    "video": {
        "type": ["null", "string"],
        "default": None,
        "maxLength": 2000,
        "title": "Video",
        "description": "Where the video lies: a path in an allowed folder, or an https://, s3:// or gs:// address "
        "that accounts.yaml allows. Empty: a post without a video.",
        "section": VIDEO,
    },
    "captions": {
        "type": ["null", "string"],
        "default": None,
        "maxLength": 2000,
        "title": "Captions",
        "description": "Where a subtitle file (.srt) for the video lies, if there is one.",
        "section": VIDEO,
    },
    "captions_language": {
        "type": "string",
        "pattern": r"^[a-z]{2}\Z",
        "default": "en",
        "title": "Language of the captions",
        "description": "Two letters: en, de, ja.",
        "section": VIDEO,
    },
    "fit_video": {
        "type": "boolean",
        "default": False,
        "title": "Fit the video",
        "description": "Convert a video that breaks one of X's rules (H.264 and AAC in mp4). It is never cut short, "
        "and the original is kept.",
        "section": VIDEO,
    },
    "target_size_mb": {
        "type": ["null", "number"],
        "exclusiveMinimum": 0,
        "maximum": 512,
        "default": None,
        "title": "Size to convert to (MB)",
        "description": "With fit_video: make the file about so large, never below a watchable bitrate. Empty: as X "
        "recommends.",
        "section": VIDEO,
    },
    "made_with_ai": {
        "type": "boolean",
        "default": False,
        "title": "Made with AI",
        "description": "Tell X that the picture or video was made with AI.",
        "section": POST,
    },
    "paid_partnership": {
        "type": "boolean",
        "default": False,
        "title": "Paid partnership",
        "description": "Tell X that the post is paid advertising.",
        "section": POST,
    },
    "publish_at": {
        "type": ["null", "string"],
        "format": "date-time",
        "default": None,
        "title": "Publish at (UTC)",
        "description": "Not before this moment. Empty: as soon as the queue comes to it.",
        "section": WHEN,
    },
    "expires_at": {
        "type": ["null", "string"],
        "format": "date-time",
        "default": None,
        "title": "Expires at (UTC)",
        "description": "Not posted after this moment, whatever it was that it waited for. Empty: it may wait.",
        "section": WHEN,
    },
    "approval": {
        "type": "boolean",
        "default": False,
        "title": "Ask for approval",
        "description": "Somebody else has to look at the post before it goes out. An account may demand it always.",
        "section": CARE,
    },
    "dry_run": {
        "type": "boolean",
        "default": False,
        "title": "Dry run",
        "description": "Check everything, say what would be done and cost, and ask X nothing.",
        "section": CARE,
    },
    "allow_duplicate": {
        "type": "boolean",
        "default": False,
        "title": "Allow the same again",
        "description": "Post it even if this account has posted the same text and video before. X itself may refuse "
        "the same text.",
        "section": CARE,
    },
}
"""One field of a post: a JSON schema with title, description and section."""


class PostFormError(ValueError):
    """A field of a post is wrong; `field` names it."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@cache
def _validator() -> Draft202012Validator:
    schema = {"type": "object", "properties": FIELDS}
    return Draft202012Validator(schema, format_checker=FormatChecker())


def parse_post(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return all fields of a post with the defaults filled in; empty text stands for nothing where that is allowed.

    Raises :class:`PostFormError` for the first field that is wrong.
    """
    post, errors = post_errors(values)
    if errors:
        raise errors[0]
    return post


def post_errors(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[PostFormError]]:
    """Return all fields of a post as :func:`parse_post` does, and everything that is wrong with them."""
    asked = {name: _none_if_empty(name, value) for name, value in values.items()}
    if errors := [*_wrong_names(asked), *_wrong_values(asked)]:
        return {}, errors
    post: dict[str, Any] = {name: asked.get(name, field.get("default")) for name, field in FIELDS.items()}
    return post, [*_contradictions(post), *_wrong_times(post)]


def _contradictions(post: Mapping[str, Any]) -> Iterator[PostFormError]:
    """Return what no field is wrong in alone."""
    if post["target_size_mb"] is not None and not math.isfinite(post["target_size_mb"]):
        # A NaN is neither below a minimum nor above a maximum.
        yield PostFormError(f"{post['target_size_mb']} is not a number", "target_size_mb")
    if not post["text"].strip() and post["video"] is None:
        yield PostFormError("a post without a video needs a text", "text")
    if post["captions"] is not None and post["video"] is None:
        yield PostFormError("captions belong to a video, and there is none", "captions")
    if post["target_size_mb"] is not None and not post["fit_video"]:
        yield PostFormError("a size to convert to needs fit_video", "target_size_mb")


def _wrong_times(post: Mapping[str, Any]) -> Iterator[PostFormError]:
    moments: dict[str, datetime | None] = {}
    for name in ("publish_at", "expires_at"):
        try:
            moments[name] = moment(post, name)
        except PostFormError as error:
            yield error
    publish_at, expires_at = moments.get("publish_at"), moments.get("expires_at")
    if publish_at and expires_at and expires_at <= publish_at:
        yield PostFormError("it would expire before it may be published", "expires_at")


def moment(post: Mapping[str, Any], field: str) -> datetime | None:
    """Return a moment of a post as aware UTC; text without a zone is UTC. Raises :class:`PostFormError`."""
    text = post.get(field)
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):  # in some zones the first and the last day do not exist in UTC
        raise PostFormError(f"{text!r} is not a moment like 2026-11-22T18:00:00Z", field) from None


def _none_if_empty(name: str, value: Any) -> Any:
    is_empty = isinstance(value, str) and not value.strip()
    return None if is_empty and "null" in FIELDS.get(name, {}).get("type", ()) else value


def _wrong_names(asked: Mapping[str, Any]) -> Iterator[PostFormError]:
    for name, field in FIELDS.items():
        if "default" not in field and name not in asked:
            yield PostFormError("it is missing", name)
    for name in sorted(set(asked) - set(FIELDS)):
        yield PostFormError(f"unknown field; known are {', '.join(FIELDS)}", name)


def _wrong_values(asked: Mapping[str, Any]) -> Iterator[PostFormError]:
    for error in sorted(_validator().iter_errors(asked), key=lambda error: [*map(str, error.path)]):
        yield PostFormError(error.message, str(error.path[0]))
