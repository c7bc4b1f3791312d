"""Which endpoint a request is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# Method, path, endpoint; a name in braces takes the place of one part of the path.
PATHS = (
    ("POST", "/oauth2/token", "token"),
    ("GET", "/2/tweets/search/recent", "search_recent"),
    ("GET", "/2/tweets/search/all", "search_all"),
    ("GET", "/2/tweets/counts/recent", "counts_recent"),
    ("GET", "/2/tweets/counts/all", "counts_all"),
    ("GET", "/2/tweets", "lookup"),
    ("GET", "/2/usage/tweets", "usage"),
    ("POST", "/2/media/upload/initialize", "initialize_media"),
    ("POST", "/2/media/upload/{id}/append", "append_media"),
    ("POST", "/2/media/upload/{id}/finalize", "finalize_media"),
    ("GET", "/2/media/upload", "media_status"),
    ("POST", "/2/media/upload", "upload_media"),
    ("POST", "/2/media/metadata", "media_metadata"),
    ("POST", "/2/media/subtitles", "add_captions"),
    ("POST", "/2/tweets", "create_post"),
    ("DELETE", "/2/tweets/{id}", "delete_post"),
    ("GET", "/2/users/{id}/tweets", "timeline"),
    ("GET", "/2/users/me", "me"),
    ("GET", "/2/users/by/username/{username}", "user_by_username"),
    ("POST", "/2/oauth2/token", "oauth2_token"),
    ("GET", "/i/oauth2/authorize", "authorize"),
    ("GET", "/2/oauth2/authorize", "authorize"),
)


@dataclass(frozen=True)
class Route:
    """An endpoint, and the parts of the path that name something."""

    endpoint: str
    names: Mapping[str, str] = field(default_factory=dict)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


_PATTERNS = tuple((method, _pattern(path), endpoint) for method, path, endpoint in PATHS)


def find_route(method: str, path: str) -> Route | None:
    """Return where a request goes; None when X has no such path, or not with this method."""
    for known, pattern, endpoint in _PATTERNS:
        match = pattern.fullmatch(path)
        if match and known == method:
            return Route(endpoint, match.groupdict())
    return None


def methods_of(path: str) -> list[str]:
    """Return the methods that a path takes; none when X has no such path."""
    return sorted({method for method, pattern, _ in _PATTERNS if pattern.fullmatch(path)})
