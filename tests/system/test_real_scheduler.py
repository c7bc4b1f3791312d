"""Runs under a real scheduler with one slot in all: started over REST, by a schedule, and by a backfill."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from real_airflow import RealAirflow

from airflow_twitter.simulator import Rule, Simulator, Topic, World
from local_airflow.account import as_json

pytestmark = [pytest.mark.system, pytest.mark.scheduler, pytest.mark.timeout(600)]

SECRET = "app-secret-of-tests"
WRONG_SECRET = "a-wrong-secret-4711"
WINDOW_S = 25.0

KEYWORDS = """
keywords:
  - {keyword: invoice, schedule: null, connection: twitter_limited}
  - {keyword: accounting, schedule: null, connection: twitter_limited}
  - {keyword: refused, schedule: null, connection: twitter_wrong}
  - {keyword: midnight, schedule: "@daily", start_date: 2026-01-01}
  - {keyword: history, schedule: "@daily", start_date: 2026-01-01}
  - {keyword: broken, max_results: many}
  - {keyword: forgotten, schedule: "@daily", start_date: 2026-01-01}
"""

OTHER_DAG = '''
"""An airflow DAG that has nothing to do with X."""
from airflow.sdk import dag, task

@dag(schedule=None)
def other():
    @task
    def work() -> str:
        return "done"
    work()

other()
'''

CONSUMER_DAG = '''
"""An airflow DAG of somebody who wants to know of new posts."""
from airflow.sdk import Asset, dag, task

posts = Asset(name="twitter_posts_sevdesk", uri="x-posts://sevdesk")

@dag(schedule=[posts])
def consumer():
    @task
    def look(triggering_asset_events=None) -> list:
        return [event.extra for event in triggering_asset_events[posts]]
    look()

consumer()
'''

TASKS = ["wait_for_rate_limit", "search", "validate", "merge", "window_complete"]
TOPICS = {
    "sevdesk": Topic(total=2),
    "invoice": Topic(total=60),
    "accounting": Topic(total=60),
    "midnight": Topic(per_day=150),
    "history": Topic(per_day=120),
    "forgotten": Topic(per_day=40),
    "cleared": Topic(total=30, span_s=3 * 86400),
    "costly": Topic(total=50),
    "upkept": Topic(total=30, span_s=3 * 86400),
}


def simulator(**options: Any) -> Simulator:
    """A simulator with the topics of these tests."""
    return Simulator(world=World(seed=7, topics=TOPICS), credentials=("key", SECRET), **options)


@pytest.fixture(scope="module")
def plenty() -> Iterator[Simulator]:
    """A simulator that has room for every request."""
    with simulator() as x:
        yield x


@pytest.fixture(scope="module")
def limited() -> Iterator[Simulator]:
    """A simulator that takes one search in a window."""
    with simulator(limits={"search_recent": 1}, window_s=WINDOW_S) as x:
        yield x


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, plenty: Simulator, limited: Simulator
) -> Iterator[RealAirflow]:
    """A real Airflow with one slot for tasks."""
    settings = {
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW_CONN_TWITTER_DEFAULT": as_json(plenty.url, "key", SECRET),
        "AIRFLOW_CONN_TWITTER_LIMITED": as_json(limited.url, "key", SECRET),
        "AIRFLOW_CONN_TWITTER_WRONG": as_json(plenty.url, "key", WRONG_SECRET),
    }
    dags = {"other.py": OTHER_DAG, "consumer.py": CONSUMER_DAG}
    airflow = RealAirflow(tmp_path_factory.mktemp("airflow"), KEYWORDS, dags, settings)
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()


def exported(airflow: RealAirflow, slug: str) -> list[str]:
    """The ids in a keyword's JSON file."""
    return [post["id"] for post in json.loads((airflow.place.data / f"tweets_{slug}.json").read_bytes())]


