"""X's no to one post, and X's no to the account."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airflow.sdk.exceptions import AirflowFailException
from tests.publishing_in_memory import ACCOUNT, RUN, Publishing, texts

from airflow_twitter.accounts.holding import held
from airflow_twitter.publishing.decisions import mark_posted
from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]
QUICK = "- account: main\n  distance_s: 0\n  visible_s: 0\n"
ELSEWHERE = "https://x.com/somebody/status/1234567890123456789"


@pytest.mark.parametrize("kind", ["oauth1-permissions", "not-authorized-for-resource"])
def test_app_may_not_post(airflow: Publishing, start_simulator: Start, kind: str) -> None:
    """A refusal that names its type holds the account: no post fails, and each goes out once it is released."""
    rule = Rule(endpoint="create_post", fault="forbidden", params={"type": kind})
    simulator = start_simulator(rules=[rule])
    airflow.publish(text="Hello")
    airflow.step("wait_for_rate_limit")
    airflow.step("create_post")

    assert airflow.state("create_post")["state"] == "held"
    assert airflow.state("create_post")["error_type"] == "auth"
    simulator.clear_rules()
    airflow.release()
    airflow.post()
    assert texts(simulator) == ["Hello"]


def test_wrong_address(airflow: Publishing, start_simulator: Start, connect: Callable[..., None]) -> None:
    """A host that does not have X's API holds the account."""
    simulator = start_simulator()
    airflow.publish(text="Hello")
    tokens = {"access_token": ACCOUNT.access_token, "access_token_secret": ACCOUNT.access_token_secret}
    connect(f"{simulator.url}/elsewhere", **tokens)
    airflow.step("wait_for_rate_limit")
    airflow.step("create_post")
    assert airflow.state("create_post")["error_type"] == "configuration"
    assert held(airflow.store, "main") is not None
    assert airflow.record().state is PostState.HELD


def test_one_refusal_after_the_other(airflow: Publishing, start_simulator: Start) -> None:
    """Refusals for no reason that shows end each its own post; the third in a row holds the account for the others."""
    start_simulator(rules=[Rule(endpoint="create_post", fault="forbidden")])
    airflow.accounts(QUICK)
    for number in range(3):
        assert held(airflow.store, "main") is None
        run_id = f"manual__{number}"
        airflow.publish(text=f"Hello {number}", run_id=run_id)
        airflow.step("wait_for_rate_limit", run_id=run_id)
        airflow.fails("create_post", run_id=run_id)
        assert airflow.record(run_id).state is PostState.FAILED
    why = held(airflow.store, "main")
    assert why is not None
    assert why.error_type == "refused"

    airflow.release()
    airflow.publish(text="Hello 4", run_id="manual__4")
    airflow.step("wait_for_rate_limit", run_id="manual__4")
    airflow.fails("create_post", run_id="manual__4")
    assert held(airflow.store, "main") is None, "releasing counts anew"


def test_refusals_with_a_post_between(airflow: Publishing, start_simulator: Start) -> None:
    """A post that goes out ends a row of refusals."""
    simulator = start_simulator()
    airflow.accounts(QUICK)
    for number in range(5):
        run_id = f"manual__{number}"
        airflow.publish(text=f"Hello {number}", run_id=run_id)
        if number == 2:
            airflow.post(run_id=run_id)
            continue
        simulator.add_rules([Rule(endpoint="create_post", fault="forbidden")])
        airflow.step("wait_for_rate_limit", run_id=run_id)
        airflow.fails("create_post", run_id=run_id)
        simulator.clear_rules()
    assert held(airflow.store, "main") is None


def test_another_accounts_post(airflow: Publishing, start_simulator: Start) -> None:
    """A post that X does not delete ends that run alone: neither the account nor the record is touched."""
    start_simulator(rules=[Rule(endpoint="delete_post", fault="forbidden")])
    airflow.publish(text="Hello")
    mark_posted(airflow.records, "main", RUN, ELSEWHERE, by="ann")
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="another account's"):
            airflow.task("twitter_unpublish", "delete", {"account": "main", "post": RUN}, run_id="manual__9")
    state = airflow.state("delete", dag_id="twitter_unpublish", run_id="manual__9")
    assert (state["state"], state["error_type"], state["will_retry"]) == ("posted", "refused", False)
    assert held(airflow.store, "main") is None
    assert airflow.record().state is PostState.POSTED
