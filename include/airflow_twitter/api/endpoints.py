"""The search endpoints of X as data."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_twitter.api.errors import ConfigError

USAGE_PATH = "/2/usage/tweets"
USAGE_FIELDS = "cap_reset_day,daily_project_usage,project_cap,project_id,project_usage"

END_TIME_LAG_S = 10.0
"""`end_time` must lie at least this far in the past (docs.x.com/x-api/posts/search/integrate/overview)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Describe one of X's two searches.

    `reach_s` is how far back it looks (None: since 2006), `limit` the requests per app in a window of
    `window_s`, `min_interval_s` the time that must lie between two requests. Lengths are in characters.
    An enterprise account, whose queries may have 4096 characters, uses
    `dataclasses.replace(RECENT, query_max_length=4096)`.

    Sources: docs.x.com/x-api/posts/search/introduction (reach, results),
    docs.x.com/x-api/posts/search/integrate/build-a-query (query length),
    docs.x.com/x-api/fundamentals/rate-limits (limits).
    """

    name: str
    path: str
    counts_path: str
    reach_s: float | None
    max_results: int
    query_max_length: int
    limit: int
    min_interval_s: float
    min_results: int = 10
    window_s: float = 900.0


RECENT = Endpoint(
    name="recent",
    path="/2/tweets/search/recent",
    counts_path="/2/tweets/counts/recent",
    reach_s=7 * 86400.0,
    max_results=100,
    query_max_length=512,
    limit=450,
    min_interval_s=0.0,
)
ALL = Endpoint(
    name="all",
    path="/2/tweets/search/all",
    counts_path="/2/tweets/counts/all",
    reach_s=None,
    max_results=500,
    query_max_length=1024,
    limit=300,
    min_interval_s=1.0,
)
ENDPOINTS = {endpoint.name: endpoint for endpoint in (RECENT, ALL)}


def find_endpoint(name: str) -> Endpoint:
    """Return the endpoint called `name` ("recent" or "all"), or raise ConfigError."""
    try:
        return ENDPOINTS[name]
    except KeyError:
        known = " and ".join(f'"{known}"' for known in ENDPOINTS)
        raise ConfigError(f"There is no search endpoint {name!r}. Choose between {known}.") from None
