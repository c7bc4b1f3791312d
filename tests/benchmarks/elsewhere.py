"""Have other people's clients speak to the simulator, which they cannot be told."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter


class _Elsewhere(HTTPAdapter):
    """Send to the simulator what is meant for api.twitter.com, and nothing anywhere else."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send the request to the other URL."""
        request.url = str(request.url).replace("https://api.twitter.com", self.url, 1)
        if not request.url.startswith(self.url):
            raise RuntimeError(f"{request.url} is not the simulator's")
        return super().send(request, *args, **options)


def send_elsewhere(url: str) -> None:
    """Let every session of this process speak to the simulator alone, also one that a client opens after trouble."""
    plain = requests.Session.__init__

    def init(self: requests.Session) -> None:
        plain(self)
        self.adapters.clear()
        self.mount("https://", _Elsewhere(url))

    requests.Session.__init__ = init  # type: ignore[method-assign]