def day(offset: int) -> str:
    """Midnight of a day before or after today, as the form gives it."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{today + timedelta(days=offset):%Y-%m-%dT%H:%M:%SZ}"


def searches(x: Simulator, word: str) -> list[Any]:
    """The searches for a word that the simulator was asked."""
    return [e for e in x.book.requests if e.endpoint == "search_recent" and word in e.params.get("query", "")]


def window(airflow: RealAirflow, dag_id: str, run_id: str) -> dict[str, Any]:
    """The window that a run decided."""
    (path,) = (airflow.place.data / "staging" / dag_id).glob(f"{run_id}/window.json")
    return dict(json.loads(path.read_bytes()))


def test_trigger_with_params(airflow: RealAirflow, plenty: Simulator) -> None:
    """A trigger over REST with params, without a logical date: two posts, one page, one file, one asset event."""
    airflow.unpause("consumer")
    airflow.unpause("twitter_search")
    run_id = airflow.trigger("twitter_search", {"keyword": "sevdesk", "page_max": 3, "max_results": 10})

    assert airflow.finish("twitter_search", run_id) == "success"

    assert sorted(exported(airflow, "sevdesk")) == sorted(plenty.truth("sevdesk"))
    log = airflow.log(run_id)
    for line in (
        'PIPELINE START: keyword=\\"sevdesk\\", page_max=3, max_results=10',
        "Requesting a bearer token",
        "Bearer token generated",
        "request successful, 2 posts processed",
        "No more pages",
        "tweets_sevdesk.json",
        "PIPELINE END: total_tweets=2",
    ):
        assert line in log
    assert SECRET not in log
    (consumed,) = airflow.wait(lambda: airflow.rest.get("dags/consumer/dagRuns")["dag_runs"], "the consumer")
    assert airflow.finish("consumer", consumed["dag_run_id"]) == "success"
    told = airflow.xcom("consumer", consumed["dag_run_id"], "look", "return_value")
    assert [(event["new"], event["updated"], event["complete"]) for event in told] == [(2, 0, True)]


def test_cleared_run_asks_for_nothing(airflow: RealAirflow, plenty: Simulator) -> None:
    """A cleared run is validated and merged again from its pages; without them it says so; refetch buys again."""
    airflow.unpause("twitter_search")
    run_id = airflow.trigger("twitter_search", {"keyword": "cleared"})
    assert airflow.finish("twitter_search", run_id) == "success"
    asked, hashes = len(plenty.book.requests), file_hashes(airflow.place.data, "cleared")

    airflow.clear("twitter_search", run_id)
    assert airflow.finish("twitter_search", run_id) == "success"
    assert len(plenty.book.requests) == asked
    assert file_hashes(airflow.place.data, "cleared") == hashes

    shutil.rmtree(airflow.place.data / "staging" / "twitter_search" / run_id)
    airflow.clear("twitter_search", run_id)
    assert airflow.finish("twitter_search", run_id) == "failed"
    assert "they were cleaned away" in airflow.log(run_id)
    assert len(plenty.book.requests) == asked

    again = airflow.trigger("twitter_search", {"keyword": "cleared", "refetch": True, "start_time": day(-5)})
    assert airflow.finish("twitter_search", again) == "success"
    bought = len(searches(plenty, "cleared"))
    airflow.clear("twitter_search", again)
    assert airflow.finish("twitter_search", again) == "success"
    assert len(searches(plenty, "cleared")) > bought
    assert sorted(exported(airflow, "cleared")) == sorted(plenty.truth("cleared"))


def test_stopped_and_cleared(airflow: RealAirflow, plenty: Simulator) -> None:
    """A run that X stops ends red with what it bought in the dataset, and is completed for the price of the rest.

    Clearing its failed tasks alone would leave the rest unmerged: that is refused before anything is bought.
    """
    airflow.unpause("twitter_search")
    plenty.add_rules([Rule(endpoint="search_recent", nth=3, fault="credits")])
    run_id = airflow.trigger("twitter_search", {"keyword": "costly", "max_results": 20})
    assert airflow.finish("twitter_search", run_id) == "failed"
    plenty.clear_rules()
    states = {task: airflow.task("twitter_search", run_id, task) for task in TASKS}
    assert {task: ti["state"] for task, ti in states.items()} == {
        "wait_for_rate_limit": "success",
        "search": "failed",
        "validate": "success",
        "merge": "success",
        "window_complete": "upstream_failed",
    }
    assert states["search"]["try_number"] == 1
    assert len(exported(airflow, "costly")) == 40
    asked = len(plenty.book.requests)

    airflow.clear("twitter_search", run_id, only_failed=True)
    assert airflow.finish("twitter_search", run_id) == "failed"
    assert "Clear the whole run, not only its failed tasks" in airflow.log(run_id)
    assert len(plenty.book.requests) == asked

    airflow.clear("twitter_search", run_id)
    assert airflow.finish("twitter_search", run_id) == "success"
    assert {airflow.task("twitter_search", run_id, task)["state"] for task in TASKS} == {"success"}
    assert sorted(exported(airflow, "costly")) == sorted(plenty.truth("costly"))
    assert [len(entry.ids) for entry in searches(plenty, "costly")] == [20, 20, 0, 10]


def test_unknown_key_is_refused(airflow: RealAirflow, plenty: Simulator) -> None:
    """A conf key that the form does not have fails the run before anything is bought."""
    airflow.unpause("twitter_search")
    before = len(plenty.book.requests)
    run_id = airflow.trigger("twitter_search", {"keyword": "sevdesk", "pages": 3})

    assert airflow.finish("twitter_search", run_id) == "failed"

    assert "Unknown keys in the run's conf: pages" in airflow.log(run_id)
    assert len(plenty.book.requests) == before


def test_bad_entry_is_an_import_error(airflow: RealAirflow) -> None:
    """A bad entry keeps only itself out, and shows in Import Errors with file, line and key."""
    airflow.unpause("twitter_search__invoice")
    errors = airflow.wait(lambda: airflow.rest.get("importErrors")["import_errors"], "an import error")

    assert [error["filename"].rpartition("/")[2] for error in errors] == ["keywords_check.py"]
    assert (
        "keywords.yaml, line 8, keywords[5].max_results: 'many' is not of type 'integer'"
        in errors[0]["stack_trace"]
    )
    assert airflow.rest.get("dags/twitter_search__broken") is None


def test_waiting_holds_no_slot(airflow: RealAirflow, limited: Simulator) -> None:
    """With one slot in all, another DAG runs while search waits; it shows its position, and goes on at the reset."""
    for dag_id in ("twitter_search__invoice", "twitter_search__accounting", "other"):
        airflow.unpause(dag_id)
    dag_id = "twitter_search__invoice"
    run_id = airflow.trigger(dag_id, {"page_max": 2, "max_results": 10})

    airflow.wait(lambda: airflow.task(dag_id, run_id, "search")["state"] == "up_for_reschedule", "the wait")
    assert airflow.xcom(dag_id, run_id, "search", "pages") == 1
    assert airflow.xcom(dag_id, run_id, "search", "posts") == 10
    assert airflow.xcom(dag_id, run_id, "search", "next_token")
    resumes_at = datetime.fromisoformat(airflow.xcom(dag_id, run_id, "search", "resumes_at"))
    assert resumes_at > datetime.now(UTC)

    other = airflow.trigger("other", {})
    second = airflow.trigger("twitter_search__accounting", {"page_max": 1, "max_results": 10})
    assert airflow.finish("other", other) == "success"
    airflow.wait(
        lambda: (
            airflow.task("twitter_search__accounting", second, "wait_for_rate_limit")["state"]
            == "up_for_reschedule"
        ),
        "the sensor's wait",
    )
    assert airflow.task(dag_id, run_id, "search")["state"] == "up_for_reschedule"
    assert searches(limited, "accounting") == []

    assert airflow.finish(dag_id, run_id) == "success"
    assert len(exported(airflow, "invoice")) == 20
    assert airflow.task(dag_id, run_id, "window_complete")["state"] == "skipped"
    asked = searches(limited, "invoice")
    assert [entry.status for entry in asked] == [200, 200]
    late_s = (datetime.fromisoformat(asked[1].at) - resumes_at).total_seconds()
    assert 0 <= late_s < 30
    log = airflow.log(run_id)
    assert re.search(r"Waiting \d+ s for X, without a slot: going on at \S+ with page 2", log)
    assert "Resuming behind page 1" in log
    assert "PIPELINE END: total_tweets=20" in log
    assert airflow.finish("twitter_search__accounting", second) == "success"


def test_wrong_credentials(airflow: RealAirflow) -> None:
    """Wrong credentials fail the first try for good, with X's words, and no secret in any log."""
    dag_id = "twitter_search__refused"
    airflow.unpause(dag_id)
    run_id = airflow.trigger(dag_id, {})

    assert airflow.finish(dag_id, run_id) == "failed"

    assert airflow.task(dag_id, run_id, "search")["try_number"] == 1
    log = airflow.log(run_id)
    assert re.search(r"X answered 403 .*Unable to verify your credentials.*code 99", log)
    assert "PIPELINE END: Failed to generate Bearer Token" in log
    everything = "".join(
        path.read_text(errors="replace") for path in (airflow.place.home / "logs").rglob("*.log")
    )
    assert WRONG_SECRET not in everything
    assert SECRET not in everything


