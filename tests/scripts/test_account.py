"""The account comes from where the user put it, and from nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_airflow.account import CONNECTION, ENV_MARKER, AccountError, connection, user_settings


def test_key_and_secret_become_a_connection(tmp_path: Path) -> None:
    """`.env` with a key and a secret makes a Connection of type twitter."""
    (tmp_path / ".env").write_text('TWITTER_API_KEY=k1\nTWITTER_API_SECRET="s#2"\nTWITTER_BEARER_TOKEN=\n')
    made = connection(user_settings(tmp_path, {}))
    assert made is not None
    assert json.loads(made) == {"conn_type": "twitter", "login": "k1", "password": "s#2"}


def test_no_account_is_none(tmp_path: Path) -> None:
    """Without `.env`, and with an empty one, there is no account."""
    assert connection(user_settings(tmp_path, {})) is None
    (tmp_path / ".env").write_text("TWITTER_API_KEY=\nTWITTER_API_SECRET=\n")
    assert connection(user_settings(tmp_path, {})) is None


def test_a_bearer_token_is_enough() -> None:
    """A token alone makes a Connection without key and secret."""
    made = connection({"TWITTER_BEARER_TOKEN": "t"})
    assert made is not None
    assert json.loads(made) == {"conn_type": "twitter", "extra": {"bearer_token": "t"}}


def test_what_publishing_needs_goes_along(tmp_path: Path) -> None:
    """The tokens of an account, and what OAuth 2.0 needs to get some, become extras; the latter is an account too."""
    (tmp_path / ".env").write_text("TWITTER_OAUTH2_CLIENT_ID=c\nTWITTER_OAUTH2_ACCOUNT=sim\n")
    made = connection(user_settings(tmp_path, {}))
    assert made is not None
    extra = {"oauth2_client_id": "c", "oauth2_account": "sim"}
    assert json.loads(made) == {"conn_type": "twitter", "extra": extra}
    tokens = {"TWITTER_ACCESS_TOKEN": "a", "TWITTER_ACCESS_TOKEN_SECRET": "b"}
    assert connection(tokens) is None
    made = connection({"TWITTER_API_KEY": "k", "TWITTER_API_SECRET": "s", **tokens})
    assert made is not None
    assert json.loads(made)["extra"] == {"access_token": "a", "access_token_secret": "b"}


@pytest.mark.parametrize(
    ("given", "missing"),
    [("TWITTER_API_KEY", "TWITTER_API_SECRET"), ("TWITTER_API_SECRET", "TWITTER_API_KEY")],
)
def test_half_an_account_is_named(given: str, missing: str) -> None:
    """What is missing is named, and what was given is not shown."""
    with pytest.raises(AccountError) as raised:
        connection({given: "topsecret"})
    assert str(raised.value).startswith(f"{missing} is missing")
    assert "topsecret" not in str(raised.value)


def test_the_shell_overrules_the_file(tmp_path: Path) -> None:
    """An exported Connection is taken before the one in `.env`."""
    (tmp_path / ".env").write_text(f"{CONNECTION}=from-file\n")
    assert connection(user_settings(tmp_path, {CONNECTION: "from-shell"})) == "from-shell"


def test_what_make_env_exported_is_no_choice(tmp_path: Path) -> None:
    """The shell of another checkout does not bring its account, or its data folder, along."""
    shell = {ENV_MARKER: "/elsewhere", CONNECTION: "other", "TWITTER_DATA": "/elsewhere/data"}
    assert user_settings(tmp_path, shell) == {}


def test_airflow_settings_of_the_shell_do_not_count(tmp_path: Path) -> None:
    """A shell's AIRFLOW__ settings may be another Airflow's; those in `.env` are ours."""
    (tmp_path / ".env").write_text("AIRFLOW__CORE__PARALLELISM=3\n")
    said = user_settings(tmp_path, {"AIRFLOW__CORE__PARALLELISM": "99", "AIRFLOW__API__PORT": "1"})
    assert said == {"AIRFLOW__CORE__PARALLELISM": "3"}


def test_the_data_folder_is_relative_to_the_project(tmp_path: Path) -> None:
    """A relative TWITTER_DATA means the project's folder, an absolute one and a URL stay."""
    assert user_settings(tmp_path, {"TWITTER_DATA": "posts"})["TWITTER_DATA"] == str(tmp_path / "posts")
    assert user_settings(tmp_path, {"TWITTER_DATA": "/srv/x"})["TWITTER_DATA"] == "/srv/x"
    assert user_settings(tmp_path, {"TWITTER_DATA": "s3://b/x"})["TWITTER_DATA"] == "s3://b/x"
