"""Keep refused posts and X's partial errors, with reasons, for people to look at."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import msgspec

from airflow_twitter.posts.slugs import safe_segment
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.validation import BadPost


def quarantine_key(slug: str, dag_id: str, run_id: str) -> str:
    """Return where the refused posts of a run lie."""
    return f"quarantine/{slug}/{safe_segment(dag_id)}/{safe_segment(run_id)}.jsonl"


def quarantine_line(bad: BadPost) -> bytes:
    """Return a refused post as a line of JSON: page, index, id, kind, reason, and X's bytes as `raw`.

    Bytes that are not UTF-8 stand in `raw_base64` in place of `raw`.
    """
    record: dict[str, Any] = {
        "page": bad.page,
        "index": bad.index,
        "id": bad.id,
        "kind": bad.kind,
        "reason": bad.reason,
    }
    try:
        record["raw"] = bad.raw.decode()
    except UnicodeDecodeError:
        record["raw_base64"] = base64.b64encode(bad.raw).decode()
    return msgspec.json.encode(record) + b"\n"


def error_line(page: int, error: dict[str, Any]) -> bytes:
    """Return one of X's partial errors as a line of JSON: page, kind "errors", and the error."""
    return msgspec.json.encode({"page": page, "kind": "errors", "error": error}) + b"\n"


def write_quarantine(store: Store, slug: str, dag_id: str, run_id: str, lines: Iterable[bytes]) -> str | None:
    """Replace what is in quarantine for a run; return the key, or None (no file) when there is nothing."""
    key = quarantine_key(slug, dag_id, run_id)
    waiting = list(lines)
    if not waiting:
        store.delete(key)
        return None
    store.put(key, waiting)
    return key
