"""The merge operator: posts into the dataset, coverage, export, asset events; X is asked nothing."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.airflow_in_memory import NOON, Airflow, at, searches

from airflow_twitter.assets import NEW_POSTS, posts_asset
from airflow_twitter.operators.merge import TwitterMergeOperator
from airflow_twitter.posts.coverage import CoveredWindow, contiguous_end, gaps
from airflow_twitter.posts.dataset import lock
from airflow_twitter.posts.slugs import slugify
from airflow_twitter.posts.store import LockTimeout, Store
from airflow_twitter.simulator import Rule, Simulator

Start = Callable[..., Simulator]
Clock = time_machine.Traveller

ACCOUNTING = {"keyword": "accounting", "max_results": 20}


pytestmark = pytest.mark.usefixtures("clock")


def exported(data_folder: Path, slug: str = "accounting") -> list[dict[str, Any]]:
    """The posts of the export."""
    posts: list[dict[str, Any]] = json.loads((data_folder / f"tweets_{slug}.json").read_bytes())
    return posts


def ids(posts: list[dict[str, Any]]) -> list[str]:
    """The ids of posts."""
    return [post["id"] for post in posts]


def covered(data_folder: Path, slug: str = "accounting") -> list[CoveredWindow]:
    """Everything that is recorded of a slug that has one query."""
    (path,) = (data_folder / "coverage" / slug).glob("*.json")
    return msgspec.convert(json.loads(path.read_bytes())["windows"], list[CoveredWindow])


def hashes(data_folder: Path) -> dict[str, bytes]:
    """The bytes of every file of the dataset and the export."""
    paths = [*data_folder.glob("posts/**/*.jsonl"), *data_folder.glob("tweets_*.json")]
    return {str(path): path.read_bytes() for path in paths}


def test_dataset(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """Every post lies in its day, sorted, and in the export; the counts are returned."""
    simulator = start_simulator()
    airflow.search(ACCOUNTING)
    airflow.validate()
    asked = len(simulator.book.requests)

    counts = airflow.merge()

    assert counts is not None
    assert (counts["new"], counts["updated"], counts["unchanged"]) == (60, 0, 0)
    assert ids(exported(data_folder)) == simulator.truth("accounting")[::-1]
    days = sorted(data_folder.glob("posts/accounting/*.jsonl"))
    assert [path.stem for path in days] == counts["days"]
    for path in days:
        posts = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert {post["created_at"][:10] for post in posts} == {path.stem}
        assert all(post["_fetched_at"] == "2026-12-01T12:00:00.000000Z" for post in posts)
    assert len(simulator.book.requests) == asked


def test_again(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """Merging again changes nothing: not a byte, and not the coverage."""
    start_simulator()
    airflow.collect(ACCOUNTING)
    before, known = hashes(data_folder), covered(data_folder)

    counts = airflow.merge(clear_number=1)

    assert counts is not None
    assert (counts["new"], counts["updated"], counts["days"]) == (0, 0, [])
    assert hashes(data_folder) == before
    assert [(w.since, w.until, w.state) for w in covered(data_folder)] == [
        (w.since, w.until, w.state) for w in known
    ]


def test_complete_window(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """A whole window is recorded as complete, and what is new begins at its end."""
    simulator = start_simulator()
    airflow.collect({**ACCOUNTING, "start_time": "2026-11-25", "end_time": "2026-11-29"})

    (window,) = covered(data_folder)
    assert (window.since, window.until, window.state) == (at("11-25"), at("11-29"), "complete")
    assert (window.pages, window.posts) == (2, len(simulator.truth("accounting", at("11-25"), at("11-29"))))
    assert contiguous_end([window]) == at("11-29")


def test_partial_window(airflow: Airflow, start_simulator: Start, data_folder: Path, capfd: Any) -> None:
    """A partial window is merged, recorded as partial with its token, and said; it covers nothing."""
    start_simulator()
    airflow.collect({**ACCOUNTING, "page_max": 1})

    (window,) = covered(data_folder)
    assert (window.state, window.next_token) == ("partial", airflow.xcom("search", "next_token"))
    assert (window.reason, window.why) == ("page_max", airflow.xcom("search", "why"))
    assert contiguous_end([window]) is None
    assert len(exported(data_folder)) == 20
    log = capfd.readouterr().out
    assert "is partial: 1 of 1 pages, 20 posts (page_max). The run had as many pages as it was allowed" in log
    assert "PIPELINE END: total_tweets=20" in log


@pytest.mark.parametrize(
    ("fault", "reason", "why"),
    [("usage_cap", "UsageCapError", "raise the cap"), ("credits", "CreditsError", "Buy credits")],
)
def test_error_is_the_reason(
    airflow: Airflow, start_simulator: Start, data_folder: Path, fault: str, reason: str, why: str
) -> None:
    """What was bought before an error is recorded as partial, with the error's class and its sentence."""
    start_simulator(rules=[Rule(endpoint="search_recent", fault=fault, nth=2)])
    with pytest.raises(AirflowFailException):
        airflow.search(ACCOUNTING)
    airflow.validate()
    airflow.merge()

    (window,) = covered(data_folder)
    assert (window.state, window.reason, window.posts) == ("partial", reason, 20)
    assert why in str(window.why)


