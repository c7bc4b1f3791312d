"""Turn what a form, a keyword's entry or a DAG author asks for into one checked search request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pendulum

from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.api.query import build_query
from airflow_twitter.collecting.form import FormError, parse
from airflow_twitter.posts.coverage import fingerprint
from airflow_twitter.posts.slugs import slugify
from airflow_twitter.posts.windows import EndpointName, SearchRequest

_YEARS = range(2006, 9999)
"""X's first posts are of 2006; beyond the last year there is no arithmetic."""

_LONGEST_WAIT = timedelta(days=366)


def search_request(values: Mapping[str, Any], now: datetime) -> SearchRequest:
    """Check the fields of :data:`airflow_twitter.collecting.form.FIELDS` and return the request that they make.

    Raises :class:`~airflow_twitter.collecting.form.FormError` for a field, and
    :class:`~airflow_twitter.api.query.QueryError` for a query, that X would refuse.
    """
    asked = parse(values)
    name: EndpointName = asked["endpoint"]
    endpoint = ENDPOINTS[name]
    if asked["max_results"] > endpoint.max_results:
        raise FormError(
            f"{asked['max_results']} is more than the {endpoint.max_results} posts that a page of the endpoint "
            f"{name} can hold",
            "max_results",
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
    parsed = _parsed(text)
    if not isinstance(parsed, datetime) or parsed.year not in _YEARS:
        raise FormError(f"{text!r} is not a moment like 2026-11-22T18:00:00Z, from 2006 on", field)
    return parsed


def _deadline(asked: str | int | None, now: datetime) -> datetime:
    parsed = _parsed("PT24H" if asked is None else asked)
    if isinstance(parsed, datetime):
        return parsed
    if isinstance(parsed, timedelta) and parsed <= _LONGEST_WAIT:
        return now + parsed
    raise FormError(
        f"{asked!r} is neither a duration like PT6H of a year at most, nor a number of seconds, nor a moment like "
        "2026-11-22T18:00:00Z",
        "deadline",
    )


def _parsed(asked: str | int) -> datetime | timedelta | None:
    """Read an aware moment, or a duration; None when it is neither, or lies beyond the calendar."""
    try:
        if isinstance(asked, int):
            return timedelta(seconds=asked)
        parsed = pendulum.parse(asked, tz="UTC")
        if isinstance(parsed, pendulum.Duration) and not isinstance(parsed, pendulum.Interval):
            return parsed.as_timedelta()
        if isinstance(parsed, pendulum.DateTime):
            return datetime.fromtimestamp(parsed.timestamp(), UTC)
    except (ValueError, OverflowError):
        pass
    return None
