"""Which names may lead to a file of the store."""

from __future__ import annotations

MAX_SEGMENT_BYTES = 200


class StoreError(Exception):
    """Report a key, a path or an operation that the store refuses."""


def check_key(key: str) -> None:
    """Raise StoreError unless `key` is a relative POSIX path of plain, visible names."""
    for segment in key.split("/"):
        if not segment or segment.startswith(".") or "\\" in segment or "\0" in segment:
            raise StoreError(f"{key!r} is not a safe key: {segment!r} cannot be one of its parts.")
        if len(segment.encode("utf-8", "surrogatepass")) > MAX_SEGMENT_BYTES:
            raise StoreError(
                f"{key[:80]!r}... is not a safe key: a part is over {MAX_SEGMENT_BYTES} bytes long."
            )
