"""A real Airflow beside a simulator, in a folder of its own and on free ports, for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from real_airflow import FINISHED, RealAirflow

from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Simulator, Topic, World
from local_airflow import running
from local_airflow.place import password
from local_airflow.settings import SIMULATOR_CREDENTIALS, simulated

KEYWORDS = """
keywords:
  - keyword: invoice
    page_max: 3
    max_results: 20
  - keyword: accounting
    page_max: 1
    max_results: 20
  - keyword: sevdesk
"""
ACCOUNTS = """
accounts:
  - {account: main, distance_s: 0, visible_s: 0, look_again_s: 10, segment_bytes: 4096, author_may_approve: true}
"""
QUEUE = "twitter_post__main"
TOPICS = {"invoice": Topic(total=60), "accounting": Topic(total=60), "sevdesk": Topic(total=2)}


class Stack:
    """What a person sees of a running Airflow: its address, a user, and the simulator that stands for X."""

    def __init__(self, airflow: RealAirflow, simulator: Simulator) -> None:
        self.airflow = airflow
        self.simulator = simulator
        now = running.load(airflow.place)
        assert now is not None
        self.url = now.url
        self.password = password(airflow.place)

    @property
    def records(self) -> Records:
        """The records of posts, as they lie in the data folder."""
        return Records(Store(self.airflow.place.data))

    def pause(self, paused: bool) -> None:
        """Pause the queue, or let it go on."""
        self.airflow.wait(lambda: self.airflow.rest.get(f"dags/{QUEUE}"), "the queue")
        self.airflow.rest.send("PATCH", f"dags/{QUEUE}", {"is_paused": paused})

    def hold_back(self) -> None:
        """Pause the queue once nothing is under way in it: Airflow goes on with no run of a paused DAG."""
        running = f"dags/{QUEUE}/dagRuns?state=running&state=queued"
        self.pause(False)
        self.airflow.wait(lambda: not self.airflow.rest.get(running)["dag_runs"], "the end of all runs", 240)
        self.pause(True)

    def publish(self, text: str, **conf: Any) -> str:
        """Trigger twitter_publish as the form does, and return the run's id."""
        self.airflow.wait(lambda: self.airflow.rest.get("dags/twitter_publish"), "the DAG twitter_publish")
        return self.airflow.trigger("twitter_publish", {"account": "main", "text": text, **conf})

    def wait_for(self, key: str, state: PostState) -> None:
        """Wait until a post's record has a state."""

        def there() -> bool:
            record = self.records.find("main", key)
            return record is not None and record.state is state

        self.airflow.wait(there, f"{key} to be {state.value}", 240)

    def collect(self, dag_id: str, **conf: Any) -> str:
        """Run a DAG until it has ended or waits for X, and return the run's id."""
        self.airflow.unpause(dag_id)
        run_id = self.airflow.trigger(dag_id, conf)

        def settled() -> bool:
            waits = self.airflow.task(dag_id, run_id, "search")["state"] == "up_for_reschedule"
            return waits or self.airflow.run_state(dag_id, run_id) in FINISHED

        self.airflow.wait(settled, f"the end of {run_id}, or its wait", timeout_s=120)
        return run_id


@contextmanager
def running_stack(folder: Path, *, requests: int, window_s: float) -> Iterator[Stack]:
    """Start a simulator that allows so many searches in a window, and Airflow against it; end both with the block."""
    simulator = Simulator(
        world=World(seed=7, topics=TOPICS),
        limits={"search_recent": requests},
        window_s=window_s,
        credentials=SIMULATOR_CREDENTIALS,
        processing_s=0.0,
    )
    with simulator:
        airflow = RealAirflow(folder, KEYWORDS, {"accounts.yaml": ACCOUNTS}, {})
        airflow.settings = simulated(airflow.place, simulator.url)
        try:
            airflow.start()
            yield Stack(airflow, simulator)
        finally:
            airflow.stop()