def test_daily_run_is_whole(airflow: RealAirflow, plenty: Simulator) -> None:
    """The run of midnight covers exactly the day before, every post of it."""
    dag_id = "twitter_search__midnight"
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    airflow.unpause(dag_id)
    (run,) = airflow.wait(lambda: airflow.rest.get(f"dags/{dag_id}/dagRuns")["dag_runs"], "the scheduled run")

    assert run["run_type"] == "scheduled"
    assert airflow.finish(dag_id, run["dag_run_id"]) == "success"

    decided = window(airflow, dag_id, run["dag_run_id"])
    assert decided["since"] == f"{today - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    assert decided["until"] == f"{today:%Y-%m-%dT%H:%M:%SZ}"
    whole_day = plenty.truth("midnight", since=today - timedelta(days=1), until=today)
    assert len(whole_day) == 150
    assert set(whole_day) <= set(exported(airflow, "midnight"))


def test_printed_command_fills_the_gap(airflow: RealAirflow, plenty: Simulator) -> None:
    """The command that lists gaps prints the backfill that fills them: run as it is, it leaves none."""
    dag_id = "twitter_search__midnight"
    airflow.unpause(dag_id)
    (run,) = airflow.wait(lambda: airflow.rest.get(f"dags/{dag_id}/dagRuns")["dag_runs"], "the scheduled run")
    assert airflow.finish(dag_id, run["dag_run_id"]) == "success"

    ((hole,), (command,)) = gaps(airflow, dag_id)
    assert (hole["kind"], hole["since"], hole["until"]) == ("missing", day(-3), day(-1))
    airflow.cli(*shlex.split(command)[1:])
    wait_for_backfill(airflow, dag_id, 2)

    assert gaps(airflow, dag_id) == ([], [])
    truth = plenty.truth("midnight", since=day(-3), until=day(0))
    assert len(truth) == 450
    assert set(truth) <= set(exported(airflow, "midnight"))


