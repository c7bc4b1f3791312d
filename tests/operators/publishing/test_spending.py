"""What posts cost is noted in the ledger, and asked of the budgets before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.publishing_in_memory import RUN, Publishing, texts

from airflow_twitter.simulator import Rule, Simulator
from airflow_twitter.spending.ledger import Ledger

Start = Callable[..., Simulator]


@pytest.fixture
def budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the budget of a day."""
    path = tmp_path / "spending.yaml"
    monkeypatch.setenv("TWITTER_SPENDING", str(path))

    def write(day: float) -> None:
        path.write_text(f"budgets:\n  twitter_default: {{day: {day}}}\n")

    return write


def spent(airflow: Publishing) -> float:
    """What the ledger says of today, in dollars."""
    return Ledger(airflow.store, "twitter_default").day(datetime.now(UTC)).dollars


@pytest.mark.parametrize("fault", [None, "lost_answer"])
@pytest.mark.parametrize("text", ["Hello", "See https://example.com"])
def test_ledger_is_the_book(
    airflow: Publishing, start_simulator: Start, text: str, fault: str | None
) -> None:
    """The ledger says what the simulator charges, also when an answer got lost, and after running everything again."""
    rules = [Rule(endpoint="create_post", fault=fault, nth=1)] if fault else []
    simulator = start_simulator(rules=rules)
    airflow.publish(text=text)
    for _ in range(2):
        airflow.post()

    assert spent(airflow) == pytest.approx(simulator.book.dollars)
    assert spent(airflow) >= airflow.record().details["price"]


def test_budget_holds_the_account(
    airflow: Publishing, start_simulator: Start, budget: Callable[[float], None]
) -> None:
    """A budget that does not hold the next post holds the account before anything is sent; raised, it goes on."""
    budget(0.02)
    simulator = start_simulator()
    for number in (1, 2):
        airflow.publish(text=f"Post {number}", run_id=f"manual__{number}")
    airflow.post()

    assert isinstance(airflow.step("create_post", run_id="manual__2"), datetime)

    state = airflow.state("create_post", run_id="manual__2")
    assert (state["state"], state["error_type"]) == ("held", "budget")
    assert texts(simulator) == ["Post 1"]
    budget(1.0)
    airflow.release()
    airflow.post(run_id="manual__2")
    assert texts(simulator) == ["Post 1", "Post 2"]


def test_refused_costs_nothing(
    airflow: Publishing, start_simulator: Start, budget: Callable[[float], None]
) -> None:
    """What X refused was not sold: its price is free for the next try."""
    budget(0.02)
    simulator = start_simulator(rules=[Rule(endpoint="create_post", fault="credits", nth=(1, 3))])
    airflow.publish(text="Hello")
    for _ in range(3):
        assert isinstance(airflow.step("create_post"), datetime)
        assert airflow.state("create_post")["error_type"] == "credits"
        airflow.release()
    airflow.post(run_id=RUN)
    assert texts(simulator) == ["Hello"]
