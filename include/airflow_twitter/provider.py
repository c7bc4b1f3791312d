"""What Airflow learns of this package through the ``apache_airflow_provider`` entry point."""

from __future__ import annotations

from typing import Any

from airflow_twitter import __version__

_SECRET = {"type": ["string", "null"], "format": "password"}
_TEXT = {"type": ["string", "null"]}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description: its connection type with the form that the UI shows."""
    return {
        "package-name": "airflow-twitter",
        "name": "X (Twitter)",
        "description": "Collect posts from X and keep them as JSON datasets.",
        "versions": [__version__],
        "connection-types": [
            {
                "connection-type": "twitter",
                "hook-name": "X (Twitter)",
                "hook-class-name": "airflow_twitter.hooks.twitter.TwitterHook",
                "conn-fields": {
                    "bearer_token": {
                        "label": "Bearer token",
                        "schema": _SECRET,
                        "description": "Only when there is no API key and secret to make one from.",
                    },
                    "access_token": {
                        "label": "Access token",
                        "schema": _SECRET,
                        "description": "OAuth 1.0a, of the account that publishes; not needed to search.",
                    },
                    "access_token_secret": {
                        "label": "Access token secret",
                        "schema": _SECRET,
                        "description": "OAuth 1.0a, of the account that publishes; not needed to search.",
                    },
                    "oauth2_client_id": {
                        "label": "OAuth 2.0 client id",
                        "schema": _TEXT,
                        "description": "OAuth 2.0 in place of OAuth 1.0a; `make authorize` then gets the tokens.",
                    },
                    "oauth2_client_secret": {
                        "label": "OAuth 2.0 client secret",
                        "schema": _SECRET,
                        "description": "OAuth 2.0: empty for an app that X calls a public client.",
                    },
                    "oauth2_account": {
                        "label": "OAuth 2.0 account",
                        "schema": _TEXT,
                        "description": "OAuth 2.0: the name of the account that publishes, without the @.",
                    },
                    "oauth2_user_token": {
                        "label": "OAuth 2.0 user token",
                        "schema": _SECRET,
                        "description": "OAuth 2.0: an access token that you renew yourself every two hours.",
                    },
                },
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port"],
                    "relabeling": {
                        "host": "Base URL",
                        "login": "API key",
                        "password": "API key secret",
                    },
                    "placeholders": {
                        "host": "https://api.x.com",
                        "login": "API key (consumer key) of your app",
                        "password": "API key secret of your app",
                    },
                },
            }
        ],
    }
