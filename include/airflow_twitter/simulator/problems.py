"""X's own error bodies, as data.

v2 answers `{title, detail, type, status}`; the older token endpoint `{"errors": [{code, message}]}`
(https://docs.x.com/x-api/fundamentals/response-codes-and-errors).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Body = dict[str, Any]

# `type` comes with either host: here with this one, or with api.x.com for requests that speak of posts.
PROBLEMS = "https://api.twitter.com/2/problems/"

TITLES: Mapping[int, str] = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def plain(status: int, detail: str | None = None) -> Body:
    """Return the `about:blank` body of a status."""
    title = TITLES[status]
    return {"title": title, "detail": detail or title, "type": "about:blank", "status": status}


def typed(status: int, kind: str) -> Body:
    """Return the body of a status with a problem's own type."""
    return {**plain(status), "type": PROBLEMS + kind}


def legacy(code: int, message: str, label: str | None = None) -> Body:
    """Return an error body in the form of v1.1 and of the token endpoint."""
    error: Body = {"code": code, "message": message}
    if label:
        error["label"] = label
    return {"errors": [error]}


def invalid_request(errors: Sequence[Body]) -> Body:
    """Return the 400 body for errors of the form `{parameters: {name: [value]}, message}`."""
    return {
        "errors": list(errors),
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": PROBLEMS + "invalid-request",
    }


def parameter_error(name: str, value: str, message: str) -> Body:
    """Return one entry of a 400's `errors`."""
    return {"parameters": {name: [value]}, "message": message}


def rejected_token(name: str, value: str) -> Body:
    """Return the 400 body for a pagination token that X does not take (any more)."""
    message = f"The `{name}` query parameter value [{value}] is not valid"
    return invalid_request([parameter_error(name, value, message)])


def usage_capped(period: str) -> Body:
    """Return the 429 body of a plan's cap; `period` is Monthly or Daily."""
    return {
        "account_id": 1000000000000000001,
        "product_name": "standard-basic",
        "title": "UsageCapExceeded",
        "period": period,
        "scope": "Product",
        "detail": f"Usage cap exceeded: {period} product cap",
        "type": PROBLEMS + "usage-capped",
    }


def credits_depleted() -> Body:
    """Return the 402 body of an account without credits."""
    return {
        "account_id": 1000000000000000001,
        "title": "CreditsDepleted",
        "detail": "Your enrolled account does not have any credits to fulfill this request.",
        "type": PROBLEMS + "credits",
    }


def not_enrolled() -> Body:
    """Return the 403 body for an app that is attached to no project."""
    return {
        "client_id": "10000001",
        "detail": "When authenticating requests to the API v2 endpoints, you must use keys and tokens "
        "from a developer App that is attached to a Project.",
        "registration_url": "https://developer.x.com/en/docs/projects/overview",
        "title": "Client Forbidden",
        "required_enrollment": "Appropriate Level of API Access",
        "reason": "client-not-enrolled",
        "type": PROBLEMS + "client-forbidden",
    }


def unsupported_authentication() -> Body:
    """Return the 403 body for a token of the wrong kind."""
    return {
        "title": "Unsupported Authentication",
        "detail": "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint. "
        "Supported authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context].",
        "type": PROBLEMS + "unsupported-authentication",
        "status": 403,
    }


def duplicate() -> Body:
    """Return the 403 body for a text that was posted lately."""
    return plain(403, "You are not allowed to create a Tweet with duplicate content.")


def missing(value: str, parameter: str, kind: str) -> Body:
    """Return the body, or the partial error, for a post, user or media that is not there."""
    return {**not_found(value, parameter, kind, "tweet"), "status": 404}


def bad_credentials() -> Body:
    """Return the 403 body of the token endpoint for a wrong key or secret."""
    return legacy(99, "Unable to verify your credentials", "authenticity_token_error")


def not_authorized(resource_id: str, parameter: str, kind: str, vocabulary: str) -> Body:
    """Return a partial error for a post whose author shows it to some only, or is suspended."""
    return {
        **not_found(resource_id, parameter, kind, vocabulary),
        "detail": f"Sorry, you are not authorized to see the {kind} with {parameter}: [{resource_id}].",
        "title": "Authorization Error",
        "section": "data",
        "type": f"https://{_host(vocabulary)}/2/problems/not-authorized-for-resource",
    }


def not_found(resource_id: str, parameter: str, kind: str, vocabulary: str) -> Body:
    """Return a partial error for a post or user that was referenced and is gone."""
    return {
        "value": resource_id,
        "detail": f"Could not find {kind} with {parameter}: [{resource_id}].",
        "title": "Not Found Error",
        "resource_type": kind,
        "parameter": parameter,
        "resource_id": resource_id,
        "type": f"https://{_host(vocabulary)}/2/problems/resource-not-found",
    }


def _host(vocabulary: str) -> str:
    return "api.x.com" if vocabulary == "post" else "api.twitter.com"
