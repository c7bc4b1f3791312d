"""The simulator's own endpoints under /_simulator/, for other processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.answers import Answer, json_answer
from airflow_twitter.simulator.bill import bills
from airflow_twitter.simulator.queries import QueryError
from airflow_twitter.simulator.request import Request
from airflow_twitter.simulator.rules import Rule
from airflow_twitter.simulator.service import Service

PREFIX = "/_simulator/"

HELP = {
    "GET /_simulator/": "this list, the topics and the limits",
    "GET /_simulator/book": "requests, sold, sold_twice",
    "GET /_simulator/bill": "posts, users, counts and dollars that were sold, by UTC day",
    "GET /_simulator/truth?query=&since=&until=": "ids of all posts that a topic or query finds, newest first",
    "GET /_simulator/withdrawn": "what has become of posts, by id",
    "POST /_simulator/withdrawn": "{ids, how}: let posts be deleted, protected, withheld, edited, or restored",
    "GET /_simulator/rules": "the rules in force",
    "POST /_simulator/rules": "add a JSON list of {endpoint, fault, nth, every, params}",
    "DELETE /_simulator/rules": "drop all rules",
    "GET /_simulator/published": "posts, uploads, requests and bytes received by endpoint, dollars",
    "POST /_simulator/posts": "post something by hand: {text, username, media_ids}",
    "POST /_simulator/reset": "forget requests, windows, answers, posts and media; rules count from the beginning",
}


def answer(service: Service, request: Request) -> Answer:
    """Answer a request under /_simulator/; 400 says what is wrong with it."""
    try:
        return _answer(service, request)
    except (ValueError, TypeError, KeyError, QueryError) as error:
        return json_answer(400, {"error": str(error)})


def _answer(service: Service, request: Request) -> Answer:
    handle = _HANDLERS.get((request.method, request.path.removeprefix(PREFIX)))
    if handle is None:
        return json_answer(404, problems.plain(404))
    return json_answer(200, handle(service, request))


def _overview(service: Service) -> dict[str, Any]:
    topics = {
        name: {"total": topic.total} if topic.per_day is None else {"per_day": topic.per_day}
        for name, topic in service.world.topics.items()
    }
    limits = {"window_s": service.limits.window_s, **service.limits.limits}
    accounts = {account.id: account.username for account in service.accounts.accounts}
    return {
        "help": HELP,
        "topics": topics,
        "limits": limits,
        "accounts": accounts,
        "seed": service.world.seed,
    }


def _truth(service: Service, request: Request) -> list[str]:
    params = request.params
    return service.truth(params["query"], params.get("since"), params.get("until"))


def _withdraw(service: Service, request: Request) -> dict[str, str]:
    asked = json.loads(request.body)
    service.withdraw(asked["ids"], asked["how"])
    return service.world.withdrawn.to_json()


def _rules(service: Service, request: Request) -> list[dict[str, Any]]:
    return [rule.to_json() for rule in service.rules.rules]


def _add_rules(service: Service, request: Request) -> list[dict[str, Any]]:
    service.rules.add([Rule.from_json(item) for item in json.loads(request.body)])
    return _rules(service, request)


def _drop_rules(service: Service, request: Request) -> list[dict[str, Any]]:
    service.rules.clear()
    return []


def _post_by_hand(service: Service, request: Request) -> dict[str, Any]:
    return service.publishing.post_by_hand(**json.loads(request.body)).to_json()


def _reset(service: Service, request: Request) -> dict[str, Any]:
    service.reset()
    return {}


_HANDLERS: Mapping[tuple[str, str], Callable[[Service, Request], Any]] = {
    ("GET", ""): lambda service, _: _overview(service),
    ("GET", "book"): lambda service, _: service.book.to_json(),
    ("GET", "bill"): lambda service, _: {
        day: bill.to_json() for day, bill in bills(service.book.requests).items()
    },
    ("GET", "truth"): _truth,
    ("GET", "withdrawn"): lambda service, _: service.world.withdrawn.to_json(),
    ("POST", "withdrawn"): _withdraw,
    ("GET", "rules"): _rules,
    ("POST", "rules"): _add_rules,
    ("DELETE", "rules"): _drop_rules,
    ("GET", "published"): lambda service, _: service.published(),
    ("POST", "posts"): _post_by_hand,
    ("POST", "reset"): _reset,
}
