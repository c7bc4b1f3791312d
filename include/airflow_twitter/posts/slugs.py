"""Names that are safe as files, folders and DAG ids, made from any text."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_SLUG_LENGTH = 64
MAX_SEGMENT_BYTES = 150

_HASH_LENGTH = 8
_PLAIN = re.compile(rf"[a-z0-9_-]{{1,{MAX_SLUG_LENGTH}}}")
_HASHED = re.compile(rf".*-[0-9a-f]{{{_HASH_LENGTH}}}")
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:+=@")


def slugify(keyword: str) -> str:
    """Return a stable name of 1 to 64 characters [a-z0-9_-] for `keyword`, another for every other keyword.

    A keyword that is such a name already stays as it is. Where case, accents, punctuation, emoji or length
    are lost, 8 hexadecimal digits of the SHA-256 of the keyword (in NFC) follow, so that look-alikes stay
    apart. Plain keywords that end like such a hash get one too.
    """
    exact = unicodedata.normalize("NFC", keyword)
    if _PLAIN.fullmatch(exact) and not _HASHED.fullmatch(exact):
        return exact
    digest = hashlib.sha256(exact.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    ascii_only = unicodedata.normalize("NFKD", exact).encode("ascii", "ignore").decode().lower()
    readable = re.sub(r"[^a-z0-9_]+", "-", ascii_only)[: MAX_SLUG_LENGTH - _HASH_LENGTH - 1].strip("-")
    return f"{readable or 'keyword'}-{digest}"


def safe_segment(text: str) -> str:
    """Return `text` as the name of one folder: readable, and another one for every other text.

    Letters, digits and ``_-.:+=@`` stay, so that run ids can be read; all else, and a dot in front, becomes
    ``%XX`` as in a URL. A name over 150 bytes is cut and ends in ``%~`` and 16 digits of the text's SHA-256.
    """
    raw = text.encode("utf-8", "surrogatepass")
    name = "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > MAX_SEGMENT_BYTES:
        name = f"{name[: MAX_SEGMENT_BYTES - 18]}%~{hashlib.sha256(raw).hexdigest()[:16]}"
    return name or "%"
