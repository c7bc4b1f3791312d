"""Reach X with the credentials of an Airflow Connection."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_twitter.api.auth import BearerAuth
from airflow_twitter.api.client import XClient
from airflow_twitter.api.errors import XError
from airflow_twitter.api.user_auth import OAuth1User
from airflow_twitter.api.user_client import UserClient

DEFAULT_BASE_URL = "https://api.x.com"

_SECRET_EXTRAS = ("bearer_token", "access_token", "access_token_secret", "oauth2_user_token")


class TwitterHook(BaseHook):
    """Make a client of the X API from a Connection of type ``twitter``.

    The Connection holds: host = base URL (default ``https://api.x.com``), login = API key, password = API key
    secret; extra ``bearer_token`` when there is no key and secret. The bearer token is made from key and secret
    when it is first needed, and lives in memory only. To act as an account (:meth:`get_user_conn`) it holds
    ``access_token`` and ``access_token_secret`` as well.

    :param twitter_conn_id: the Connection to use.
    :param vocabulary: X's names of fields to ask for, ``tweet`` or ``post``.
    """

    conn_name_attr = "twitter_conn_id"
    default_conn_name = "twitter_default"
    conn_type = "twitter"
    hook_name = "X (Twitter)"

    def __init__(self, twitter_conn_id: str = default_conn_name, *, vocabulary: str = "tweet") -> None:
        super().__init__()
        self.twitter_conn_id = twitter_conn_id
        self.vocabulary = vocabulary

    def get_conn(self) -> XClient:
        """Return a client of the X API; use it as a context manager.

        Raises :class:`~airflow_twitter.api.errors.ConfigError` when the Connection's host may not be spoken to.
        """
        connection = self._masked()
        bearer_token = connection.extra_dejson.get("bearer_token")
        auth = BearerAuth(connection.login, connection.password, bearer_token=bearer_token)
        return XClient(base_url(connection), auth, vocabulary=self.vocabulary)

    def get_user_conn(self) -> UserClient:
        """Return a client that acts as the account of the Connection's user tokens; use it as a context manager.

        Raises :class:`~airflow_twitter.api.errors.ConfigError` when the Connection has no such tokens.
        """
        connection = self._masked()
        extra = connection.extra_dejson
        auth = OAuth1User(
            connection.login,
            connection.password,
            extra.get("access_token"),
            extra.get("access_token_secret"),
        )
        return UserClient(base_url(connection), auth)

    def _masked(self) -> Any:
        """Return the Connection, with its secrets masked from now on."""
        connection = self.get_connection(self.twitter_conn_id)
        extra = connection.extra_dejson
        for secret in (connection.password, *(extra.get(name) for name in _SECRET_EXTRAS)):
            if secret:
                mask_secret(secret)
        return connection

    def test_connection(self) -> tuple[bool, str]:
        """Ask X for a token and for this month's usage, which costs nothing; for the UI's Test button."""
        try:
            with self.get_conn() as client:
                usage = client.usage()
        except XError as error:
            return False, str(error)
        return True, f"X knows this app: {usage.project_usage} of {usage.project_cap} posts read this month."


def base_url(connection: Any) -> str:
    """Return the base URL that a Connection's host, schema and port name."""
    host = connection.host or DEFAULT_BASE_URL
    url = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return f"{url}:{connection.port}" if connection.port else url
