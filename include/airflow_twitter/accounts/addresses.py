"""Where a browser finds what belongs to a post, below the address of Airflow's UI."""

from __future__ import annotations

from urllib.parse import quote

from airflow.sdk.configuration import conf


def video_url(account: str, key: str) -> str:
    """Return the address of a post's video, for whoever may read the account's DAG."""
    return f"{_post(account, key)}/video"


def frame_url(account: str, key: str) -> str:
    """Return the address of a picture of a post's video."""
    return f"{_post(account, key)}/frame"


def _post(account: str, key: str) -> str:
    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    return f"{base}/twitter/posts/{quote(account, safe='')}/{quote(key, safe='')}"
