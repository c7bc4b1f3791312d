"""The simulator's own endpoints under /_simulator/, for other processes."""

from __future__ import annotations

import json
from typing import Any

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.answers import Answer, Request, json_answer
from airflow_twitter.simulator.queries import QueryError
from airflow_twitter.simulator.rules import Rule
from airflow_twitter.simulator.service import Service

PREFIX = "/_simulator/"

HELP = {
    "GET /_simulator/": "this list, the topics and the limits",
    "GET /_simulator/book": "requests, sold, sold_twice",
    "GET /_simulator/truth?query=&since=&until=": "ids of all posts that a topic or query finds, newest first",
    "GET /_simulator/withdrawn": "what has become of posts, by id",
    "POST /_simulator/withdrawn": "{ids, how}: let posts be deleted, protected, withheld, edited, or restored",
    "GET /_simulator/rules": "the rules in force",
    "POST /_simulator/rules": "add a JSON list of {endpoint, fault, nth, every, params}",
    "DELETE /_simulator/rules": "drop all rules",
    "POST /_simulator/reset": "forget requests, windows and answers; rules count from the beginning",
}


def answer(service: Service, request: Request) -> Answer:
    """Answer a request under /_simulator/; 400 says what is wrong with it."""
    try:
        return _answer(service, request)
    except (ValueError, TypeError, KeyError, QueryError) as error:
        return json_answer(400, {"error": str(error)})


def _answer(service: Service, request: Request) -> Answer:
    match request.method, request.path.removeprefix(PREFIX):
        case "GET", "":
            return json_answer(200, _overview(service))
        case "GET", "book":
            return json_answer(200, service.book.to_json())
        case "GET", "truth":
            params = request.params
            return json_answer(200, service.truth(params["query"], params.get("since"), params.get("until")))
        case "GET", "withdrawn":
            return json_answer(200, service.world.withdrawn.to_json())
        case "POST", "withdrawn":
            asked = json.loads(request.body)
            service.withdraw(asked["ids"], asked["how"])
            return json_answer(200, service.world.withdrawn.to_json())
        case "GET", "rules":
            return json_answer(200, [rule.to_json() for rule in service.rules.rules])
        case "POST", "rules":
            service.rules.add([Rule.from_json(item) for item in json.loads(request.body)])
            return json_answer(200, [rule.to_json() for rule in service.rules.rules])
        case "DELETE", "rules":
            service.rules.clear()
            return json_answer(200, [])
        case "POST", "reset":
            service.reset()
            return json_answer(200, {})
    return json_answer(404, problems.plain(404))


def _overview(service: Service) -> dict[str, Any]:
    topics = {
        name: {"total": topic.total} if topic.per_day is None else {"per_day": topic.per_day}
        for name, topic in service.world.topics.items()
    }
    limits = {"window_s": service.limits.window_s, **service.limits.limits}
    return {"help": HELP, "topics": topics, "limits": limits, "seed": service.world.seed}
