"""Which names may lead to a file of the store."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

MAX_SEGMENT_BYTES = 200
_DAMAGED, _STAMP = ".damaged-", "%Y%m%dT%H%M%S.%fZ"


class WithMend(Exception):
    """An error that says what happened and why, and as `mend` what to do next."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.mend = mend

    def __str__(self) -> str:
        return " ".join(self.args)


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


def local_folder(root: str | Path) -> Path:
    """Return the real folder of a path or file:// URL; raises StoreError for another kind of URL, or no name."""
    text = str(root)
    if "://" in text:
        if not text.startswith("file://"):
            scheme = text.partition("://")[0]
            raise StoreError(
                f"Only a local folder can hold the data, not an address that begins with {scheme}://."
            )
        text = text.removeprefix("file://")
    if not text or "\0" in text:
        raise StoreError("The folder for the data has no usable name.")
    return Path(os.path.realpath(text))


def key_aside(key: str) -> str:
    """Return under which key a damaged file is set aside now."""
    return f"{key}{_DAMAGED}{datetime.now(UTC).strftime(_STAMP)}"


def set_aside_at(key: str) -> datetime | None:
    """Return when a file was set aside by the store, told by its key; None when it was not."""
    _, _, stamp = key.rpartition(_DAMAGED)
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
