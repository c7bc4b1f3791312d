"""From an Airflow Connection to the account that it may act as."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk.log import mask_secret

from airflow_twitter.api.errors import ConfigError
from airflow_twitter.api.oauth2 import ClientKeys, FixedToken, OAuth2User
from airflow_twitter.api.user_auth import OAuth1User, UserAuth
from airflow_twitter.data_folder import data_store
from airflow_twitter.hooks.oauth2_store import VariableStore

SECRET_EXTRAS = (
    "bearer_token",
    "access_token",
    "access_token_secret",
    "oauth2_client_secret",
    "oauth2_user_token",
)

USER_EXTRAS = ("access_token", "access_token_secret", "oauth2_client_id", "oauth2_user_token")


def mask_connection(connection: Any) -> None:
    """Have Airflow mask every secret of a Connection from now on."""
    extra = _parsed_extra(connection)
    # One of a wrong type is refused later on, and may hold a secret all the same.
    held = [extra.get(name) for name in SECRET_EXTRAS] if isinstance(extra, dict) else [connection.extra]
    for secret in (connection.password, *held):
        if secret:
            mask_secret(secret)


def check_text(what: str, value: Any) -> None:
    """Raise ConfigError for the value of a field that is neither missing nor a text that can be sent."""
    if not isinstance(value, str | None):
        raise ConfigError(f"The connection's {what} is no text: write its value in quotation marks")
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise ConfigError(f"The connection's {what} holds half of a character: copy it anew") from None


def extras(connection: Any) -> dict[str, Any]:
    """Return the extra fields of a Connection; raises ConfigError where they, or one of ours, are of another type."""
    extra = _parsed_extra(connection)
    if not isinstance(extra, dict):
        raise ConfigError(
            "The connection's extra is no JSON object: write it as names and values in braces, or leave it empty"
        )
    for name in (*SECRET_EXTRAS, "oauth2_client_id", "oauth2_account"):
        check_text(f"extra field {name}", extra.get(name))
    return extra


def user_auth(connection: Any) -> UserAuth:
    """Return what a Connection acts as an account by.

    The four secrets of OAuth 1.0a come first; then ``oauth2_client_id`` with the tokens that ``make authorize``
    stored for ``oauth2_account``; then ``oauth2_user_token``. Raises ConfigError when there are none.
    """
    extra = extras(connection)
    if _text(extra, "access_token") or _text(extra, "access_token_secret"):
        return _oauth1(connection)
    if _text(extra, "oauth2_client_id"):
        return OAuth2User(*oauth2_parts(connection))
    if token := _text(extra, "oauth2_user_token"):
        return FixedToken(token)
    return _oauth1(connection)


def oauth2_parts(connection: Any) -> tuple[ClientKeys, VariableStore]:
    """Return the app's keys for OAuth 2.0, and where the account's tokens are kept.

    Raises ConfigError when the Connection does not name both.
    """
    extra = extras(connection)
    client_id, username = _text(extra, "oauth2_client_id"), _text(extra, "oauth2_account").removeprefix("@")
    if not client_id or not username:
        missing = "oauth2_account" if client_id else "oauth2_client_id"
        raise ConfigError(f"The connection lacks {missing}: OAuth 2.0 wants the client id and the account")
    keys = ClientKeys(client_id, _text(extra, "oauth2_client_secret") or None)
    return keys, VariableStore(username, data_store())


def _oauth1(connection: Any) -> OAuth1User:
    extra = extras(connection)
    return OAuth1User(
        connection.login, connection.password, extra.get("access_token"), extra.get("access_token_secret")
    )


def _text(extra: dict[str, Any], name: str) -> str:
    value = extra.get(name)
    return value.strip() if isinstance(value, str) else ""


def _parsed_extra(connection: Any) -> Any:
    """Return a Connection's extra; Airflow's own reading takes one that is no JSON for an empty one."""
    try:
        return json.loads(connection.extra or "{}")
    except (TypeError, ValueError, RecursionError):
        return None
