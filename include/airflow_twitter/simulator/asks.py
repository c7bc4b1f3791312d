"""Read the parameters of a search or counts request, and refuse what X refuses.

https://docs.x.com/x-api/posts/search-recent-posts and https://docs.x.com/x-api/posts/search-all-posts
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow_twitter.simulator import problems, vocabulary
from airflow_twitter.simulator.queries import Node, QueryError, parse_query
from airflow_twitter.simulator.render import View
from airflow_twitter.simulator.snowflake import FIRST_POST_MS, id_at, iso, ms_of
from airflow_twitter.simulator.tokens import Position, TokenError, fingerprint, read_token
from airflow_twitter.simulator.world import DAY_MS

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_ID = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True)
class Endpoint:
    """What an endpoint allows; `reach_ms` is None for the full archive."""

    name: str
    max_results: int
    query_length: int
    reach_ms: int | None
    default_span_ms: int


# Both counts endpoints take what the searches take.
ENDPOINTS: Mapping[str, Endpoint] = {
    "search_recent": Endpoint("search_recent", 100, 512, 7 * DAY_MS, 7 * DAY_MS),
    "counts_recent": Endpoint("counts_recent", 100, 512, 7 * DAY_MS, 7 * DAY_MS),
    "search_all": Endpoint("search_all", 500, 1024, None, 30 * DAY_MS),
    "counts_all": Endpoint("counts_all", 500, 1024, None, 30 * DAY_MS),
}


class BadRequest(Exception):
    """A request that is answered with 400; `body` is X's."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(str(body))
        self.body = body


@dataclass(frozen=True)
class Ask:
    """A request that is in order."""

    query: Node
    position: Position
    token: str | None
    bound_to: bytes
    max_results: int
    granularity: str
    view: View


class Checks:
    """Collect what is wrong with the parameters; X names all of it in one answer."""

    def __init__(self, endpoint: Endpoint | None, params: Mapping[str, str], now_ms: int) -> None:
        self.endpoint = endpoint or ENDPOINTS["search_all"]
        self.params = params
        self.now_ms = now_ms
        self.errors: list[dict[str, Any]] = []

    def raise_errors(self) -> None:
        """Raise BadRequest when anything was wrong."""
        if self.errors:
            raise BadRequest(problems.invalid_request(self.errors))

    def refuse(self, name: str, message: str) -> None:
        self.errors.append(problems.parameter_error(name, self.params.get(name, ""), message))

    def names(self, known: tuple[str, ...]) -> None:
        """Check that every parameter exists."""
        for name in self.params:
            if name not in known:
                self.refuse(name, f"The query parameter [{name}] is not one of [{','.join(known)}]")

    def listed(self, name: str, known: tuple[str, ...]) -> frozenset[str]:
        """Read a comma-separated list of known names."""
        if name not in self.params:
            return frozenset()
        values = self.params[name].split(",")
        for value in values:
            if value not in known:
                self.refuse(
                    name, f"The `{name}` query parameter value [{value}] is not one of [{','.join(known)}]"
                )
        return frozenset(values)

    def number(self, name: str, low: int, high: int, default: int) -> int:
        """Read a whole number within limits."""
        text = self.params.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"-?\d{1,9}", text) or not low <= int(text) <= high:
            self.refuse(name, f"The `{name}` query parameter value [{text}] is not between {low} and {high}")
            return default
        return int(text)

    def query(self) -> Node:
        """Read the query."""
        try:
            return parse_query(self.params.get("query", ""), self.endpoint.query_length)
        except QueryError as error:
            self.refuse("query", str(error))
            return Node("or")

    def time(self, name: str) -> int | None:
        """Read a time in milliseconds that lies in the endpoint's reach and 10 s or more in the past."""
        text = self.params.get(name)
        if text is None:
            return None
        ms = parse_ms(text)
        if ms is None:
            self.refuse(name, f"The `{name}` query parameter value [{text}] is not a valid RFC3339 date-time")
            return None
        said = f"Invalid '{name}':'{text}'. '{name}' must be"
        if ms > self.now_ms - 10_000:
            self.refuse(name, f"{said} a minimum of 10 seconds prior to the request time.")
        elif ms < self.oldest_ms:
            self.refuse(
                name, f"{said} on or after {iso(self.oldest_ms)[:16]}Z. Please use a '{name}' that is later"
            )
        return ms

    def id(self, name: str) -> int | None:
        """Read an id that the endpoint can reach."""
        text = self.params.get(name)
        if text is None:
            return None
        if not _ID.fullmatch(text):
            self.refuse(name, f"The `{name}` query parameter value [{text}] does not match ^[0-9]{{1,19}}$")
            return None
        oldest = id_at(self.oldest_ms)
        if self.endpoint.reach_ms is not None and int(text) < oldest:
            self.refuse(
                name,
                f"'{name}' must be a tweet id created after {iso(self.oldest_ms)[:16]}Z. "
                f"Please use a '{name}' that is larger than {oldest}",
            )
        return int(text)

    @property
    def oldest_ms(self) -> int:
        reach = self.endpoint.reach_ms
        return FIRST_POST_MS if reach is None else self.now_ms - reach

    def window(self) -> Position:
        """Read the window, as ids from low up to high."""
        start, end = self.time("start_time"), self.time("end_time")
        since, until = self.id("since_id"), self.id("until_id")
        if start is not None and end is not None and start >= end:
            self.refuse("start_time", "'start_time' must be earlier than 'end_time'")
        if (start is not None and since is not None) or (end is not None and until is not None):
            message = (
                "Invalid use of 'since_id' or 'until_id' in conjunction with 'start_time' or 'end_time'."
            )
            self.refuse("since_id" if since is not None else "until_id", message)
        high = until if until is not None else id_at(self.now_ms - 30_000 if end is None else end)
        high = min(high, id_at(self.now_ms))
        if since is not None:
            return Position(since + 1, high)
        first = max(self.oldest_ms, ms_of(high) - self.endpoint.default_span_ms)
        return Position(id_at(first if start is None else start), high)

    def token(self) -> str | None:
        """Read the pagination token under either of its names."""
        if "next_token" in self.params and "pagination_token" in self.params:
            self.refuse("next_token", "At most one of `pagination_token`, `next_token` may be provided.")
        return self.params.get("next_token", self.params.get("pagination_token"))


