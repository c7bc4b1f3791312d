"""Answer requests as X does: who asks, is there room, is the request in order, and what is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.accounts import Account, Accounts
from airflow_twitter.simulator.answers import Answer, json_answer, refusal, too_many_requests
from airflow_twitter.simulator.asked import Asked
from airflow_twitter.simulator.asks import Ask, BadRequest, moment_ms, read_ask, token_name
from airflow_twitter.simulator.authorizing import answer_authorize, answer_token
from airflow_twitter.simulator.book import Book, Entry
from airflow_twitter.simulator.counts import count_posts, report_usage
from airflow_twitter.simulator.identity import Identity
from airflow_twitter.simulator.limits import Limits
from airflow_twitter.simulator.lookup import look_up
from airflow_twitter.simulator.posts import Post
from airflow_twitter.simulator.publishing import APP_TOO, Publishing
from airflow_twitter.simulator.queries import Node, parse_query
from airflow_twitter.simulator.request import Request, read_form
from airflow_twitter.simulator.routes import Route, find_route, methods_of
from airflow_twitter.simulator.rules import Rule, RuleBook
from airflow_twitter.simulator.search import find_page, write_page
from airflow_twitter.simulator.snowflake import id_at, iso
from airflow_twitter.simulator.tokens import write_token
from airflow_twitter.simulator.vocabulary import vocabulary_of
from airflow_twitter.simulator.wording import spaced_words
from airflow_twitter.simulator.world import World


@dataclass(frozen=True)
class Call:
    """A request that has begun: where it goes, its entry in the book, and the rules that take it."""

    route: Route
    entry: Entry
    rules: list[Rule]


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
        *,
        accounts: Accounts,
        daily_limits: Mapping[str, Mapping[str, int]] | None = None,
        processing_s: float = 2.0,
    ) -> None:
        self.world = world
        self.clock_skew_s = clock_skew_s
        self._clock = clock
        self.book = Book()
        self.rules = RuleBook(rules)
        self.limits = Limits(limits, window_s, self.now_s, daily_limits)
        self.accounts = accounts
        self.identity = Identity(credentials, accounts)
        self.publishing = Publishing(accounts, self.now_s, processing_s)
        self._lock = Lock()
        self._before: dict[bytes, list[Post]] = {}

    def now_s(self) -> float:
        """Return the server's time in Unix seconds."""
        return self._clock() + self.clock_skew_s

    def truth(
        self, query: str, since: datetime | str | None = None, until: datetime | str | None = None
    ) -> list[str]:
        """Return the ids of all posts that a topic or query finds, newest first.

        `since` is inclusive, by default the last seven days or the start of the oldest topic with a
        total; `until` is exclusive, by default now. Limits, faults and the book do not matter.
        """
        now_ms = int(self.now_s() * 1000)
        low = moment_ms(since, self.world.oldest_ms(now_ms))
        high = min(moment_ms(until, now_ms), now_ms)
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
        """Forget requests, windows, answers, posts and media; rules stay and count from the beginning."""
        self.book.clear()
        self.publishing.clear()
        self.limits.clear()
        self.rules.restart()
        with self._lock:
            self._before.clear()

    def published(self) -> dict[str, object]:
        """Return what accounts have posted and uploaded, and what came to each endpoint."""
        return {
            **self.publishing.to_json(),
            "requests": self.book.counts,
            "received_bytes": self.book.received,
            "dollars": self.book.dollars,
        }

    def begin(self, request: Request) -> Call:
        """Note a request whose body need not have come yet, and find the rules that take it."""
        route = find_route(request.method, request.path) or Route(request.path)
        entry = self.book.open(iso(int(self.now_s() * 1000)), route.endpoint, dict(request.params))
        rules = [rule for rule in self.rules.taken(route.endpoint) if not rule.spares(request.params)]
        entry.fault = "+".join(rule.fault for rule in rules) or None
        return Call(route, entry, rules)

    def answer(self, call: Call, request: Request) -> Answer:
        """Return the answer to a request that has come whole."""
        rules, entry = call.rules, call.entry
        entry.received = len(request.body)
        if call.route.endpoint in ("token", "oauth2_token"):
            entry.params = {"grant_type": read_form(request).get("grant_type", "")}
        answer = self._answer(call, request)
        if answer.status >= 400 and vocabulary_of(request.params) == "post":
            answer.body = answer.body.replace(b"https://api.twitter.com/2/", b"https://api.x.com/2/")
        answer.wire = [rule for rule in rules if rule.stage == "wire"]
        if any(rule.fault == "no_limit_headers" for rule in rules):
            answer.headers = {name: value for name, value in answer.headers.items() if "limit" not in name}
        for rule in rules:
            if rule.fault == "truncated_json" and answer.status in (200, 201):
                answer.body = answer.body[: int(len(answer.body) * float(rule["share"]))]
                entry.delivered = False
        entry.status = answer.status
        return answer

    def _answer(self, call: Call, request: Request) -> Answer:
        if find_route(request.method, request.path) is None:
            methods = methods_of(request.path)
            if not methods:
                return json_answer(404, problems.plain(404))
            return json_answer(405, problems.plain(405), {"allow": ", ".join(methods)})
        if any(rule.fault in ("reset_before", "reset_in_body") for rule in call.rules):
            return Answer(0, b"")
        if call.route.endpoint == "authorize":
            return answer_authorize(self.accounts, request)
        if call.route.endpoint in ("token", "oauth2_token"):
            return refusal(call.rules, None, self.now_s(), ("", "")) or self._tokens(call, request)
        if self.publishing.handles(call.route.endpoint):
            return self._account_answer(call, request)
        return self._app_answer(call, request)

    def _tokens(self, call: Call, request: Request) -> Answer:
        if call.route.endpoint == "token":
            return self.identity.answer_token(request)
        return answer_token(self.accounts, request)

    def _app_answer(self, call: Call, request: Request) -> Answer:
        if not self.identity.is_app(request):
            return json_answer(401, problems.plain(401))
        return self._within_limits(call, request, None, lambda: self._found(call, request.params))

    def _account_answer(self, call: Call, request: Request) -> Answer:
        endpoint = call.route.endpoint
        account = self.identity.account(request)
        if account is None:
            if not self.identity.is_app(request):
                return json_answer(401, problems.plain(401))
            if endpoint not in APP_TOO:
                return json_answer(403, problems.unsupported_authentication())
        else:
            call.entry.account = account.username
        ask = Asked(account, request, call.route.names, call.rules, call.entry)
        return self._within_limits(call, request, account, lambda: self.publishing.answer(endpoint, ask))

    def _within_limits(
        self, call: Call, request: Request, account: Account | None, answer: Callable[[], Answer]
    ) -> Answer:
        """Answer unless a rule or a limit is in the way."""
        if any(rule.fault == "token_revoked" for rule in call.rules):
            self.identity.revoke(account)
        if any(rule.fault in ("token_revoked", "unauthorized") for rule in call.rules):
            return json_answer(401, problems.plain(401))
        standing = self.limits.take(call.route.endpoint, account.id if account else "")
        name = token_name(request.params)
        token = (name, request.params.get(name, ""))
        refused = refusal(call.rules, standing, self.now_s(), token, len(request.body))
        if refused is not None:
            return refused
        if not standing.allowed:
            return too_many_requests(standing)
        try:
            found = answer()
        except BadRequest as error:
            found = json_answer(400, error.body)
        found.headers |= standing.headers()
        return found

    def _found(self, call: Call, params: Mapping[str, str]) -> Answer:
        endpoint = call.route.endpoint
        now_ms = int(self.now_s() * 1000)
        if endpoint == "usage":
            return json_answer(200, report_usage(self.book.requests, params, now_ms))
        if endpoint == "lookup":
            found = look_up(self.world, params, now_ms)
            call.entry.ids, call.entry.users = found.ids, found.users
            call.entry.referenced = found.referenced
            return Answer(200, found.body)
        ask = read_ask(endpoint, params, now_ms)
        if endpoint.startswith("counts"):
            counts = count_posts(self.world, ask)
            if any(rule.fault == "self_token" for rule in call.rules):
                counts["meta"]["next_token"] = ask.token or write_token(ask.bound_to, ask.position)
            call.entry.counted = True
            return json_answer(200, counts)
        return self._search(ask, now_ms, call.rules, call.entry)

    def _search(self, ask: Ask, now_ms: int, rules: list[Rule], entry: Entry) -> Answer:
        page_rules = [rule for rule in rules if rule.stage == "page"]
        page = find_page(self.world, ask, now_ms, page_rules, self._before.get(ask.bound_to, ()))
        with self._lock:
            self._before[ask.bound_to] = page.posts
        written = write_page(page, ask, self.world)
        entry.ids, entry.users, entry.malformed = written.ids, written.users, written.malformed
        entry.referenced = written.referenced
        return Answer(200, written.body)
