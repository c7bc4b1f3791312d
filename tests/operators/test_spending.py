"""The operator that shows what was bought, beside the simulator's own count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException
from tests.airflow_in_memory import NOON, Airflow
from tests.operators.spent import ledger

from airflow_twitter.api.client import XClient
from airflow_twitter.api.errors import TransientError
from airflow_twitter.operators.spending import TwitterSpendingOperator
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Rule, Simulator
from airflow_twitter.spending.ledger import Ledger, Purchase

Start = Callable[..., Simulator]
ACCOUNTING = {"keyword": "accounting", "max_results": 20, "expand": True}
DAY = timedelta(days=1)


pytestmark = pytest.mark.usefixtures("clock")


def reconcile(airflow: Airflow, **settings: Any) -> dict[str, Any]:
    """Execute the operator; raises what it raises."""
    operator = TwitterSpendingOperator(task_id="reconcile", **settings)
    return operator.execute(context=airflow.context("reconcile", run_id="manual__r"))


def test_nothing(airflow: Airflow, start_simulator: Start) -> None:
    """Before anything was bought there is nothing to compare."""
    simulator = start_simulator()
    assert reconcile(airflow) == {"connections": {}, "projects": {}}
    assert simulator.book.requests == []


def test_agree(
    airflow: Airflow,
    start_simulator: Start,
    clock: time_machine.Traveller,
    budgets: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After runs on two days X and the ledger agree to the post, and the log shows both."""
    budgets("{day: 20, month: 100}")
    start_simulator()
    airflow.search(ACCOUNTING)
    clock.shift(DAY)
    airflow.search({**ACCOUNTING, "query": "accounting -zzz"}, run_id="manual__2")
    clock.shift(DAY)

    found = reconcile(airflow, days="7", tolerance="0")

    (project,) = found["projects"].values()
    assert project["connections"] == ["twitter_default"]
    compared = project["compared"]
    assert [each["when"] for each in compared] == ["2026-12-03", "2026-12-02", "2026-12-01"]
    assert all(each["noted"] == each["counted"] for each in compared)
    assert compared[1]["noted"] >= 60
    month = found["connections"]["twitter_default"]["month"]
    assert month["posts"] == compared[1]["noted"] + compared[2]["noted"]
    out = capsys.readouterr().out
    assert "twitter_default: $0.00 of $20.00 today, " in out
    assert " of $100.00 this month." in out
    assert "X and the ledger agree, within 0 %." in out


def test_lost_answers_are_explained(
    airflow: Airflow,
    start_simulator: Start,
    clock: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was sold and never received is told, and makes nothing red."""
    monkeypatch.setattr(XClient, "_deadline", lambda client: client._monotonic())
    start_simulator(rules=[Rule(endpoint="search_recent", nth=2, fault="lost_answer")])
    with pytest.raises(TransientError):
        airflow.search(ACCOUNTING)
    clock.shift(DAY)
    reconcile(airflow, tolerance=0)
    assert "more may have been sold, in one request without an answer." in capsys.readouterr().out


def test_another_program(airflow: Airflow, start_simulator: Start, clock: time_machine.Traveller) -> None:
    """When X counts more on a day that is over, the run fails, and says by how much and why that may be."""
    simulator = start_simulator()
    airflow.search({**ACCOUNTING, "expand": False, "page_max": 1})
    airflow.search({"keyword": "accounting"}, run_id="manual__2")
    (Path(ledger_file(airflow))).unlink()
    airflow.search({**ACCOUNTING, "expand": False, "page_max": 1})
    reconcile(airflow)
    clock.shift(DAY)
    with pytest.raises(AirflowFailException) as caught:
        reconcile(airflow)
    assert len(set(simulator.book.sold)) == 60
    assert "2026-12-01: 20 posts were noted, X counts 60; 40 are not noted." in str(caught.value)
    assert "another program, or another data folder" in str(caught.value)
    assert airflow.xcom("reconcile", "return_value", run_id="manual__r")["projects"]


def ledger_file(airflow: Airflow) -> Path:
    """The ledger's file of the first day."""
    return airflow.run().store.root / "ledger" / "twitter_default" / "2026-12-01.jsonl"


def test_fewer(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """When X counts fewer the run says so too."""
    start_simulator()
    items = {"post_read": [str(number) for number in range(50)]}
    ledger(data_folder).record(Purchase(key="k", run="r", at=NOON, items=items))
    clock.shift(DAY)
    with pytest.raises(AirflowFailException, match="50 posts were noted, X counts 0; 50 are not counted"):
        reconcile(airflow)
    assert reconcile(airflow, tolerance=1)


def test_connection_is_gone(
    airflow: Airflow, start_simulator: Start, data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a connection bought that is gone is shown all the same."""
    start_simulator()
    Ledger(Store(data_folder), "old_app").record(
        Purchase(key="k", run="r", at=NOON, items={"post_read": ["1"]})
    )
    found = reconcile(airflow)
    assert found["connections"]["old_app"]["month"]["posts"] == 1
    assert found["projects"] == {}
    assert "There is no connection old_app any more" in capsys.readouterr().out


def test_refused(airflow: Airflow, start_simulator: Start) -> None:
    """When X does not tell, the run says why, after all that is known is shown."""
    start_simulator(rules=[Rule(endpoint="usage", fault="forbidden")])
    airflow.search(ACCOUNTING)
    with pytest.raises(AirflowFailException, match=r"X does not say what it sold twitter_default: .*403"):
        reconcile(airflow)


@pytest.mark.parametrize("usage", [{}, {"daily_project_usage": {"usage": "none"}}])
def test_without_days(
    airflow: Airflow,
    start_simulator: Start,
    monkeypatch: pytest.MonkeyPatch,
    usage: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where X tells no days there is a warning, and nothing fails."""
    from airflow_twitter.api.answers import Answer, read_usage

    start_simulator()
    airflow.search(ACCOUNTING)

    def without(answer: Answer) -> Any:
        import json

        body = json.dumps({"data": {"project_usage": "60", "cap_reset_day": 15, **usage}}).encode()
        return read_usage(Answer(body, answer.limit, answer.server_time, answer.request_id))

    monkeypatch.setattr("airflow_twitter.api.client.read_usage", without)
    assert reconcile(airflow)["projects"]["twitter_default"]["compared"] == []
    assert "X gives no figure by day to compare with" in capsys.readouterr().out
