"""Send to the simulator what a client means for X."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter


class Elsewhere(HTTPAdapter):
    """Send to another base URL what is meant for api.twitter.com, which tweepy cannot be told."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send the request to the other URL."""
        assert request.url is not None
        request.url = request.url.replace("https://api.twitter.com", self.url, 1)
        return super().send(request, *args, **options)
