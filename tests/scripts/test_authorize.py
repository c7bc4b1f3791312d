"""`make authorize` in a checkout: from `.env` to tokens in the project's Airflow."""

from __future__ import annotations

import re
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
import requests
from checkout import Checkout

from airflow_twitter.simulator import Account, Simulator

ACCOUNT = Account()


@pytest.mark.system
def test_the_first_tokens_are_stored(checkout: Callable[[str], Checkout]) -> None:
    """A person agrees in the browser; the tokens lie encrypted in the Airflow that `make up` starts."""
    here = checkout("authorized")
    with Simulator() as simulator:
        settings = {
            "TWITTER_BASE_URL": simulator.url,
            "TWITTER_OAUTH2_CLIENT_ID": "client-id",
            "TWITTER_OAUTH2_CLIENT_SECRET": "client-secret",
            "TWITTER_OAUTH2_ACCOUNT": ACCOUNT.username,
        }
        (here.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        status, output = here.run("prepare")
        assert status == 0, output
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        process = here.start("authorize", "--redirect-uri", f"http://127.0.0.1:{port}/callback")
        assert process.stdout is not None
        page = next(line.strip() for line in process.stdout if line.strip().startswith("http"))
        (link,) = re.findall(r'href="([^"]+)"', requests.get(page, timeout=20).text)
        agreed = requests.get(simulator.url + link.replace("&amp;", "&"), timeout=20)
        assert "can be closed" in agreed.text
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert f"may act as @{ACCOUNT.username}" in said
    with closing(sqlite3.connect(here.folder / ".airflow" / "airflow.db")) as database:
        ((key, value, encrypted),) = database.execute("select key, val, is_encrypted from variable")
    assert (key, encrypted) == (f"twitter_oauth2_token__{ACCOUNT.username}", 1)
    assert "refresh_token" not in value
    assert ACCOUNT.username not in value