def test_interrupted_search_is_said_to_be(
    airflow: Airflow, start_simulator: Start, data_folder: Path
) -> None:
    """A search that was ended before it could say why leaves a window that is partial for that."""
    start_simulator()
    airflow.search({**ACCOUNTING, "page_max": 1})
    airflow.xcoms["manual__1", "search"].clear()
    airflow.validate()
    airflow.merge()

    (window,) = covered(data_folder)
    assert (window.state, window.reason) == ("partial", "interrupted")


@pytest.mark.parametrize(
    ("search", "rules", "skipped"),
    [
        (ACCOUNTING, [], None),
        ({**ACCOUNTING, "page_max": 1}, [], {"skipped": ["window_complete"]}),
        ({**ACCOUNTING, "page_max": 1}, [("empty_page", 1)], {"skipped": ["window_complete"]}),
        (ACCOUNTING, [("credits", 2)], None),
    ],
)
def test_what_is_skipped(
    airflow: Airflow, start_simulator: Start, search: dict[str, Any], rules: list[Any], skipped: Any
) -> None:
    """A partial window, with posts or without, has the task skipped that stands for a complete one.

    After trouble it does not: there the failed search has that task failed, so that the run is red.
    """
    start_simulator(rules=[Rule(endpoint="search_recent", fault=fault, nth=nth) for fault, nth in rules])
    with contextlib.suppress(AirflowFailException):
        airflow.search(search)
    airflow.validate()
    operator = TwitterMergeOperator(task_id="merge", complete_task_id="window_complete")

    with contextlib.suppress(AirflowSkipException):
        operator.execute(context=airflow.context("merge"))

    assert airflow.xcom("merge", "skipmixin_key") == skipped


def test_no_posts(airflow: Airflow, start_simulator: Start, data_folder: Path, capfd: Any) -> None:
    """Without posts there is no file, the task is skipped, and the window is covered all the same."""
    start_simulator()
    airflow.search({"keyword": "ksedves"})
    airflow.validate()
    operator = TwitterMergeOperator(task_id="merge")

    with pytest.raises(AirflowSkipException):
        operator.execute(context=airflow.context("merge"))

    assert not (data_folder / "tweets_ksedves.json").exists()
    assert not (data_folder / "posts").exists()
    assert [window.state for window in covered(data_folder, "ksedves")] == ["complete"]
    assert "PIPELINE END: total_tweets=0" in capfd.readouterr().out


def test_no_posts_and_an_old_export(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clock: Clock
) -> None:
    """A run without posts leaves the export of earlier runs as it is."""
    start_simulator()
    airflow.collect(ACCOUNTING)
    before = hashes(data_folder)
    clock.shift(3600)
    airflow.collect({**ACCOUNTING, "overlap_s": 0}, run_id="manual__2")
    assert hashes(data_folder) == before


def test_all_bad(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """A run of which every post is bad, and which may, has no posts to merge."""
    start_simulator(
        rules=[Rule(endpoint="search_recent", fault="malformed", params={"kinds": ["no_id", "no_text"]})]
    )
    airflow.search({"keyword": "sevdesk"})
    airflow.validate(1.0)
    assert airflow.merge() is None
    assert not (data_folder / "tweets_sevdesk.json").exists()


def test_newest_observation_wins(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clock: Clock
) -> None:
    """A post that is fetched again stays once, as it was seen last; the order of the merges does not matter."""
    simulator = start_simulator()
    search = {**ACCOUNTING, "start_time": "2026-11-25", "end_time": "2026-12-01"}
    airflow.collect(search)
    first = {post["id"]: post["public_metrics"]["like_count"] for post in exported(data_folder)}
    clock.shift(3600)
    simulator.add_rules([Rule(endpoint="search_recent", fault="changed_metrics", params={"likes": 1000})])
    airflow.collect(search, run_id="manual__2")

    counts = airflow.merge(clear_number=1)

    assert counts is not None
    assert counts["updated"] == 0
    second = {post["id"]: post["public_metrics"]["like_count"] for post in exported(data_folder)}
    assert second == {post_id: likes + 1000 for post_id, likes in first.items()}


def test_runs_at_once(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """Runs on one keyword that merge at once lose nothing."""
    simulator = start_simulator()
    runs = [f"manual__{number}" for number in range(6)]
    for number, run_id in enumerate(runs):
        days = {
            "start_time": f"2026-11-{25 + number}",
            "end_time": f"2026-11-{26 + number}" if number < 5 else "2026-12-01",
        }
        airflow.search({**ACCOUNTING, **days}, run_id=run_id)
        airflow.validate(run_id=run_id)

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda run_id: airflow.merge(run_id=run_id), runs))

    assert None not in results
    assert ids(exported(data_folder)) == simulator.truth("accounting", at("11-25"), at("12-01"))[::-1]
    assert gaps(covered(data_folder)) == []
    assert len(covered(data_folder)) == 6


