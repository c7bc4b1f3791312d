"""The HTTP API for other programs under a real scheduler: what is asked for over HTTP is what comes out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from real_airflow import RealAirflow
from tests.publishing.films import film
from tests.system.queues.accounts import KEPT_TOKENS, QUEUE_MAX, SECOND, texts

from airflow_twitter.dag_ids import DECIDE_DAG_ID as DECIDE
from airflow_twitter.dag_ids import PUBLISH_DAG_ID as PUBLISH
from airflow_twitter.simulator import Rule, Simulator

pytestmark = [pytest.mark.system, pytest.mark.scheduler, pytest.mark.timeout(600)]


class Program:
    """Another program, which speaks to the API of one account with a token."""

    def __init__(self, airflow: RealAirflow, account: str = "main") -> None:
        self.airflow = airflow
        self.dag_id = f"twitter_post__{account}"
        self._url = f"{airflow.url}/twitter/api/v1/accounts/{account}"
        self._headers = {"Authorization": f"Bearer {airflow.token()}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Send a request; it may be asked from several threads."""
        url, headers = f"{self._url}/{path}", {**self._headers, **headers}
        return requests.request(method, url, json=body, headers=headers, timeout=60)

    def queue(self, text: str, **fields: Any) -> str:
        """Queue a post, and return its id."""
        answer = self.ask("POST", "posts", {"text": text, **fields})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def state(self, post: str) -> dict[str, Any]:
        """How a post stands."""
        answer = self.ask("GET", f"posts/{post}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_for(self, state: str, *posts: str) -> None:
        """Wait until posts have come to a state."""
        for post in posts:
            self.airflow.wait(lambda post=post: self.state(post)["state"] == state, f"{post} {state}", 240)

    def pause(self, paused: bool) -> None:
        """Pause the queue as a person does, or let it go on."""
        self.airflow.rest.send("PATCH", f"dags/{self.dag_id}", {"is_paused": paused})

    def in_queue(self, *posts: str) -> None:
        """Wait until posts have a run in the queue."""
        for post in posts:
            path = f"dags/{self.dag_id}/dagRuns/{post}"
            self.airflow.wait(lambda path=path: self.airflow.rest.get(path), f"{post} in the queue", 240)

    def begun(self, post: str) -> str:
        """When the run of a post has begun in the queue."""
        return str(self.airflow.rest.get(f"dags/{self.dag_id}/dagRuns/{post}")["start_date"])


@pytest.fixture
def main(airflow: RealAirflow) -> Program:
    """A program for the account main."""
    return Program(airflow)


@pytest.fixture
def second(airflow: RealAirflow) -> Program:
    """A program for the account second."""
    return Program(airflow, "second")


def in_seconds(seconds: float) -> str:
    """A moment to come."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def together(*calls: Callable[[], requests.Response]) -> list[requests.Response]:
    """Ask at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_queue(airflow: RealAirflow, simulator: Simulator, main: Program) -> None:
    """Queued, moved, changed, cancelled and marked over HTTP, posts go out so, each once; X is not asked meanwhile."""
    main.pause(True)
    once = {"Idempotency-Key": "order-1"}
    first, again = (main.ask("POST", "posts", {"text": "One"}, **once) for _ in range(2))
    assert (first.status_code, again.status_code, first.json()["place"]) == (202, 202, 1)
    assert first.json()["id"] == again.json()["id"]
    one = first.json()["id"]
    two, three, four = (main.queue(text) for text in ("Two", "Three", "Four"))
    full = main.ask("POST", "posts", {"text": "Five"})
    assert (full.status_code, full.json()["error_type"]) == (429, "queue_full")
    assert int(full.headers["Retry-After"]) >= 10
    main.in_queue(one, two, three, four)

    assert main.ask("POST", f"posts/{four}/move", {"place": 1}).json()["place"] == 1
    assert main.ask("PATCH", f"posts/{two}", {"text": "Two, edited"}).status_code == 200
    cancelled = main.ask("POST", f"posts/{three}/cancel").json()
    assert (cancelled["outcome"], cancelled["place"]) == ("cancelled", None)
    by_hand = main.queue("Five")
    main.in_queue(by_hand)
    link = {"link": "https://x.com/main_account/status/1234567890123456789"}
    assert main.ask("POST", f"posts/{by_hand}/posted", link).json()["success"] is True
    assert main.ask("GET", "limits").json()["queue_max"] == QUEUE_MAX
    assert [post["id"] for post in main.ask("GET", "queue").json()["posts"]] == [four, one, two, by_hand]
    assert simulator.book.requests == []

    main.pause(False)
    main.wait_for("posted", four, one, two)
    assert airflow.finish(main.dag_id, by_hand) == "success"
    assert texts(simulator) == ["Four", "One", "Two, edited"]
    assert sorted((four, one, two), key=main.begun) == [four, one, two]
    assert airflow.run_state(main.dag_id, three) == "success"
    assert main.state(three)["state"] == "cancelled"
    assert len(simulator.book.to("create_post")) == 3
    late = main.ask("POST", f"posts/{one}/cancel")
    assert (late.status_code, late.json()["outcome"]) == (409, "too_late")
    assert late.json()["post_url"].startswith("https://x.com/")


def test_at_the_same_time(airflow: RealAirflow, simulator: Simulator, main: Program, second: Program) -> None:
    """Programs that ask at once: one post for a key, no more than the queue holds, and the same text goes out once."""
    airflow.rest.send("PATCH", f"dags/{PUBLISH}", {"is_paused": True})
    key = {"Idempotency-Key": "order-2"}
    same = together(*[lambda: main.ask("POST", "posts", {"text": "Same key"}, **key)] * 6)
    assert {answer.status_code for answer in same} == {202}, [answer.text for answer in same]
    assert len({answer.json()["id"] for answer in same}) == 1

    def other(number: int) -> Callable[[], requests.Response]:
        return lambda: main.ask(
            "POST", "posts", {"text": f"Number {number}"}, **{"Idempotency-Key": f"number-{number}"}
        )

    others = together(*map(other, range(6)))
    taken = [answer.json()["id"] for answer in others if answer.status_code == 202]
    assert len(taken) == QUEUE_MAX - 1
    assert sorted(answer.status_code for answer in others)[len(taken) :] == [429] * 3
    for post in (same[0].json()["id"], *taken):
        assert main.ask("POST", f"posts/{post}/cancel").json()["outcome"] == "cancelled"

    answers = together(*[lambda: second.ask("POST", "posts", {"text": "Same text"})] * 4)
    accepted = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    assert accepted
    airflow.rest.send("PATCH", f"dags/{PUBLISH}", {"is_paused": False})
    for post in accepted:
        airflow.finish(PUBLISH, post)
    (winner,) = [post for post in accepted if second.state(post)["state"] != "duplicate"]
    second.wait_for("posted", winner)
    assert texts(simulator, SECOND) == ["Same text"]
    assert texts(simulator) == []


def test_held_account(airflow: RealAirflow, simulator: Simulator, main: Program) -> None:
    """Without credits the queue stops at the first post, says why, and goes on when it is released over HTTP."""
    simulator.service.rules.add([Rule(endpoint="create_post", fault="credits", nth=1)])
    first = main.queue("First")
    main.in_queue(first)
    then = main.queue("Then")
    main.wait_for("held", first)
    main.in_queue(then)
    queue = main.ask("GET", "queue").json()
    assert (queue["held"]["error_type"], queue["held"]["post"]) == ("credits", first)
    assert [post["state"] for post in queue["posts"]] == ["held", "held"]
    assert airflow.run_state(main.dag_id, then) == "queued"
    assert len(simulator.book.to("create_post")) == 1

    # By itself it would look again in an hour.
    assert main.ask("POST", "release").json()["released"] is True
    main.wait_for("posted", first, then)
    assert texts(simulator) == ["First", "Then"]


def test_cancelled_while_it_waits(airflow: RealAirflow, simulator: Simulator, second: Program) -> None:
    """Cancelling frees the turn of a post that waits in its turn, and takes an approval back."""
    # Text without a video does not wait for the limit of uploads.
    simulator.service.rules.add(
        [Rule(endpoint="initialize_media", fault="rate_limited", params={"reset": 3600})]
    )
    folder = airflow.place.data / "videos"
    folder.mkdir(parents=True, exist_ok=True)
    film(folder / "short.mp4", seconds=1.0)
    video = second.queue("With a video", video="short.mp4")
    asked = second.queue("Approve this", approval=True)
    second.wait_for("waiting", video)
    after = second.queue("After it")
    second.in_queue(after)
    airflow.wait_for_task(PUBLISH, asked, "approve", "awaiting_input")
    airflow.wait_for_task(second.dag_id, video, "upload", "up_for_reschedule")

    assert second.ask("POST", f"posts/{asked}/cancel").json()["outcome"] == "cancelled"
    assert airflow.run_state(PUBLISH, asked) == "success"
    assert airflow.task(PUBLISH, asked, "approve")["state"] == "skipped"
    path = f"dags/{PUBLISH}/dagRuns/{asked}/taskInstances/approve/-1/hitlDetails"
    answer = {"chosen_options": ["Approve"], "params_input": {"text": "Approve this"}}
    airflow.log_in("editor").send("PATCH", path, answer)

    assert second.ask("POST", f"posts/{video}/cancel").json()["outcome"] == "cancelled"
    assert airflow.run_state(second.dag_id, video) == "success"
    second.wait_for("posted", after)
    assert airflow.run_state(PUBLISH, asked) == "success"
    assert airflow.rest.get(f"dags/{second.dag_id}/dagRuns/{asked}") is None
    assert texts(simulator, SECOND) == ["After it"]


def test_doubts(airflow: RealAirflow, simulator: Simulator, main: Program) -> None:
    """A doubt is settled over HTTP: posted is never sent again, not posted is sent once more; no question stays."""
    simulator.service.rules.add([Rule(endpoint="create_post", fault="reset_before", nth=(1, 2))])
    there, missing = (main.queue(text) for text in ("There", "Missing"))
    main.in_queue(there, missing)
    questions = {}
    for post in (there, missing):
        assert airflow.finish(main.dag_id, post) == "failed"
        assert main.state(post)["state"] == "unknown"
        assert main.ask("POST", f"posts/{post}/cancel").json()["outcome"] == "unknown"
        questions[post] = f"{post}__1"
        airflow.wait_for_task(DECIDE, questions[post], "decide", "awaiting_input")

    assert main.ask("POST", f"posts/{there}/posted", {}).json()["success"] is True
    assert main.ask("POST", f"posts/{missing}/not-posted").json()["state"] == "queued"
    for question in questions.values():
        assert airflow.run_state(DECIDE, question) == "success"
        assert airflow.task(DECIDE, question, "decide")["state"] == "skipped"
    main.wait_for("posted", missing)
    assert main.state(there)["state"] == "posted"
    assert texts(simulator) == ["Missing"]
    assert len(simulator.book.to("create_post")) == 3


def test_two_accounts(airflow: RealAirflow, simulator: Simulator, main: Program, second: Program) -> None:
    """One account waits out its limit; another, by OAuth 2.0, posts meanwhile, with tokens that are renewed and kept."""
    simulator.accounts.expire(SECOND)
    simulator.service.rules.add(
        [Rule(endpoint="create_post", fault="rate_limited", nth=1, params={"reset": 45})]
    )
    limited = main.queue("After the limit")
    # A task notes first that it waits, and then says why.
    airflow.wait(lambda: main.state(limited)["error_type"] == "rate_limit", "the limit", 240)
    assert (main.state(limited)["state"], main.state(limited)["will_retry"]) == ("waiting", True)
    limits = {each["endpoint"]: each for each in main.ask("GET", "limits").json()["limits"]}
    assert (limits["create_post"]["remaining"], limits["create_post"]["refused"]) == (0, True)
    assert limits["create_post"]["observed_at"]
    expiring = main.queue("Only now", expires_at=in_seconds(12))

    meanwhile = second.queue("Meanwhile")
    second.wait_for("posted", meanwhile)
    # A machine may be so slow that the limit is over by now.
    if datetime.now(UTC) < datetime.fromisoformat(limits["create_post"]["resets_at"]):
        assert main.state(limited)["state"] == "waiting"
    # What was stored has to be the newest pair: a refresh token is good once.
    simulator.accounts.expire(SECOND)
    later_at = in_seconds(10)
    later = second.queue("Later", publish_at=later_at)
    second.wait_for("posted", later)
    assert second.begun(later) >= later_at
    assert len(simulator.book.to("oauth2_token")) == 2
    main.wait_for("posted", limited)
    main.wait_for("expired", expiring)
    assert texts(simulator) == ["After the limit"]
    assert texts(simulator, SECOND) == ["Meanwhile", "Later"]
    assert stored_encrypted(airflow, KEPT_TOKENS)


def stored_encrypted(airflow: RealAirflow, key: str) -> bool:
    """Tell whether a Variable is encrypted in the database."""
    with sqlite3.connect(airflow.place.database) as database:
        ((value, encrypted),) = database.execute(
            "SELECT val, is_encrypted FROM variable WHERE key = ?", (key,)
        )
    return bool(encrypted) and "refresh_token" not in value
