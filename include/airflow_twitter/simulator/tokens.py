"""Pagination tokens: where a walk stands, in letters that mean nothing to the client.

A token names its query and window, so it needs no memory and outlives the process. It is refused
for any other query.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_FORM = struct.Struct(">6sQQH")
_BOUND_TO = ("query", "start_time", "end_time", "since_id", "until_id", "granularity")


class TokenError(ValueError):
    """A token that is damaged or belongs to another query."""


@dataclass(frozen=True)
class Position:
    """What is left of a walk: ids from `low` up to `high`, exclusive.

    `turn` tells two tokens to the same place apart.
    """

    low: int
    high: int
    turn: int = 0


def fingerprint(endpoint: str, params: Mapping[str, str]) -> bytes:
    """Return what binds a token to its endpoint, query and window."""
    text = "\n".join([endpoint, *(f"{name}={params.get(name, '')}" for name in _BOUND_TO)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6]


def write_token(bound_to: bytes, position: Position) -> str:
    """Return the token for a position, in lower-case base32hex as X writes them."""
    packed = _FORM.pack(bound_to, position.low, position.high, position.turn & 0xFFFF)
    sealed = packed + hashlib.sha256(packed).digest()[:1]
    return base64.b32hexencode(sealed).decode().lower()


def read_token(token: str, bound_to: bytes) -> Position:
    """Return a token's position; raise TokenError when it is damaged or of another query."""
    try:
        sealed = base64.b32hexdecode(token.upper())
        owner, low, high, turn = _FORM.unpack(sealed[:-1])
    except (ValueError, struct.error) as error:
        raise TokenError(token) from error
    if owner != bound_to or hashlib.sha256(sealed[:-1]).digest()[:1] != sealed[-1:]:
        raise TokenError(token)
    return Position(low, high, turn)
