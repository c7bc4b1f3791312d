"""Airflow's question whether a post may go out, asked and answered without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import TaskAwaitingInput
from tests.publishing_in_memory import Publishing


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Airflow was told to ask, each time."""
    questions: list[dict[str, Any]] = []

    def ask(ti_id: Any, **question: Any) -> None:
        questions.append(question)

    monkeypatch.setattr(hitl, "upsert_hitl_detail", ask)
    return questions


def answer(option: str, by: str = "bob", **params: Any) -> dict[str, Any]:
    """What Airflow hands over when somebody has answered."""
    return {
        "chosen_options": [option],
        "params_input": params,
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": by, "name": by},
    }


def approve(airflow: Publishing, event: dict[str, Any] | None = None) -> Any:
    """Begin the approval, or resume it with an answer."""
    return airflow.task("twitter_publish", "approve", {}, event=event)


def wait(airflow: Publishing, event: dict[str, Any] | None = None) -> TaskAwaitingInput:
    """Begin or resume an approval that then waits for an answer."""
    with pytest.raises(TaskAwaitingInput) as caught:
        approve(airflow, event)
    return caught.value
