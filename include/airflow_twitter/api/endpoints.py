"""The search endpoints of X as data."""

from __future__ import annotations

from dataclasses import dataclass

USAGE_PATH = "/2/usage/tweets"
USAGE_FIELDS = "cap_reset_day,daily_project_usage,project_cap,project_id,project_usage"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Describe one of X's two searches.

    `reach_s` is how far back it looks (None: since 2006), `min_interval_s` the time that must lie between two
    requests. Lengths are in characters.
    An enterprise account, whose queries may have 4096 characters, uses
    `dataclasses.replace(RECENT, query_max_length=4096)`.

    Sources: docs.x.com/x-api/posts/search/introduction (reach, results),
    docs.x.com/x-api/posts/search/integrate/build-a-query (query length).
    """

    name: str
    path: str
    counts_path: str
    reach_s: float | None
    max_results: int
    query_max_length: int
    min_interval_s: float


RECENT = Endpoint(
    name="recent",
    path="/2/tweets/search/recent",
    counts_path="/2/tweets/counts/recent",
    reach_s=7 * 86400.0,
    max_results=100,
    query_max_length=512,
    min_interval_s=0.0,
)
ALL = Endpoint(
    name="all",
    path="/2/tweets/search/all",
    counts_path="/2/tweets/counts/all",
    reach_s=None,
    max_results=500,
    query_max_length=1024,
    min_interval_s=1.0,
)
ENDPOINTS = {endpoint.name: endpoint for endpoint in (RECENT, ALL)}
