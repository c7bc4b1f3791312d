"""OAuth 2.0 for accounts: the page on which a person agrees, and the token endpoint.

https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code
"""

from __future__ import annotations

import html
from urllib.parse import urlencode, urlsplit

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.accounts import Accounts, OAuthError
from airflow_twitter.simulator.answers import Answer, json_answer
from airflow_twitter.simulator.request import Request, read_basic, read_form

_PAGE = """<!DOCTYPE html>
<html><head><title>X (simulated): authorize</title></head>
<body><h1>An app wants to use your account</h1><p>It asks for: {scope}</p>{links}</body></html>
"""


def answer_authorize(accounts: Accounts, request: Request) -> Answer:
    """Show the page with a link for each account; a link leads back to the app with a code.

    With `account` in the query that link has been followed.
    """
    params = request.params
    fits = (
        params.get("response_type") == "code"
        and params.get("client_id") == accounts.client.id
        and params.get("code_challenge_method") == "S256"
        and bool(params.get("code_challenge"))
        and bool(params.get("state"))
        and bool(urlsplit(params.get("redirect_uri", "")).netloc)
    )
    if not fits:
        return json_answer(400, problems.invalid_request([{"message": "Something is missing or wrong."}]))
    account = accounts.find(username=params["account"]) if "account" in params else None
    if account is None:
        return Answer(200, _page(accounts, request).encode(), content_type="text/html; charset=utf-8")
    code = accounts.authorize(
        account, params["redirect_uri"], params["code_challenge"], params.get("scope", "")
    )
    answered = urlencode({"state": params["state"], "code": code})
    return Answer(302, b"", {"location": f"{params['redirect_uri']}?{answered}"})


def answer_token(accounts: Accounts, request: Request) -> Answer:
    """Exchange a code, or a refresh token, for a pair of tokens."""
    try:
        basic = read_basic(request.headers.get("authorization", ""))
        return json_answer(200, accounts.token(read_form(request), basic))
    except OAuthError as error:
        return json_answer(error.status, error.body)


def _page(accounts: Accounts, request: Request) -> str:
    links = [
        f'<p><a href="{html.escape(request.path)}?'
        f'{html.escape(urlencode({**request.params, "account": account.username}))}">'
        f"Authorize as @{html.escape(account.username)}</a></p>"
        for account in accounts.accounts
    ]
    return _PAGE.format(scope=html.escape(request.params.get("scope", "")), links="".join(links))
