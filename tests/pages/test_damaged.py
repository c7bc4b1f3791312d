"""Whatever became of the files of posts and datasets, the page and the HTTP API answer, and say what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.hostile.mutations import MUTATIONS, make_outside
from tests.pages.publishing_api import ACCOUNTS, Program, write_dags

from airflow_twitter.accounts.holding import Hold, hold, posted_now
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records

NAMES = (
    "truncated",
    "zeros",
    "numbers",
    "no_zones",
    "wrong_types",
    "full_folder",
    "link_outside",
    "dangling_link",
    "fifo",
)


def test_damaged_files(
    api_server: Any, world: Any, get: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file in every state: the page is shown, and no request of the API ends in an error without a sentence."""
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text(ACCOUNTS)
    monkeypatch.setenv("TWITTER_ACCOUNTS", str(accounts))
    write_dags(world.session, accounts)
    records, now = Records(world.store), datetime.now(UTC)
    records.open("main", "known", Content(text="Known"))
    posted_now(world.store, "main", now)
    hold(world.store, "main", Hold(now, "auth", "X says no.", "known"))
    bot = Program(api_server, "bot", "USER", None)
    good = tmp_path / "good"
    shutil.copytree(world.store.root, good)
    make_outside(tmp_path / "outside")
    for key in world.store.list():
        for name in NAMES:
            shutil.rmtree(world.store.root)
            shutil.copytree(good, world.store.root)
            MUTATIONS[name](world.store.root / key, tmp_path / "outside")
            assert get("/twitter/status").status_code == 200, (key, name)
            asked = [bot.get(path) for path in ("posts/known", "queue")]
            asked.append(bot.send("PATCH", "posts/known", json={"text": "Other"}))
            asked.append(bot.post("release"))
            for answer in asked:
                assert answer.status_code < 500 or len(answer.json()["detail"]) > 40, (key, name, answer.text)
