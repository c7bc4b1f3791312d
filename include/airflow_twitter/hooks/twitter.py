"""Reach X with the credentials of an Airflow Connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk import BaseHook

from airflow_twitter.api.auth import BearerAuth
from airflow_twitter.api.client import XClient
from airflow_twitter.api.errors import XError
from airflow_twitter.api.user_client import UserClient
from airflow_twitter.hooks.user_auth import USER_EXTRAS, check_text, extras, mask_connection, user_auth

DEFAULT_BASE_URL = "https://api.x.com"


class TwitterHook(BaseHook):
    """Make a client of the X API from a Connection of type ``twitter``.

    The Connection holds: host = base URL (default ``https://api.x.com``), login = API key, password = API key
    secret; extra ``bearer_token`` when there is no key and secret. The bearer token is made from key and secret
    when it is first needed, and lives in memory only. To act as an account (:meth:`get_user_conn`) it holds
    ``access_token`` and ``access_token_secret`` as well (OAuth 1.0a), or ``oauth2_client_id``,
    ``oauth2_client_secret`` and ``oauth2_account``, for which ``make authorize`` got tokens (OAuth 2.0).

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
        bearer_token = extras(connection).get("bearer_token")
        auth = BearerAuth(connection.login, connection.password, bearer_token=bearer_token)
        return XClient(base_url(connection), auth, vocabulary=self.vocabulary)

    def get_user_conn(self) -> UserClient:
        """Return a client that acts as the account of the Connection's user tokens; use it as a context manager.

        Raises :class:`~airflow_twitter.api.errors.ConfigError` when the Connection has no such tokens.
        """
        connection = self._masked()
        return UserClient(base_url(connection), user_auth(connection))

    def _masked(self) -> Any:
        """Return the Connection, with its secrets masked from now on."""
        connection = self.get_connection(self.twitter_conn_id)
        mask_connection(connection)
        for name in ("host", "schema", "login", "password"):
            check_text(name, getattr(connection, name))
        return connection

    def test_connection(self) -> tuple[bool, str]:
        """Ask X for what costs nothing, as the app and as the account; for the UI's Test button."""
        try:
            connection = self._masked()
            checks = [check for wanted, check in self._checks(connection) if wanted]
            return True, " ".join(check() for check in checks or [self._test_app])
        except XError as error:
            return False, str(error)

    def _checks(self, connection: Any) -> list[tuple[bool, Callable[[], str]]]:
        """Return what can be tested, each with whether the Connection has anything for it."""
        extra = extras(connection)
        has_app = bool(connection.login and connection.password) or bool(extra.get("bearer_token"))
        return [(has_app, self._test_app), (any(extra.get(name) for name in USER_EXTRAS), self._test_user)]

    def _test_app(self) -> str:
        with self.get_conn() as client:
            usage = client.usage()
        return f"X knows this app: {usage.project_usage} of {usage.project_cap} posts read this month."

    def _test_user(self) -> str:
        with self.get_user_conn() as client:
            client.check_tokens()
            return f"It may act as {client.account}."


def base_url(connection: Any) -> str:
    """Return the base URL that a Connection's host, schema and port name."""
    host = connection.host or DEFAULT_BASE_URL
    url = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return f"{url}:{connection.port}" if connection.port else url
