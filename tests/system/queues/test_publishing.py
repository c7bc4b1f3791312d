"""Publishing under a real scheduler: the queue in order, an approval over the REST API, a kill in mid-upload."""

from __future__ import annotations

import hashlib
import os
import signal
from typing import Any

import pytest
from real_airflow import RealAirflow
from tests.publishing.films import film
from tests.system.queues.accounts import SECOND, texts

from airflow_twitter.simulator import Rule, Simulator

pytestmark = [pytest.mark.system, pytest.mark.scheduler, pytest.mark.timeout(600)]

QUEUE = "twitter_post__main"
OTHER = "twitter_post__second"


def publish(airflow: RealAirflow, **conf: Any) -> str:
    """Trigger twitter_publish as the form does, and return the run's id."""
    airflow.wait(lambda: airflow.rest.get("dags/twitter_publish"), "the DAG twitter_publish")
    return airflow.trigger("twitter_publish", conf)


def queued(airflow: RealAirflow, run_id: str, dag_id: str = QUEUE) -> dict[str, Any]:
    """Wait until a post is in the queue, and return the queue's run."""
    path = f"dags/{dag_id}/dagRuns/{run_id}"
    return dict(airflow.wait(lambda: airflow.rest.get(path), f"{run_id} in the queue", 240))


def test_queue_in_order(airflow: RealAirflow, simulator: Simulator) -> None:
    """Posts wait as runs of a paused queue, another account's do not, and they go out one by one in order."""
    airflow.wait(lambda: airflow.rest.get(f"dags/{QUEUE}"), "the queue")
    airflow.rest.send("PATCH", f"dags/{QUEUE}", {"is_paused": True})
    runs = [publish(airflow, account="main", text=f"Post {number}") for number in range(3)]
    elsewhere = publish(airflow, account="second", text="Elsewhere")

    assert [queued(airflow, run_id)["state"] for run_id in runs] == ["queued"] * 3
    queued(airflow, elsewhere, OTHER)
    assert airflow.finish(OTHER, elsewhere) == "success"
    assert texts(simulator, SECOND) == ["Elsewhere"]
    assert texts(simulator) == []
    assert airflow.xcom("twitter_publish", runs[0], "hand_over", "state")["state"] == "queued"

    airflow.rest.send("PATCH", f"dags/{QUEUE}", {"is_paused": False})
    assert [airflow.finish(QUEUE, run_id) for run_id in runs] == ["success"] * 3
    assert texts(simulator) == ["Post 0", "Post 1", "Post 2"]
    state = airflow.xcom(QUEUE, runs[0], "record", "state")
    assert (state["success"], state["simulated"]) == (True, True)
    links = airflow.rest.get(f"dags/{QUEUE}/dagRuns/{runs[0]}/taskInstances/record/links")
    assert links["extra_links"] == {"Post on x.com": state["post_url"]}
    events = airflow.rest.get(f"assets/events?source_dag_id={QUEUE}&order_by=timestamp")["asset_events"]
    # Other tests have posted in this Airflow before.
    told = [event["extra"] for event in events if event["extra"]["post"] in runs]
    assert [(each["post"], each["simulated"]) for each in told] == [(run_id, True) for run_id in runs]
    assert told[0]["post_url"] == state["post_url"]


def test_future_logical_date_is_refused(airflow: RealAirflow, simulator: Simulator) -> None:
    """A run for the future is refused at once, with the field that is meant for it: Airflow would let it hang."""
    body = {"logical_date": "2126-01-01T00:00:00Z", "conf": {"account": "main", "text": "Later"}}
    with pytest.raises(RuntimeError, match="set publish_at"):
        airflow.rest.send("POST", "dags/twitter_publish/dagRuns", body)


def test_approval_over_rest(airflow: RealAirflow, simulator: Simulator) -> None:
    """An approver answers over the REST API, with a changed text, which nobody else can; others do not wait for that."""
    run_id = publish(airflow, account="main", text="Draft", approval=True)
    details = f"dags/twitter_publish/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    airflow.wait(
        lambda: airflow.task("twitter_publish", run_id, "approve")["state"] == "awaiting_input",
        "the question",
        240,
    )
    asked = airflow.rest.get(details)
    assert "Draft" in asked["body"]
    assert airflow.xcom("twitter_publish", run_id, "approve", "state")["state"] == "awaiting_approval"
    answer = {"chosen_options": ["Approve"], "params_input": {"text": "Final"}}

    with pytest.raises(RuntimeError, match="403"):
        airflow.rest.send("PATCH", details, answer)
    meanwhile = publish(airflow, account="main", text="Meanwhile")
    queued(airflow, meanwhile)
    assert airflow.finish(QUEUE, meanwhile) == "success"
    airflow.log_in("editor").send("PATCH", details, answer)

    queued(airflow, run_id)
    assert airflow.finish(QUEUE, run_id) == "success"
    assert texts(simulator) == ["Meanwhile", "Final"]


def test_killed_in_mid_upload(airflow: RealAirflow, simulator: Simulator) -> None:
    """kill -9 in mid-upload: Airflow's own retry goes on with the same media at the segment that was not confirmed."""
    folder = airflow.place.data / "videos"
    folder.mkdir(parents=True, exist_ok=True)
    video = film(folder / "long.mp4", seconds=2.0, noisy=True)
    segments = -(-video.stat().st_size // 4096)
    assert segments > 10
    simulator.service.rules.add([Rule(endpoint="append_media", fault="slow", nth=6, params={"delay_s": 3.0})])
    run_id = publish(airflow, account="main", text="Look", video="long.mp4")
    queued(airflow, run_id)

    airflow.wait(lambda: len(simulator.book.to("append_media")) >= 5, "the sixth segment", 240)
    os.kill(airflow.task(QUEUE, run_id, "upload")["pid"], signal.SIGKILL)

    assert airflow.finish(QUEUE, run_id, 300) == "success"
    (upload,) = simulator.uploads
    assert upload.sha256 == hashlib.sha256(video.read_bytes()).hexdigest()
    # What was in flight when the task died is sent again, and nothing else.
    assert len(simulator.book.to("append_media")) <= segments + 2
    assert texts(simulator) == ["Look"]
    assert airflow.task(QUEUE, run_id, "upload")["try_number"] == 2


def test_unknown_is_decided(airflow: RealAirflow, simulator: Simulator) -> None:
    """A post of which nobody knows ends its run red; the queue goes on; one click has it sent again."""
    simulator.service.rules.add([Rule(endpoint="create_post", fault="reset_before", nth=1)])
    run_id = publish(airflow, account="main", text="In doubt")
    queued(airflow, run_id)
    assert airflow.finish(QUEUE, run_id) == "failed"
    assert airflow.xcom(QUEUE, run_id, "create_post", "state")["state"] == "unknown"

    question = f"{run_id}__1"
    airflow.wait_for_task("twitter_decide", question, "decide", "awaiting_input")
    after = publish(airflow, account="main", text="After it")
    queued(airflow, after)
    assert airflow.finish(QUEUE, after) == "success"

    airflow.rest.send(
        "PATCH",
        f"dags/twitter_decide/dagRuns/{question}/taskInstances/decide/-1/hitlDetails",
        {"chosen_options": ["Not posted"], "params_input": {"link": None}},
    )
    airflow.wait(lambda: texts(simulator) == ["After it", "In doubt"], "the post")
    assert airflow.finish(QUEUE, run_id) == "success"
    assert len(simulator.book.to("create_post")) == 3
