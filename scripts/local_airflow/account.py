"""What the user has set, and which account of X it names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from local_airflow.errors import LocalError

CONNECTION = "AIRFLOW_CONN_TWITTER_DEFAULT"
ENV_MARKER = "AIRFLOW_TWITTER_ENV"
"""Set by `make env`: where it is, the two below are an earlier answer of ours and no choice of the user's."""
EXPORTED = {CONNECTION, "TWITTER_DATA"}

_KEY, _SECRET = "TWITTER_API_KEY", "TWITTER_API_SECRET"
_EXTRAS = {
    "TWITTER_BEARER_TOKEN": "bearer_token",
    "TWITTER_ACCESS_TOKEN": "access_token",
    "TWITTER_ACCESS_TOKEN_SECRET": "access_token_secret",
    "TWITTER_OAUTH2_CLIENT_ID": "oauth2_client_id",
    "TWITTER_OAUTH2_CLIENT_SECRET": "oauth2_client_secret",
    "TWITTER_OAUTH2_ACCOUNT": "oauth2_account",
}
CREDENTIALS = {_KEY, _SECRET, *_EXTRAS, "TWITTER_BASE_URL"}
"""What becomes part of the Connection, and is not handed on beside it."""


class AccountError(LocalError):
    """The account is given in part."""


def user_settings(root: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what ``.env`` says, overruled by what the shell says of connections, credentials and data.

    Settings of Airflow itself (``AIRFLOW__...``) count in ``.env`` only: a shell may hold another Airflow's.
    """
    said = {name: value for name, value in dotenv_values(root / ".env").items() if value}
    for name, value in environ.items():
        ours = ENV_MARKER in environ and name in EXPORTED
        if name.startswith(("AIRFLOW_CONN_", "TWITTER_")) and value and not ours:
            said[name] = value
    if "TWITTER_DATA" in said and "://" not in said["TWITTER_DATA"]:
        said["TWITTER_DATA"] = str(root / said["TWITTER_DATA"])
    return said


def connection(said: Mapping[str, str]) -> str | None:
    """Return the Connection ``twitter_default`` as JSON or URI, or None when there is no account.

    Raises :class:`AccountError` for a key without its secret.
    """
    if given := said.get(CONNECTION):
        return given
    key, secret = said.get(_KEY), said.get(_SECRET)
    if bool(key) != bool(secret):
        raise AccountError(f"{_SECRET if key else _KEY} is missing: an account needs {_KEY} and {_SECRET}.")
    extra = {field: said[name] for name, field in _EXTRAS.items() if name in said}
    if not key and not {"bearer_token", "oauth2_client_id"} & extra.keys():
        return None
    return as_json(said.get("TWITTER_BASE_URL"), key, secret, extra)


def as_json(
    host: str | None, key: str | None, secret: str | None, extra: Mapping[str, str] | None = None
) -> str:
    """Write a Connection of type ``twitter`` the way that Airflow reads it from the environment."""
    fields = {"conn_type": "twitter", "host": host, "login": key, "password": secret, "extra": extra}
    return json.dumps({name: value for name, value in fields.items() if value})
