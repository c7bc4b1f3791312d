"""An Airflow with two accounts that post to a simulator, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from real_airflow import RealAirflow
from tests.system.queues.accounts import APP, KEPT_TOKENS, MAIN, QUEUE_MAX, SECOND

from airflow_twitter.api.token_pair import TokenPair
from airflow_twitter.simulator import Simulator
from local_airflow.account import as_json

ACCOUNTS = f"""
accounts:
  - account: main
    distance_s: 0
    segment_bytes: 4096
    queue_max: {QUEUE_MAX}
    look_again_s: 3600
    visible_s: 0
    approvers: [editor]
  - {{account: second, distance_s: 0, connection: twitter_second}}
"""


@pytest.fixture(scope="package")
def simulator() -> Iterator[Simulator]:
    """A simulator with two accounts."""
    with Simulator(credentials=APP, accounts=(MAIN, SECOND), processing_s=0.0) as started:
        yield started


@pytest.fixture(scope="package")
def airflow(tmp_path_factory: pytest.TempPathFactory, simulator: Simulator) -> Iterator[RealAirflow]:
    """An Airflow with an account by OAuth 1.0a, one by OAuth 2.0 whose access token has run out, and two users."""
    by_oauth1 = {"access_token": MAIN.access_token, "access_token_secret": MAIN.access_token_secret}
    by_oauth2 = {
        "oauth2_client_id": "client-id",
        "oauth2_client_secret": "client-secret",
        "oauth2_account": SECOND.username,
    }
    made = RealAirflow(
        tmp_path_factory.mktemp("queue"),
        "keywords: []\n",
        {"accounts.yaml": ACCOUNTS},
        {
            "AIRFLOW_CONN_TWITTER_DEFAULT": as_json(simulator.url, *APP, by_oauth1),
            "AIRFLOW_CONN_TWITTER_SECOND": as_json(simulator.url, *APP, by_oauth2),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,editor:op",
        },
    )
    try:
        made.start()
        for account in ("main", "second"):
            made.wait(lambda dag_id=f"twitter_post__{account}": made.rest.get(f"dags/{dag_id}"), account)
        made.rest.send("POST", "variables", {"key": KEPT_TOKENS, "value": expired_pair(simulator)})
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def fresh(simulator: Simulator) -> None:
    """Each test begins with an empty simulator that does nothing wrong."""
    simulator.service.reset()
    simulator.service.rules.clear()


def expired_pair(simulator: Simulator) -> str:
    """Tokens of the second account as `make authorize` keeps them, some hours old."""
    given = simulator.accounts.grant(SECOND)
    pair = TokenPair(
        access_token=given["access_token"],
        refresh_token=given["refresh_token"],
        expires_at=datetime.now(UTC) - timedelta(hours=1),
        client_id="client-id",
        user_id=SECOND.id,
        username=SECOND.username,
    )
    return pair.to_json()
