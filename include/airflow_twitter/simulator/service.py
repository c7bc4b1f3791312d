"""Answer requests as X does: who asks, is there room, is the request in order, and what is found."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from threading import Lock
from urllib.parse import parse_qs, quote, unquote_plus

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.answers import Answer, Request, json_answer, refusal, too_many_requests
from airflow_twitter.simulator.asks import Ask, BadRequest, parse_ms, read_ask, token_name
from airflow_twitter.simulator.book import Book, Entry
from airflow_twitter.simulator.counts import count_posts, report_usage
from airflow_twitter.simulator.limits import Limits
from airflow_twitter.simulator.lookup import look_up
from airflow_twitter.simulator.posts import Post
from airflow_twitter.simulator.queries import Node, parse_query
from airflow_twitter.simulator.rules import Rule, RuleBook
from airflow_twitter.simulator.search import find_page, write_page
from airflow_twitter.simulator.snowflake import id_at, iso
from airflow_twitter.simulator.vocabulary import vocabulary_of
from airflow_twitter.simulator.wording import spaced_words
from airflow_twitter.simulator.world import World

# Path -> (endpoint, method)
ROUTES: Mapping[str, tuple[str, str]] = {
    "/oauth2/token": ("token", "POST"),
    "/2/tweets/search/recent": ("search_recent", "GET"),
    "/2/tweets/search/all": ("search_all", "GET"),
    "/2/tweets/counts/recent": ("counts_recent", "GET"),
    "/2/tweets/counts/all": ("counts_all", "GET"),
    "/2/tweets": ("lookup", "GET"),
    "/2/usage/tweets": ("usage", "GET"),
}


class Service:
    """The simulated X, without its HTTP server. Safe to call from many threads."""

    def __init__(
        self,
        world: World,
        limits: Mapping[str, int],
        window_s: float,
        rules: Iterable[Rule],
        credentials: tuple[str, str],
        clock_skew_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.world = world
        self.credentials = credentials
        self.clock_skew_s = clock_skew_s
        self._clock = clock
        self.book = Book()
        self.rules = RuleBook(rules)
        self.limits = Limits(limits, window_s, self.now_s)
        self._lock = Lock()
        self._revoked = 0
        self._before: dict[bytes, list[Post]] = {}

    def now_s(self) -> float:
        """Return the server's time in Unix seconds."""
        return self._clock() + self.clock_skew_s

    @property
    def bearer_token(self) -> str:
        """The app's token: always the same one until it is revoked, URL-encoded as X gives it."""
        seal = hashlib.sha256(f"{self.credentials}{self._revoked}".encode()).digest()
        return "A" * 22 + quote(base64.b64encode(seal).decode(), safe="")

    def truth(
        self, query: str, since: datetime | str | None = None, until: datetime | str | None = None
    ) -> list[str]:
        """Return the ids of all posts that a topic or query finds, newest first.

        `since` is inclusive, by default the last seven days or the start of the oldest topic with a
        total; `until` is exclusive, by default now. Limits, faults and the book do not matter.
        """
        now_ms = int(self.now_s() * 1000)
        low = _ms(since, self.world.oldest_ms(now_ms))
        high = min(_ms(until, now_ms), now_ms)
        node = self.world_query(query)
        found = self.world.newest_first(id_at(low), id_at(high), node.matches, node.could_match)
        return [str(post.id) for post in found]

    def world_query(self, query: str) -> Node:
        """Return the tree of a query; the name of a topic means that phrase."""
        if query in self.world.topics:
            return Node("words", spaced_words(query))
        return parse_query(query, 4096)

    def withdraw(self, ids: Iterable[str], how: str = "deleted") -> None:
        """Let posts be deleted, protected, withheld or edited, or restored to what they were."""
        if how == "restored":
            self.world.withdrawn.restore(ids)
        else:
            self.world.withdrawn.add(ids, how)

    def reset(self) -> None:
        """Forget requests, windows and answers; rules stay and count from the beginning."""
        self.book.clear()
        self.limits.clear()
        self.rules.restart()
        with self._lock:
            self._before.clear()

    def answer(self, request: Request) -> tuple[Answer, Entry]:
        """Return the answer to a request and its entry in the book."""
        endpoint, method = ROUTES.get(request.path, (request.path, request.method))
        entry = self.book.open(iso(int(self.now_s() * 1000)), endpoint, self._noted(request))
        rules = self.rules.taken(endpoint)
        entry.fault = "+".join(rule.fault for rule in rules) or None
        answer = self._answer(endpoint, method, request, rules, entry)
        if answer.status >= 400 and vocabulary_of(request.params) == "post":
            answer.body = answer.body.replace(b"https://api.twitter.com/2/", b"https://api.x.com/2/")
        answer.wire = [rule for rule in rules if rule.stage == "wire"]
        if any(rule.fault == "no_limit_headers" for rule in rules):
            answer.headers = {name: value for name, value in answer.headers.items() if "limit" not in name}
        for rule in rules:
            if rule.fault == "truncated_json" and answer.status == 200:
                answer.body = answer.body[: int(len(answer.body) * float(rule["share"]))]
                entry.delivered = False
        entry.status = answer.status
        return answer, entry

    def _noted(self, request: Request) -> dict[str, str]:
        if request.path == "/oauth2/token":
            return {"grant_type": _form(request).get("grant_type", "")}
        return dict(request.params)

    def _answer(
        self, endpoint: str, method: str, request: Request, rules: list[Rule], entry: Entry
    ) -> Answer:
        if request.path not in ROUTES:
            return json_answer(404, problems.plain(404))
        if request.method != method:
            return json_answer(405, problems.plain(405), {"allow": method})
        if any(rule.fault == "reset_before" for rule in rules):
            return Answer(0, b"")
        if endpoint == "token":
            return refusal(rules, None, self.now_s(), ("", "")) or self._token(request)
        return self._app_answer(endpoint, request, rules, entry)

    def _app_answer(self, endpoint: str, request: Request, rules: list[Rule], entry: Entry) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.bearer_token}":
            return json_answer(401, problems.plain(401))
        if any(rule.fault == "token_revoked" for rule in rules):
            with self._lock:
                self._revoked += 1
        if any(rule.fault in ("token_revoked", "unauthorized") for rule in rules):
            return json_answer(401, problems.plain(401))
        standing = self.limits.take(endpoint)
        name = token_name(request.params)
        refused = refusal(rules, standing, self.now_s(), (name, request.params.get(name, "")))
        if refused is not None:
            return refused
        if not standing.allowed:
            return too_many_requests(standing)
        try:
            answer = self._found(endpoint, request.params, rules, entry)
        except BadRequest as error:
            answer = json_answer(400, error.body)
        answer.headers |= standing.headers()
        return answer

    def _found(self, endpoint: str, params: Mapping[str, str], rules: list[Rule], entry: Entry) -> Answer:
        now_ms = int(self.now_s() * 1000)
        if endpoint == "usage":
            return json_answer(200, report_usage(self.book.requests, params, now_ms))
        if endpoint == "lookup":
            found = look_up(self.world, params, now_ms)
            entry.ids, entry.users = found.ids, found.users
            return Answer(200, found.body)
        ask = read_ask(endpoint, params, now_ms)
        if endpoint.startswith("counts"):
            return json_answer(200, count_posts(self.world, ask))
        return self._search(ask, now_ms, rules, entry)

    def _search(self, ask: Ask, now_ms: int, rules: list[Rule], entry: Entry) -> Answer:
        page_rules = [rule for rule in rules if rule.stage == "page"]
        page = find_page(self.world, ask, now_ms, page_rules, self._before.get(ask.bound_to, ()))
        with self._lock:
            self._before[ask.bound_to] = page.posts
        written = write_page(page, ask, self.world)
        entry.ids, entry.users, entry.malformed = written.ids, written.users, written.malformed
        return Answer(200, written.body)

    def _token(self, request: Request) -> Answer:
        """Answer https://docs.x.com/fundamentals/authentication/oauth-2-0/application-only."""
        if _form(request).get("grant_type") != "client_credentials":
            missing = "Missing required parameter: grant_type"
            return json_answer(403, problems.legacy(170, missing, "forbidden_missing_parameter"))
        if _basic(request.headers.get("authorization", "")) != self.credentials:
            return json_answer(403, problems.bad_credentials())
        return json_answer(200, {"token_type": "bearer", "access_token": self.bearer_token})


def _form(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}


def _basic(header: str) -> tuple[str, str] | None:
    """Return key and secret of a Basic header, each of which was URL-encoded."""
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        key, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (unquote_plus(key), unquote_plus(secret)) if colon else None


def _ms(value: datetime | str | None, default: int) -> int:
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
