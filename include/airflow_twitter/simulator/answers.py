"""Requests and answers, and the answers that rules ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.limits import ABSURD_S, Standing
from airflow_twitter.simulator.render import encode
from airflow_twitter.simulator.rules import Rule

HTML = (
    b"<!DOCTYPE html>\n<html><head><title>X</title></head><body><h1>Something went wrong</h1></body></html>\n"
)


@dataclass
class Answer:
    """An HTTP answer; `wire` are the rules that the server applies while it sends it."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    wire: list[Rule] = field(default_factory=list)
    gmt: bool = False


def json_answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer of JSON."""
    return Answer(status, encode(body), dict(headers or {}))


def html_answer(status: int) -> Answer:
    """Return an answer as X's edge gives it: HTML, and a Date that ends in GMT."""
    return Answer(status, HTML, content_type="text/html; charset=utf-8", gmt=True)


def refusal(
    rules: Sequence[Rule],
    standing: Standing | None,
    now_s: float,
    token: tuple[str, str],
    received: int = 0,
) -> Answer | None:
    """Return what the first refusing rule answers, or None.

    `token` is the pagination token of the request as (parameter, value), `received` the size of its body.
    """
    for rule in rules:
        answer = _refuse(rule, standing, now_s, token, received)
        if answer is not None:
            return answer
    return None


def _refuse(
    rule: Rule, standing: Standing | None, now_s: float, token: tuple[str, str], received: int
) -> Answer | None:
    headers = standing.headers() if standing else {}
    match rule.fault:
        case "rate_limited":
            return _rate_limited(rule, headers, now_s)
        case "server_error":
            status = int(rule["status"])
            return (
                html_answer(status) if rule["html"] else json_answer(status, problems.plain(status), headers)
            )
        case "rejected_token":
            return json_answer(400, problems.rejected_token(*token), headers)
        case "html":
            return html_answer(200)
        case "segment_too_large" if received > int(rule["above"]):
            return Answer(int(rule["status"]), b"")
    if rule.fault == "forbidden" and rule["type"]:
        return json_answer(403, problems.typed(403, str(rule["type"])), headers)
    known = _REFUSALS.get(rule.fault)
    if known is None:
        return None
    status, body = known
    return json_answer(status, body if body is not None else problems.usage_capped(rule["period"]), headers)


_REFUSALS: Mapping[str, tuple[int, dict[str, Any] | None]] = {
    "usage_cap": (429, None),
    "credits": (402, problems.credits_depleted()),
    "unauthorized": (401, problems.plain(401)),
    "bad_credentials": (403, problems.bad_credentials()),
    "not_enrolled": (403, problems.not_enrolled()),
    "unsupported_authentication": (403, problems.unsupported_authentication()),
    "forbidden": (403, problems.plain(403)),
}


def _rate_limited(rule: Rule, headers: dict[str, str], now_s: float) -> Answer:
    wanted = rule["reset"]
    offsets = {"past": -60, "absurd": ABSURD_S}
    offset = offsets.get(wanted, wanted if isinstance(wanted, int | float) else None)
    if rule["daily"]:
        prefix = f"x-{'user' if rule['daily'] == 'user' else 'app'}-limit-24hour"
        headers |= {
            f"{prefix}-limit": "10000",
            f"{prefix}-remaining": "0",
            f"{prefix}-reset": str(int(now_s + (3600 if offset is None else offset))),
        }
    else:
        headers["x-rate-limit-remaining"] = "0"
        if offset is not None:
            headers["x-rate-limit-reset"] = str(int(now_s + offset))
    if wanted == "missing":
        headers = {name: value for name, value in headers.items() if not name.endswith("-reset")}
    body = problems.legacy(88, "Rate limit exceeded") if rule["v1"] else problems.plain(429)
    return json_answer(429, body, headers)


def too_many_requests(standing: Standing) -> Answer:
    """Return the answer when a window is used up, or a second has not passed."""
    return json_answer(429, problems.plain(429), standing.headers())
