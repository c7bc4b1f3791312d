"""Whom the Connection of an account talks to, and where people see that account."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from airflow.models.connection import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_twitter.api.errors import ConfigError
from airflow_twitter.api.transport import is_loopback
from airflow_twitter.hooks.twitter import DEFAULT_BASE_URL, base_url
from airflow_twitter.hooks.user_auth import user_auth

Source = Literal["X", "simulator", "other", "missing", "unknown"]


def source_of(conn_id: str) -> Source:
    """Tell what the host of a Connection is: X, a simulator on this machine, or something else."""
    try:
        connection = Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        return "missing"
    except PermissionError:  # a secrets backend does not give it to the API server
        return "unknown"
    try:
        host = urlsplit(base_url(connection)).hostname or ""
    except ValueError:
        return "other"
    if is_loopback(host):
        return "simulator"
    return "X" if host == urlsplit(DEFAULT_BASE_URL).hostname else "other"


def profile_url(conn_id: str) -> str | None:
    """Return the address of the account that a Connection acts as, None when it does not tell."""
    try:
        connection = Connection.get_connection_from_secrets(conn_id)
        name = connection.extra_dejson.get("oauth2_account")
        if (
            isinstance(name, str)
            and (name := name.strip().removeprefix("@")).isidentifier()
            and name.isascii()
        ):
            return f"https://x.com/{name}"
        number = user_auth(connection).user_id
    except (AirflowNotFoundException, PermissionError, ConfigError, AttributeError):
        return None
    return f"https://x.com/i/user/{number}" if number else None
