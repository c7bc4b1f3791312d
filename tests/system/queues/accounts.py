"""The accounts that the tests of this folder post as."""

from __future__ import annotations

from airflow_twitter.hooks.oauth2_store import PREFIX
from airflow_twitter.simulator import Account, Simulator

APP = ("key", "app-secret-of-tests")
MAIN, SECOND = Account.named("main_account", 1), Account.named("second_account", 2)
KEPT_TOKENS = PREFIX + SECOND.username
QUEUE_MAX = 4


def texts(simulator: Simulator, account: Account = MAIN) -> list[str]:
    """The texts of an account's posts, oldest first."""
    return [post.raw for post in simulator.posts if post.account.id == account.id]
