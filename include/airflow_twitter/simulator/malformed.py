"""Break one post, in the ways that trip readers up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from airflow_twitter.simulator.render import encode

Json = dict[str, Any]


def _with(**changes: Any) -> Callable[[Json], bytes]:
    return lambda post: encode({**post, **changes})


def _without(name: str) -> Callable[[Json], bytes]:
    return lambda post: encode({key: value for key, value in post.items() if key != name})


def _metric(value: Any) -> Callable[[Json], bytes]:
    return lambda post: encode(
        {**post, "public_metrics": {**post.get("public_metrics", {}), "like_count": value}}
    )


def _invalid_utf8(post: Json) -> bytes:
    return encode({**post, "source": "MARK"}).replace(b"MARK", b"\xff\xfe")


# The first group cannot be kept; the second is odd and good.
KINDS: Mapping[str, Callable[[Json], bytes]] = {
    "no_id": _without("id"),
    "no_text": _without("text"),
    "id_number": lambda post: encode({**post, "id": int(post["id"])}),
    "id_float": lambda post: encode({**post, "id": float(post["id"])}),
    "id_long": lambda post: encode({**post, "id": post["id"] + "000000"}),
    "id_newline": lambda post: encode({**post, "id": post["id"] + "\n"}),
    "id_empty": _with(id=""),
    "text_null": _with(text=None),
    "text_number": _with(text=42),
    "null": lambda post: b"null",
    "string": lambda post: encode(post["id"]),
    "lone_surrogate": lambda post: encode({**post, "text": "MARK"}).replace(
        b"MARK", b"half an emoji \\ud83d"
    ),
    "nan": _metric(float("nan")),
    "bad_date": _with(created_at="yesterday"),
    "naive_date": _with(created_at="2026-01-01T00:00:00"),
    "invalid_utf8": _invalid_utf8,
    # Odd and good
    "huge_metric": _metric(10**30),
    "underscore_key": _with(_fetched_at="not ours"),
    "unknown_field": _with(from_the_future={"a": [1, None, {"b": "c"}]}),
    "pretty": lambda post: json.dumps(post, ensure_ascii=False, indent=2).encode(),
    "escaped": lambda post: json.dumps(post, ensure_ascii=True).encode(),
}
