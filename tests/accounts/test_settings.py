"""accounts.yaml: right entries stay, every mistake is named with file, line and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_twitter.accounts.settings import (
    DEFAULTS,
    Account,
    UnknownAccountError,
    find_account,
    read_accounts,
)
from airflow_twitter.checked_yaml import Mistake

Read = Callable[..., tuple[list[Account], list[Mistake]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write accounts.yaml and read it."""

    def read_text(text: str, only: str | None = None) -> tuple[list[Account], list[Mistake]]:
        (tmp_path / "accounts.yaml").write_text(text)
        return read_accounts(tmp_path / "accounts.yaml", only)

    return read_text


def test_account_alone(read: Read) -> None:
    """An entry needs a name only; the rest has defaults, and the DAG is named after it."""
    (account,), mistakes = read("accounts:\n- account: main\n")

    assert not mistakes
    assert (account.connection, account.distance_s, account.dag_id) == (
        "twitter_default",
        120,
        "twitter_post__main",
    )
    assert account.approvers == tuple(DEFAULTS["approvers"]) == ()


def test_lists(read: Read) -> None:
    """What is a list can be written either way, and reused by an anchor."""
    (account, other), mistakes = read(
        "accounts:\n- account: main\n  approvers: &who [ann, bob]\n  video_hosts:\n  - cdn.example.org\n"
        "- account: other\n  approvers: *who\n"
    )
    assert not mistakes
    assert account.approvers == other.approvers == ("ann", "bob")
    assert account.video_hosts == ("cdn.example.org",)


@pytest.mark.parametrize(
    ("entry", "line", "key", "reason"),
    [
        ("- account: Main", 3, ".account", "does not match"),
        ("- account: b\n  distance_s: soon", 4, ".distance_s", "is not of type 'number'"),
        ("- account: b\n  look_again_s: 5", 4, ".look_again_s", "less than the minimum of 10"),
        ("- account: b\n  approvers: ann", 4, ".approvers", "is not of type 'array'"),
        ("- account: b\n  approvers: [1]", 4, ".approvers.0", "is not of type 'string'"),
        ("- account: b\n  approvers: [[a]]", 4, ".approvers", "one plain value"),
        ("- account: b\n  approvers: {a: b}", 4, ".approvers", "a list of plain values"),
        ("- account: b\n  video_buckets: ['https://a']", 4, ".video_buckets.0", "does not match"),
        ("- account: b\n  acount: c", 4, ".acount", "unknown key; known are account"),
        ("- account: first", 3, ".account", "'first' is listed twice"),
        ("- first", 3, "", "an entry is made of names"),
    ],
)
def test_bad_entry(read: Read, entry: str, line: int, key: str, reason: str) -> None:
    """A bad entry keeps only itself out, and is named with file, line and key."""
    accounts, mistakes = read(f"accounts:\n- account: first\n{entry}\n- account: last\n")

    assert [account.account for account in accounts] == ["first", "last"]
    assert [(mistake.file, mistake.line, mistake.key) for mistake in mistakes] == [
        ("accounts.yaml", line, f"accounts[1]{key}")
    ]
    assert reason in mistakes[0].reason


def test_no_file(tmp_path: Path) -> None:
    """A missing file is a mistake, and no account."""
    accounts, (mistake,) = read_accounts(tmp_path / "accounts.yaml")
    assert not accounts
    assert "an empty list is `accounts: []`" in mistake.reason


def test_find(read: Read, tmp_path: Path) -> None:
    """An account is found by its name; for another one the message says which there are."""
    read("accounts:\n- account: first\n- account: last\n- account: 5\n")

    assert find_account(tmp_path / "accounts.yaml", "last").account == "last"
    with pytest.raises(UnknownAccountError, match=r"no account 'main' .* Known are: first, last\."):
        find_account(tmp_path / "accounts.yaml", "main")


def test_only_one(read: Read) -> None:
    """For one account only that entry is read."""
    text = "accounts:\n- account: a\n- account: b\n  more: 1\n"
    assert [account.account for account in read(text, "a")[0]] == ["a"]
    assert read(text, "a")[1] == []
    assert [mistake.key for mistake in read(text, "b")[1]] == ["accounts[1].more"]


def test_project_file() -> None:
    """The project's own accounts.yaml holds no mistake."""
    accounts, mistakes = read_accounts(Path(__file__).parents[2] / "dags" / "accounts.yaml")
    assert accounts
    assert not mistakes