def read_ask(endpoint_name: str, params: Mapping[str, str], now_ms: int) -> Ask:
    """Return the checked request; raise BadRequest with all that is wrong with it."""
    endpoint = ENDPOINTS[endpoint_name]
    checks = Checks(endpoint, params, now_ms)
    spoken = vocabulary.vocabulary_of(params)
    names = vocabulary.names_of(spoken)
    is_counts = endpoint_name.startswith("counts")
    checks.names(vocabulary.COUNTS if is_counts else (*vocabulary.SEARCH, *names))
    query = checks.query()
    max_results = checks.number("max_results", 10, endpoint.max_results, 10)
    position = checks.window()
    token = checks.token()
    lists = {name: checks.listed(name, known) for name, known in names.items()}
    checks.listed("search_count.fields", vocabulary.COUNT_FIELDS)
    checks.listed("granularity", ("minute", "hour", "day"))
    checks.listed("sort_order", ("recency", "relevancy"))
    checks.raise_errors()
    bound_to = fingerprint(endpoint_name, params)
    if token is not None:
        position = _position(token, bound_to, params)
    view = View(
        spoken, lists[f"{spoken}.fields"], lists["user.fields"], lists["media.fields"], lists["expansions"]
    )
    return Ask(query, position, token, bound_to, max_results, params.get("granularity", "hour"), view)


def _position(token: str, bound_to: bytes, params: Mapping[str, str]) -> Position:
    try:
        return read_token(token, bound_to)
    except TokenError:
        raise BadRequest(problems.rejected_token(token_name(params), token)) from None


def token_name(params: Mapping[str, str]) -> str:
    """Return the name under which a request sent its token."""
    return "pagination_token" if "pagination_token" in params else "next_token"


def parse_ms(text: str) -> int | None:
    """Return the milliseconds of an RFC 3339 time in UTC that ends in Z, or None."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return int(datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None


def moment_ms(value: datetime | str | None, default: int) -> int:
    """Return the milliseconds of an aware time, or of a text in X's form; raise ValueError."""
    if value is None:
        return default
    if isinstance(value, str):
        ms = parse_ms(value)
        if ms is None:
            raise ValueError(f"Not a UTC time that ends in Z: {value!r}")
        return ms
    if value.tzinfo is None:
        raise ValueError("A naive datetime names no moment.")
    return round(value.timestamp() * 1000)
