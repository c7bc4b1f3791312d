"""How many runs of the DAGs that publish are at work at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_twitter.dag_factories.beside_publish import SIDE_DAGS
from airflow_twitter.dag_factories.publish import publishing_dags
from airflow_twitter.dag_ids import PUBLISH_DAG_ID


@pytest.fixture
def max_active_runs(tmp_path: Path) -> dict[str, int]:
    """What every DAG allows."""
    path = tmp_path / "accounts.yaml"
    path.write_text("accounts:\n- account: main\n- account: other\n")
    return {dag_id: dag.max_active_runs for dag_id, dag in publishing_dags(path).items()}


def test_one_post_at_a_time(max_active_runs: dict[str, int]) -> None:
    """The queue of an account has one run at work."""
    assert max_active_runs["twitter_post__main"] == max_active_runs["twitter_post__other"] == 1


@pytest.mark.parametrize("dag_id", [PUBLISH_DAG_ID, *SIDE_DAGS])
def test_as_many_as_come(max_active_runs: dict[str, int], dag_id: str) -> None:
    """What waits for a person is an active run for Airflow, and keeps no other from beginning."""
    assert max_active_runs[dag_id] >= 1_000_000
