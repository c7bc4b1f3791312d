"""Schemathesis makes requests of all kinds from the API's own OpenAPI document, right ones and wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.pages.publishing_api import ACCOUNTS, API, Program, write_dags

from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 400


def test_fuzzed(
    api_server: Any, world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    """Whatever is sent: no server error, and every answer is one that the document names, in its form."""
    path = tmp_path / "accounts.yaml"
    path.write_text(ACCOUNTS.replace("queue_max: 3", "queue_max: 10000"))
    monkeypatch.setenv("TWITTER_ACCOUNTS", str(path))
    write_dags(world.session, path)
    Records(world.store).open("main", "known", Content(text="Known"))
    bot = Program(api_server, "bot", "USER", None)
    token = {"Authorization": f"Bearer {bot.token}"}
    schema = schemathesis.openapi.from_asgi(f"{API}/openapi.json", api_server, headers=token)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 11
    strategies = [
        operation.as_strategy(generation_mode=mode)
        for operation in operations
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    ]
    seen: set[tuple[str, int]] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(strategies), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        if known:  # an account that there is, and mostly a post that there is
            case.path_parameters["account"] = "main"
            case.path_parameters["post"] = "known"
        answer = case.call(headers=token)
        case.validate_response(answer, checks=CHECKS)
        seen.add((f"{case.method} {case.path}", answer.status_code))

    send()
    record_property("answers", sorted(seen))
    succeeded = {operation for operation, status in seen if status < 300}
    assert len(succeeded) >= 5, sorted(seen)