def test_gaps_are_filled_once(airflow: RealAirflow, plenty: Simulator) -> None:
    """The DAG fills a gap by one run, however often it looks, and the keyword is complete."""
    dag_id, filler = "twitter_search__forgotten", "twitter_fill_gaps"
    airflow.unpause(dag_id)
    (run,) = airflow.wait(lambda: airflow.rest.get(f"dags/{dag_id}/dagRuns")["dag_runs"], "the scheduled run")
    older = airflow.trigger(dag_id, {"start_time": day(-4), "end_time": day(-3)})
    for run_id in (run["dag_run_id"], older):
        assert airflow.finish(dag_id, run_id) == "success"
    asked = [airflow.trigger(filler, {"min_age_hours": 0, "budget": 5}) for _ in range(2)]
    airflow.unpause(filler)

    for run_id in asked:
        assert airflow.finish(filler, run_id) == "success"

    runs = [run["dag_run_id"] for run in airflow.rest.get(f"dags/{dag_id}/dagRuns")["dag_runs"]]
    (fill,) = [run_id for run_id in runs if run_id.startswith("fill__")]
    assert airflow.finish(dag_id, fill) == "success"
    assert gaps(airflow, dag_id) == ([], [])
    truth = plenty.truth("forgotten", since=day(-4), until=day(0))
    assert len(truth) == 160
    assert set(truth) <= set(exported(airflow, "forgotten"))
    assert len([entry for entry in searches(plenty, "forgotten") if entry.status == 200]) <= 4


