"""Turn what a form, a keyword's entry or a DAG author asks for into one checked search request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pendulum

from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.api.query import build_query
from airflow_twitter.form import FormError, parse
from airflow_twitter.posts.coverage import fingerprint
from airflow_twitter.posts.slugs import slugify
from airflow_twitter.posts.windows import EndpointName, SearchRequest


def search_request(values: Mapping[str, Any], now: datetime) -> SearchRequest:
    """Check the fields of :data:`airflow_twitter.form.FIELDS` and return the request that they make.

    Raises :class:`~airflow_twitter.form.FormError` for a field, and
    :class:`~airflow_twitter.api.query.QueryError` for a query, that X would refuse.
    """
    asked = parse(values)
    name: EndpointName = asked["endpoint"]
    endpoint = ENDPOINTS[name]
    if asked["max_results"] > endpoint.max_results:
        raise FormError(
            f"max_results: {asked['max_results']} is more than the {endpoint.max_results} posts that a page "
            f"of the endpoint {name} can hold."
        )
    query = build_query(asked["keyword"], asked["query"], asked["language"], endpoint)
    return SearchRequest(
        keyword=asked["keyword"],
        slug=slugify(asked["keyword"]),
        query=query,
        fingerprint=fingerprint(query, name),
        endpoint=name,
        reach_s=endpoint.reach_s,
        max_results=asked["max_results"],
        page_max=asked["page_max"],
        start_time=_moment("start_time", asked["start_time"]),
        end_time=_moment("end_time", asked["end_time"]),
        deadline=_deadline(asked["deadline"], now),
        settle_s=asked["settle_s"],
        overlap_s=asked["overlap_s"],
        vocabulary=asked["vocabulary"],
        expand=asked["expand"],
    )


def _moment(field: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        parsed = pendulum.parse(text, tz="UTC")
    except ValueError:
        parsed = None
    if not isinstance(parsed, pendulum.DateTime):
        raise FormError(f"{field}: {text!r} is not a moment like 2026-11-22T18:00:00Z.")
    return datetime.fromtimestamp(parsed.timestamp(), UTC)


def _deadline(asked: str | int | None, now: datetime) -> datetime:
    if asked is None:
        asked = "PT24H"
    if isinstance(asked, int):
        return now + timedelta(seconds=asked)
    try:
        parsed = pendulum.parse(asked, tz="UTC")
    except ValueError:
        parsed = None
    if isinstance(parsed, pendulum.Duration):
        return now + parsed.as_timedelta()
    if isinstance(parsed, pendulum.DateTime):
        return datetime.fromtimestamp(parsed.timestamp(), UTC)
    raise FormError(
        f"deadline: {asked!r} is neither a duration like PT6H, nor a number of seconds, nor a moment like "
        "2026-11-22T18:00:00Z."
    )
