"""What a good run has left, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import time_machine
from tests.airflow_in_memory import NOON, TOPICS, Airflow
from tests.hostile.steps import STEPS, Later, good_runs

from airflow_twitter.simulator import Rule, Simulator, World


@dataclass(frozen=True)
class Ground:
    """The data folder and XComs of good runs, and the keywords of their installation."""

    airflow: Airflow
    data: Path
    keywords: Path
    conn: str

    def later(self, step: str) -> Callable[[Path], None]:
        """Return a step, to be taken in a copy of the data folder."""
        return lambda folder: STEPS[step](Later(self.airflow, folder, self.keywords))


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Good runs at noon, of which one had posts to refuse; the simulator goes on, and the clock stands."""
    folder = tmp_path_factory.mktemp("ground")
    bad = Rule(endpoint="search_recent", nth=2, fault="malformed", params={"kinds": ["no_id", "id_float"]})
    simulator = Simulator(
        world=World(topics=TOPICS),
        credentials=("app-key", "app-secret-of-tests"),
        rules=[bad],
        limits=dict.fromkeys(("search_recent", "counts_recent"), 1_000_000),
    )
    simulator.start()
    conn = (
        f'{{"conn_type": "twitter", "host": "{simulator.url}", "login": "app-key", '
        '"password": "app-secret-of-tests"}'
    )
    keywords = folder / "keywords.yaml"
    keywords.write_text("keywords:\n- keyword: accounting\n  expand: true\n")
    airflow = Airflow()
    with pytest.MonkeyPatch.context() as patch, time_machine.travel(NOON, tick=False):
        patch.setenv("TWITTER_DATA", str(folder / "data"))
        patch.setenv("AIRFLOW_CONN_TWITTER_DEFAULT", conn)
        good_runs(airflow, folder / "data")
        yield Ground(airflow, folder / "data", keywords, conn)
    simulator.stop()
