"""A request of an account that may be answered, and checks of what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.accounts import Account
from airflow_twitter.simulator.asks import BadRequest
from airflow_twitter.simulator.book import Entry
from airflow_twitter.simulator.request import Request, read_json
from airflow_twitter.simulator.rules import Rule


@dataclass(frozen=True)
class Asked:
    """A request of `account`, None when the app alone asks; `names` are the named parts of its path."""

    account: Account | None
    request: Request
    names: Mapping[str, str]
    rules: Sequence[Rule]
    entry: Entry

    @property
    def params(self) -> Mapping[str, str]:
        """Return the query's parameters."""
        return self.request.params

    @property
    def owner(self) -> Account:
        """Return the account, of an endpoint that wants one."""
        if self.account is None:
            raise TypeError("This endpoint wants an account.")
        return self.account

    def rule(self, fault: str) -> Rule | None:
        """Return the rule of this fault that takes the request."""
        return next((rule for rule in self.rules if rule.fault == fault), None)

    def json(self) -> dict[str, Any]:
        """Return the body's JSON object; raise BadRequest when it is none."""
        content = read_json(self.request)
        if content is None:
            raise BadRequest(problems.invalid_request([{"message": "The body is no JSON object."}]))
        return content


def check(name: str, value: object, holds: bool) -> None:
    """Raise BadRequest that names a field of the body, unless it holds."""
    if not holds:
        message = f"The `{name}` field value [{value}] is not valid"
        raise BadRequest(problems.invalid_request([problems.parameter_error(name, str(value), message)]))