def test_lock_is_held(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """A merge waits for another one for a bounded time, and then fails with nothing changed."""
    start_simulator()
    airflow.search(ACCOUNTING)
    airflow.validate()
    operator = TwitterMergeOperator(task_id="merge", lock_timeout_s=0.1)

    with lock(Store(data_folder), "accounting"), pytest.raises(LockTimeout, match="run it again"):
        operator.execute(context=airflow.context("merge"))

    assert not (data_folder / "tweets_accounting.json").exists()
    assert airflow.merge() is not None


def test_damaged_export(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """A damaged export is kept aside, not overwritten."""
    start_simulator()
    airflow.collect(ACCOUNTING)
    path = data_folder / "tweets_accounting.json"
    path.write_bytes(path.read_bytes()[:1000])

    airflow.merge(clear_number=1)

    assert len(exported(data_folder)) == 60
    (aside,) = data_folder.glob("tweets_accounting.json.damaged-*")
    assert aside.stat().st_size == 1000


@pytest.mark.parametrize("export", [False, "False", "false"])
def test_without_export(
    airflow: Airflow, start_simulator: Start, data_folder: Path, export: bool | str
) -> None:
    """The export can be turned off, also by a rendered template; the dataset is written."""
    start_simulator()
    airflow.search(ACCOUNTING)
    airflow.validate()

    assert airflow.merge(export=export) is not None

    assert not (data_folder / "tweets_accounting.json").exists()
    assert list(data_folder.glob("posts/accounting/*.jsonl"))


def test_includes(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """Expanded authors, media and referenced posts are kept beside the posts, each id once."""
    simulator = start_simulator()
    airflow.collect({**ACCOUNTING, "expand": True})

    def kept(kind: str) -> list[dict[str, Any]]:
        paths = sorted(data_folder.glob(f"includes/accounting/{kind}/*.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]

    users = [user for entry in searches(simulator) for user in entry.users]
    assert sorted(user["id"] for user in kept("users")) == sorted(set(users))
    assert kept("media")
    assert kept("posts")
    assert len(exported(data_folder)) == 60


def test_asset_event(airflow: Airflow, start_simulator: Start) -> None:
    """The event of a keyword's asset carries slug, window and counts."""
    simulator = start_simulator()
    airflow.outlet_events = defaultdict(SimpleNamespace)
    asset = posts_asset("accounting")
    airflow.search({**ACCOUNTING, "start_time": "2026-11-25", "end_time": "2026-11-29"})
    airflow.validate()

    airflow.merge((asset,))

    assert airflow.outlet_events[asset].extra == {
        "slug": "accounting",
        "since": "2026-11-25T00:00:00Z",
        "until": "2026-11-29T00:00:00Z",
        "complete": True,
        "reason": None,
        "new": len(simulator.truth("accounting", at("11-25"), at("11-29"))),
        "updated": 0,
        "unchanged": 0,
    }


def test_asset_event_of_any_keyword(airflow: Airflow, start_simulator: Start) -> None:
    """The alias of the any-keyword DAG becomes the asset of the keyword that was typed."""
    start_simulator()
    added: list[tuple[Any, Any]] = []
    airflow.outlet_events = {
        NEW_POSTS: SimpleNamespace(add=lambda asset, extra: added.append((asset, extra)))
    }
    airflow.search({**ACCOUNTING, "page_max": 1})
    airflow.validate()

    airflow.merge((NEW_POSTS,))

    ((asset, extra),) = added
    assert asset == posts_asset("accounting")
    assert (extra["new"], extra["complete"], extra["reason"]) == (20, False, "page_max")


def test_asset_of_a_strange_keyword() -> None:
    """Whatever the keyword, its asset has a name and an address that Airflow takes."""
    for keyword in ("../../etc", "🧾", "a b", "x" * 500, "café"):
        asset = posts_asset(slugify(keyword))
        assert asset.uri.startswith("x-posts://")


def test_covers_what_x_could_see(
    airflow: Airflow, start_simulator: Start, data_folder: Path, clock: Clock
) -> None:
    """A window whose beginning went out of reach while the run waited is not recorded from there."""
    start_simulator()
    search = {"keyword": "accounting", "overlap_s": 0}
    airflow.wait(search)
    clock.shift(7200)
    airflow.search(search)
    airflow.validate()
    airflow.merge()

    (window,) = covered(data_folder)
    assert window.since == NOON + timedelta(hours=2) - timedelta(days=7)


def test_not_validated(airflow: Airflow, start_simulator: Start) -> None:
    """Without a validation there is nothing to merge, and the error names the task to clear."""
    start_simulator()
    airflow.search(ACCOUNTING)
    with pytest.raises(AirflowFailException, match="clear validate"):
        airflow.merge()


def test_coverage_times_are_aware(airflow: Airflow, start_simulator: Start, data_folder: Path) -> None:
    """What is recorded carries its zone."""
    start_simulator()
    airflow.collect(ACCOUNTING)
    (window,) = covered(data_folder)
    moments: list[datetime] = [window.since, window.until, window.recorded_at]
    assert all(moment.utcoffset() == timedelta(0) for moment in moments)
