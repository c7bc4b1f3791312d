"""`make demo-publish`: three posts through a real Airflow, each with trouble on its way, each of them posted once."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_airflow import running, stage
from local_airflow.film import make_film
from local_airflow.place import DEMO
from local_airflow.rest import Airflow
from local_airflow.stage import DemoError

ACCOUNT = "demo"
QUEUE = f"twitter_post__{ACCOUNT}"
VIDEO = "clip.mp4"
SEGMENT_BYTES = 16 * 1024
WAIT_S = 12
IN_QUEUE, ENDED = ("queued",), ("success",)
TIMEOUT_S = 240.0
TASKS = ("record", "create_post", "wait_for_processing", "upload", "wait_for_rate_limit")

POSTS: tuple[dict[str, Any], ...] = (
    {"text": "One: a video whose upload is cut in the middle", "video": VIDEO},
    {"text": "Two: X has no room for this one yet"},
    {"text": "Three: X's answer to this one gets lost"},
)
RULES = (
    'append_media:3:reset_in_body:{"after": 4096}',
    f'create_post:2:rate_limited:{{"reset": {WAIT_S}}}',
    "create_post:4:lost_answer",
)
"""The third segment; the first try of the second post; the only try of the third."""


def run() -> None:
    """Queue the posts, show what becomes of them, check that each is there once, and leave nothing running."""
    begin = time.monotonic()
    options = [part for rule in RULES for part in ("--rule", rule)]
    with stage.on_stage(["--processing-s", "0", *options], _prepare) as now:
        airflow = stage.logged_in(now)
        stage.wait_for_dag(airflow, "twitter_publish")
        stage.wait_for_dag(airflow, QUEUE)
        print("Queueing three posts, the first with a video, while the queue is paused")
        _pause(airflow, True)
        watched = [_Watched(airflow, _queue(airflow, post), number) for number, post in enumerate(POSTS, 1)]
        _until(watched, IN_QUEUE)
        print("All three wait in the queue, in the order in which they were asked for: it goes on")
        _pause(airflow, False)
        _until(watched, ENDED)
        _check(now)
    print(f"Done in {time.monotonic() - begin:.0f} s. Next: make up, and trigger twitter_publish")


def _prepare() -> Mapping[str, str]:
    """Make the video, and DAGs with an account of their own, which posts without a distance."""
    dags = DEMO.home / "dags"
    shutil.copytree(DEMO.root / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    (dags / "accounts.yaml").write_text(
        f"accounts:\n- {{account: {ACCOUNT}, distance_s: 0, segment_bytes: {SEGMENT_BYTES}}}\n"
    )
    make_film(DEMO.data / "videos" / VIDEO)
    return {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)}


def _queue(airflow: Airflow, post: Mapping[str, Any]) -> str:
    body = {"conf": {"account": ACCOUNT, **post}, "logical_date": None}
    return str(airflow.send("POST", "dags/twitter_publish/dagRuns", body)["dag_run_id"])


@dataclass
class _Watched:
    """One post, and what was last said of it."""

    airflow: Airflow
    run_id: str
    number: int
    said: str = ""
    begin: float = field(default_factory=time.monotonic)

    def state(self) -> str:
        """Say what is new, and return the state of the post's run in the queue, or of the one before it."""
        handed_over = self.airflow.get(f"dags/{QUEUE}/dagRuns/{self.run_id}")
        if handed_over is None:
            before = self.airflow.get(f"dags/twitter_publish/dagRuns/{self.run_id}")
            self._say("being checked" if before["state"] != "failed" else "refused")
            return "failed" if before["state"] == "failed" else "checking"
        self._say(self._what(handed_over["state"]))
        return str(handed_over["state"])

    def _what(self, state: str) -> str:
        if state == "queued":
            return "in the queue"
        run = f"dags/{QUEUE}/dagRuns/{self.run_id}"
        for task in TASKS:
            entry = self.airflow.get(f"{run}/taskInstances/{task}/xcomEntries/state")
            if entry is not None:
                return _in_words(entry["value"])
        return "its turn"

    def _say(self, what: str) -> None:
        if what != self.said:
            self.said = what
            print(f"  {time.monotonic() - self.begin:4.0f} s  post {self.number}  {what}", flush=True)


def _in_words(state: Mapping[str, Any]) -> str:
    words = str(state["state"])
    if state["error_type"]:
        words += f" ({state['error_type']})"
    if state["will_retry"] and state["retry_after"]:
        words += f", goes on by itself after {state['retry_after']} s"
    return f"{words}: {state['post_url']}" if state["post_url"] else words


def _pause(airflow: Airflow, is_paused: bool) -> None:
    airflow.send("PATCH", f"dags/{QUEUE}", {"is_paused": is_paused})


def _until(watched: Sequence[_Watched], wanted: Sequence[str]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        states = [one.state() for one in watched]
        if "failed" in states:
            raise DemoError(f"The posts are {', '.join(states)}. The logs are in {DEMO.home / 'logs'}")
        if all(state in wanted for state in states):
            return
        if time.monotonic() > deadline:
            raise DemoError(f"After {TIMEOUT_S:.0f} s the posts are {', '.join(states)}.")
        time.sleep(0.5)


def _check(now: running.Running) -> None:
    """Compare what the simulator has with what was queued, and say what it took."""
    published = stage.ask_simulator(now, "published")
    found = [post["text"] for post in published["posts"]]
    if found != [post["text"] for post in POSTS]:
        raise DemoError(f"The simulator holds {len(found)} posts, and not the three in their order: {found}")
    (upload,) = published["uploads"]
    video = (DEMO.data / "videos" / VIDEO).read_bytes()
    if upload["sha256"] != hashlib.sha256(video).hexdigest():
        raise DemoError("The video that the simulator has is not the one that was queued.")
    book = stage.ask_simulator(now, "book")
    asked = [request["endpoint"] for request in book["requests"]]
    print("\nThe simulator holds exactly three posts, each once, in the order of the queue:")
    for post in published["posts"]:
        print(f"  https://x.com/i/status/{post['id']}  {post['text']}")
    print(
        f"  Post 1: {len(upload['segments'])} segments went out in {asked.count('append_media')} requests, since one "
        f"was cut; the video is the same byte for byte\n"
        f"  Post 2: refused once for the rate limit, waited without a worker, and went out\n"
        f"  Post 3: X's answer was lost; it was found on the account's timeline, and not sent again\n"
        f"  {asked.count('create_post')} requests to create a post: three posts, and the one that was refused\n"
    )
