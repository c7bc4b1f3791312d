"""`make demo`: collect one keyword from the simulator through a real Airflow, and check every post."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import yaml

from airflow_twitter.api.prices import PRICES
from airflow_twitter.posts.slugs import slugify
from local_airflow import running, stage
from local_airflow.place import DEMO
from local_airflow.stage import DemoError
from local_airflow.watch import Watch

POSTS, PAGE = 142, 100
WINDOW_S = 15
"""Two pages, and one request a window: one wait. Waits of 10 s and less are slept in the task, out of sight."""
RUN_ID = "demo"
_PLAIN = {"keyword", "schedule", "start_date", "max_results", "page_max"}
RUN_TIMEOUT_S = 180.0


def run() -> None:
    """Collect a keyword from start to end, and leave nothing running."""
    begin = time.monotonic()
    keyword = _pick_keyword()
    topic = f"{keyword}={POSTS}"
    options = ["--window-s", str(WINDOW_S), "--limit", "search_recent=1", "--topic", topic]
    with stage.on_stage(options) as now:
        _collect(keyword, now)
        _check(keyword, now)
    print(f"Done in {time.monotonic() - begin:.0f} s. Next: make up")


def _pick_keyword() -> str:
    """Return the first keyword that finds, in the simulator, just the posts about it."""
    try:
        entries = yaml.safe_load((DEMO.root / "dags" / "keywords.yaml").read_text(encoding="utf-8"))[
            "keywords"
        ]
        for entry in entries:
            if {"keyword"} <= set(entry) <= _PLAIN:
                return str(entry["keyword"])
    except (OSError, TypeError, KeyError, ValueError, yaml.YAMLError) as error:
        raise DemoError(f"dags/keywords.yaml cannot be read: {error}") from None
    raise DemoError("dags/keywords.yaml has no entry for the demo: it takes one with just a keyword.")


def _collect(keyword: str, now: running.Running) -> None:
    """Trigger the keyword's DAG and show how it goes on until it has ended."""
    airflow = stage.logged_in(now)
    dag_id = f"twitter_search__{slugify(keyword)}"
    dag = stage.wait_for_dag(airflow, dag_id)
    # All posts of the simulator are older than a minute, and a window that ended then has settled.
    until = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    times = {"start_time": until - timedelta(days=6, hours=12), "end_time": until}
    body = {
        "dag_run_id": RUN_ID,
        # Airflow runs the latest interval of a DAG that is unpaused. This run takes its place.
        "logical_date": dag["next_dagrun_logical_date"],
        "data_interval_start": dag["next_dagrun_data_interval_start"],
        "data_interval_end": dag["next_dagrun_data_interval_end"],
        "conf": {
            **{name: time.isoformat().replace("+00:00", "Z") for name, time in times.items()},
            "max_results": PAGE,
            "page_max": None,
        },
    }
    print(f"Triggering {dag_id} for keyword {keyword!r}")
    airflow.send("POST", f"dags/{dag_id}/dagRuns", body)
    airflow.send("PATCH", f"dags/{dag_id}", {"is_paused": False})
    watch = Watch(airflow, dag_id, RUN_ID)
    if (state := watch.until_ended(RUN_TIMEOUT_S)) != "success":
        logs = DEMO.home / "logs" / f"dag_id={dag_id}" / f"run_id={RUN_ID}"
        raise DemoError(f"The run ended as {state}. Its logs are in {logs}")
    if watch.waits != 1:
        raise DemoError(f"The run waited {watch.waits} times for X's limit; it was set up to wait once.")


def _check(keyword: str, now: running.Running) -> None:
    """Compare the file with what the simulator holds, id by id; show some of it, and its price."""
    path = DEMO.data / f"tweets_{slugify(keyword)}.json"
    if not path.exists():
        raise DemoError(f"{path} was not written.")
    posts = json.loads(path.read_text(encoding="utf-8"))
    collected = [str(post["id"]) for post in posts]
    truth = stage.ask_simulator(now, "truth", query=keyword)
    if differing := differences(collected, truth):
        raise DemoError(f"{path} is not what the simulator holds: {differing}")
    book = stage.ask_simulator(now, "book")
    searches = sum(1 for request in book["requests"] if request["endpoint"] == "search_recent")
    sold = len(book["sold"])
    print(f"\n{path}")
    print(f"  {len(posts)} posts, id by id the {len(truth)} that the simulator holds, in {searches} requests")
    for post in posts[-3:]:
        print(f"  {post['created_at']}  {' '.join(post['text'].split())[:80]}")
    print(
        f"  X would have charged ${PRICES.cost({'post_read': sold}):.2f} for the {sold} posts that were read\n"
    )


def differences(collected: Sequence[str], truth: Sequence[str]) -> str:
    """Say how two lists of ids differ; empty when each id is in both, once."""
    kinds = {
        "missing": set(truth) - set(collected),
        "not in the simulator": set(collected) - set(truth),
        "more than once": {one for one in collected if collected.count(one) > 1},
    }
    return "; ".join(
        f"{len(ids)} {kind} ({', '.join(sorted(ids)[:5])})" for kind, ids in kinds.items() if ids
    )
