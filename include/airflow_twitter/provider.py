"""What Airflow learns of this package through the ``apache_airflow_provider`` entry point."""

from __future__ import annotations

from typing import Any

from airflow_twitter import __version__

_SECRET = {"type": ["string", "null"], "format": "password"}


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
                        "description": "User context: needed to publish, not to search.",
                    },
                    "access_token_secret": {
                        "label": "Access token secret",
                        "schema": _SECRET,
                        "description": "User context: needed to publish, not to search.",
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
