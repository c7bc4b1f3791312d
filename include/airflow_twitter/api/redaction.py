"""Take our secrets out of what a server says, in case it repeats what it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

_REDACTED_MIN_LENGTH = 8
"""Shorter ones would also be found in words that have nothing to do with them."""


def redact(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return `body` with each secret replaced: as it is, URL-encoded once or twice, and all of these within JSON."""
    for secret in secrets:
        if len(secret) >= _REDACTED_MIN_LENGTH:
            for form in sorted(_forms(secret), key=len, reverse=True):
                body = body.replace(form.encode(), b"***")
    return body


def _forms(secret: str) -> set[str]:
    once = quote(secret, safe="")
    plain = {secret, once, quote(secret), quote(once, safe="")}
    return plain | {json.dumps(text, ensure_ascii=ascii)[1:-1] for text in plain for ascii in (False, True)}
