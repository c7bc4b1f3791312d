"""An HTTP request as the simulator sees it, and the forms that its body may have."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote_plus


@dataclass(frozen=True)
class Request:
    """An HTTP request; header names are in lower case, of repeated parameters the last counts.

    `query` is the query string as it came.
    """

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    query: str = ""


def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form, each once."""
    return {name: values[-1] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}


def read_json(request: Request) -> dict[str, Any] | None:
    """Return the JSON object of a body, an empty one when there is no body, None when it is something else."""
    if not request.body:
        return {}
    try:
        content = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def read_basic(header: str) -> tuple[str, str] | None:
    """Return key and secret of a Basic header, each of which was URL-encoded."""
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        key, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (unquote_plus(key), unquote_plus(secret)) if colon else None


def read_segment(request: Request) -> tuple[Any, bytes | None]:
    """Return (segment_index, media) of a segment, sent as multipart or as base64 in JSON; media None if missing."""
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        parts = read_multipart(request.body, content_type)
        return parts.get("segment_index", b"").decode("latin-1"), parts.get("media")
    content = read_json(request) or {}
    return content.get("segment_index"), _read_base64(content.get("media"))


def read_upload(request: Request) -> tuple[str, bytes | None]:
    """Return (media_category, media) of an upload in one request, in either form."""
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        parts = read_multipart(request.body, content_type)
        return parts.get("media_category", b"").decode("latin-1"), parts.get("media")
    content = read_json(request) or {}
    return str(content.get("media_category")), _read_base64(content.get("media"))


def read_multipart(body: bytes, content_type: str) -> dict[str, bytes]:
    """Return the parts of a multipart body by name."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if boundary is None:
        return {}
    parts: dict[str, bytes] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:]:
        head, blank, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        if blank and name:
            parts[name[1].decode("utf-8", "replace")] = content
    return parts


def _read_base64(text: Any) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if text else None
    except (TypeError, ValueError, binascii.Error):
        return None
