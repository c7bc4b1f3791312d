"""The assets that Airflow shows and schedules on."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

RATE_LIMIT = Asset("twitter_rate_limit", group="twitter")
"""Its state holds what is known of X's request windows; tasks name it as an inlet."""

NEW_POSTS = AssetAlias("twitter_posts", group="twitter")
"""Stands for the dataset of whatever keyword is typed into the form."""


def posts_asset(slug: str) -> Asset:
    """Return the asset of a keyword's dataset; schedule a DAG on it to run on new posts."""
    return Asset(name=f"twitter_posts_{slug}", uri=f"x-posts://{slug}", group="twitter")


def published_asset(account: str) -> Asset:
    """Return the asset of what an account has published; schedule a DAG on it to run after each post."""
    return Asset(name=f"twitter_published_{account}", uri=f"x-published://{account}", group="twitter")