def gaps(airflow: RealAirflow, dag_id: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The gaps of a keyword in the last three days, and the commands that fill them."""
    command = [sys.executable, "-m", "airflow_twitter.upkeep.gaps", "--json", "--since", day(-3)]
    done = subprocess.run(command, env=airflow.env, capture_output=True, text=True, timeout=120, check=False)
    # The project has an entry that is wrong, which is told too.
    assert (done.returncode, "keywords[5].max_results" in done.stderr) == (2, True), done.stderr
    (found,) = [known for known in map(json.loads, done.stdout.splitlines()) if known["dag_id"] == dag_id]
    return found["holes"], [command for hole in found["holes"] for command in hole["commands"]]


def test_backfill_and_again(airflow: RealAirflow, plenty: Simulator) -> None:
    """A backfill of three days meets without gap; reprocessing it asks X nothing and changes no byte."""
    dag_id = "twitter_search__history"
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = today - timedelta(days=4), today - timedelta(days=2)
    airflow.unpause(dag_id)
    backfill = (
        "backfill",
        "create",
        "--dag-id",
        dag_id,
        "--from-date",
        f"{first:%F}",
        "--to-date",
        f"{last:%F}",
    )
    airflow.cli(*backfill)
    runs = wait_for_backfill(airflow, dag_id, 3)

    windows = sorted(
        (window(airflow, dag_id, run_id)["since"], window(airflow, dag_id, run_id)["until"])
        for run_id in runs
    )
    days = [f"{first + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}" for day in range(4)]
    assert windows == list(itertools.pairwise(days))
    truth = plenty.truth("history", since=first, until=first + timedelta(days=3))
    assert len(truth) == 360
    assert set(truth) <= set(exported(airflow, "history"))
    asked, hashes = len(plenty.book.requests), file_hashes(airflow.place.data, "history")

    airflow.wait(
        lambda: all(b["completed_at"] for b in airflow.rest.get("backfills", dag_id=dag_id)["backfills"]),
        "the end of the backfill",
    )
    airflow.cli(*backfill, "--reprocess-behavior", "completed")
    airflow.wait(
        lambda: (
            all(airflow.rest.get(f"dags/{dag_id}/dagRuns/{run}")["state"] != "success" for run in runs[-1:])
            or len(airflow.rest.get("backfills", dag_id=dag_id)["backfills"]) == 2
        ),
        "the second backfill",
    )
    again = wait_for_backfill(airflow, dag_id, 3)

    assert sorted(again) == sorted(runs)
    assert len(plenty.book.requests) == asked
    assert file_hashes(airflow.place.data, "history") == hashes


def wait_for_backfill(airflow: RealAirflow, dag_id: str, count: int) -> list[str]:
    """Wait until all runs of a backfill, and the scheduled one, have succeeded; return the backfill's run ids."""

    def done() -> list[str]:
        runs = airflow.rest.get(f"dags/{dag_id}/dagRuns")["dag_runs"]
        finished = [
            run["dag_run_id"] for run in runs if run["run_type"] == "backfill" and run["state"] == "success"
        ]
        return finished if len(finished) == count and all(run["state"] == "success" for run in runs) else []

    return list(airflow.wait(done, f"{count} backfilled runs", 300))


def file_hashes(data: Path, slug: str) -> dict[str, str]:
    """The SHA-256 of every file of a keyword's dataset."""
    files = [data / f"tweets_{slug}.json", *(data / "posts" / slug).glob("*.jsonl")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_upkeep(airflow: RealAirflow, plenty: Simulator) -> None:
    """Posts that are gone leave the dataset; staged pages leave the folder by age, but not while their run goes on."""
    for dag_id in ("twitter_search", "twitter_recheck", "twitter_maintenance"):
        airflow.unpause(dag_id)
    run_id = airflow.trigger("twitter_search", {"keyword": "upkept"})
    assert airflow.finish("twitter_search", run_id) == "success"
    gone = plenty.truth("upkept")[:2]
    plenty.withdraw(gone)

    checked = airflow.trigger("twitter_recheck", {"keyword": "upkept", "again_after_days": 0})
    assert airflow.finish("twitter_recheck", checked) == "success"
    assert len(exported(airflow, "upkept")) == 28
    assert not set(gone) & set(exported(airflow, "upkept"))
    assert len(plenty.book.to("lookup")) == 1
    assert airflow.xcom("twitter_recheck", checked, "withdraw", "return_value")["gone"] == {"deleted": 2}

    clean = "twitter_maintenance"
    (run,) = airflow.wait(lambda: airflow.rest.get(f"dags/{clean}/dagRuns")["dag_runs"], "the scheduled run")
    assert (run["run_type"], airflow.finish(clean, run["dag_run_id"])) == ("scheduled", "success")
    staged = airflow.place.data / "staging" / "twitter_search" / run_id
    airflow.rest.send("PATCH", "dags/twitter_search", {"is_paused": True})
    airflow.clear("twitter_search", run_id)
    assert airflow.run_state("twitter_search", run_id) == "queued"
    kept = airflow.trigger(clean, {"staging_days": 0})
    assert airflow.finish(clean, kept) == "success"
    assert airflow.xcom(clean, kept, "clean", "return_value")["kept"]["in use"] == 1
    assert staged.exists()

    airflow.unpause("twitter_search")
    assert airflow.finish("twitter_search", run_id) == "success"
    removed = airflow.trigger(clean, {"staging_days": 0})
    assert airflow.finish(clean, removed) == "success"
    assert f"staging/twitter_search/{run_id}" in airflow.xcom(clean, removed, "clean", "return_value")["runs"]
    assert not staged.exists()
    assert len(exported(airflow, "upkept")) == 28
    assert len(searches(plenty, "upkept")) == 1
