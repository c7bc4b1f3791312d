"""What the page says, in a real API server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from airflow_twitter.api.limits import RateLimit
from airflow_twitter.collecting.claims import Claim, Claims

NASTY = "<script>alert('x')</script>\"&"


def said(answer: Any) -> str:
    """Return what the page says, without its tags."""
    assert answer.status_code == 200, answer.text
    text = re.sub(r"<[^>]*>", " ", answer.text.replace("<wbr>", ""))
    return " ".join(unescape(text).split())


def test_a_simulator_is_named_as_one(
    get: Callable[..., Any], world: Any, connect: Callable[..., None]
) -> None:
    """A connection whose host is loopback is called a simulator, in a banner and in the table."""
    connect("http://127.0.0.1:8090")
    answer = get()
    assert said(answer).count("Simulator, not X") == 2
    assert '<p class="banner warning">' in answer.text


def test_x_is_named_as_x(get: Callable[..., Any], world: Any, connect: Callable[..., None]) -> None:
    """A connection to X's own host is called X, without a banner; any other host is called what it is."""
    connect("https://api.x.com")
    assert '<span class="source X">X</span>' in get().text
    assert "Simulator" not in said(get())
    connect("https://proxy.example")
    assert "Another host, not api.x.com" in said(get())
    assert "proxy.example" not in get().text


def test_a_missing_connection_is_said_to_be_missing(get: Callable[..., Any], world: Any) -> None:
    """Without a connection the page says so, and shows the rest."""
    assert "No such connection here" in said(get())


def test_an_empty_project_says_how_to_begin(get: Callable[..., Any], world: Any) -> None:
    """With nothing collected there is a page that names the DAG to trigger."""
    text = said(get())
    assert "Nothing has been collected yet: trigger twitter_search" in text
    assert "No run is under way." in text
    assert "None: every window that was searched is complete." in text


def test_a_keyword_shows_its_dataset_and_last_run(get: Callable[..., Any], world: Any) -> None:
    """A keyword's row has the count, size and days of its dataset, its newest complete window and its last run."""
    world.dag("twitter_search__tea", timetable_summary="0 0 * * *", is_paused=True)
    world.run("twitter_search__tea", "first")
    world.run("twitter_search__tea", "second", "failed")
    world.covered("tea", "twitter_search__tea", "first", since=moment(1), until=moment(2))
    world.covered("tea", "twitter_search__tea", "second", since=moment(2), until=moment(3))
    world.posts("tea", "2026-11-01", 2)
    world.posts("tea", "2026-11-03", 3)
    world.store.put("tweets_tea.json", b"[\n]\n")
    text = said(get())
    assert "5 posts, 110 B 2026-11-01 to 2026-11-03 tweets_tea.json" in text
    assert "2026-11-02 00:00 to 2026-11-03 00:00" in text
    assert "0 0 * * *, paused" in text
    assert "failed 5 min ago second" in text
    assert 'href="../dags/twitter_search__tea/runs/second"' in get().text


def test_gaps_between_windows_are_told(get: Callable[..., Any], world: Any) -> None:
    """A hole between complete windows is counted and can be opened up."""
    world.dag("twitter_search__tea")
    world.covered("tea", "twitter_search__tea", "first", since=moment(1), until=moment(2))
    world.covered("tea", "twitter_search__tea", "second", since=moment(4), until=moment(5))
    assert "1 gap before it 2026-11-02 00:00 to 2026-11-04 00:00" in said(get())


def test_a_comparison_with_counts_is_told(get: Callable[..., Any], world: Any) -> None:
    """Where X was asked to count, its number stands beside ours; a window with fewer posts is listed until it agrees."""
    world.dag("twitter_search__tea")
    first, second = {"since": moment(1), "until": moment(2)}, {"since": moment(2), "until": moment(3)}
    world.covered("tea", "twitter_search__tea", "first", **first, counted=1060, stored=40)
    world.covered("tea", "twitter_search__tea", "second", **second)
    text = said(get())
    assert "1 window holds fewer posts than X counts 2026-11-01 00:00 to 2026-11-02 00:00" in text
    assert text.count("X counts 1,060, 40 are stored") == 1
    assert "2026-11-02 00:00 to 2026-11-03 00:00 X counts" not in text

    world.covered("tea", "twitter_search__tea", "again", **first, counted=60, stored=59)
    world.covered("tea", "twitter_search__tea", "second", **second, counted=1, stored=1)
    text = said(get())
    assert "2026-11-02 00:00 to 2026-11-03 00:00 X counts 1, 1 is stored" in text
    assert "fewer posts" not in text


def test_a_run_that_waits_for_the_rate_limit_shows_when_it_goes_on(
    get: Callable[..., Any], world: Any
) -> None:
    """A waiting run shows its task, the moment in XCom, why it waits, and what it has committed."""
    dag_id, run_id = "twitter_search", "manual__2026-11-22T01:28:27+00:00"
    world.dag(dag_id)
    world.run(dag_id, run_id, "running")
    world.staged("coffee beans", dag_id, run_id, pages=2)
    world.task(dag_id, run_id, "wait_for_rate_limit", "success")
    world.task(dag_id, run_id, "search", "up_for_reschedule", resumes_at="2099-01-01T00:00:00Z", posts=40)
    text = said(get())
    assert "coffee beans search up for reschedule 2099-01-01 00:00:00" in text
    assert "when X's rate limit allows 2 pages of 3, 40 posts" in text
    assert 'href="../dags/twitter_search/runs/manual__2026-11-22T01%3A28%3A27%2B00%3A00"' in get().text


def test_a_run_that_waits_for_its_window_says_so(get: Callable[..., Any], world: Any) -> None:
    """A sensor that waits for the window's end to settle is told from one that waits for the rate limit."""
    world.dag("twitter_search")
    world.run("twitter_search", "run", "running")
    window = world.staged("tea", "twitter_search", "run", until=moment(1) + timedelta(days=36500))
    world.task(
        "twitter_search",
        "run",
        "wait_for_rate_limit",
        "up_for_reschedule",
        resumes_at=window.settled_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    assert "when X has indexed its window" in said(get())


@pytest.mark.parametrize(
    ("waits_for", "text"),
    [
        ("share", "when other keywords have had their share"),
        ("app 24 h", "when X's 24-hour limit of the app allows"),
        ("window", "when X's rate limit allows"),
        (NASTY, "when X's rate limit allows"),
    ],
)
def test_what_a_run_waits_for(get: Callable[..., Any], world: Any, waits_for: str, text: str) -> None:
    """A run that waits says what for: a share, a day, or the window."""
    world.dag("twitter_search__tea")
    world.run("twitter_search__tea", "run", "running")
    moments = {"resumes_at": "2099-01-01T00:00:00Z", "waits_for": waits_for}
    world.task("twitter_search__tea", "run", "search", "up_for_reschedule", **moments)
    assert text in said(get())


def test_a_waiting_run_without_xcom_still_shows(get: Callable[..., Any], world: Any) -> None:
    """A run whose XCom is empty, or holds something else, is shown without a moment."""
    world.dag("twitter_search__tea")
    for run_id, resumes_at in (("empty", None), ("odd", "soon")):
        world.run("twitter_search__tea", run_id, "running")
        world.task(
            "twitter_search__tea", run_id, "search", "up_for_reschedule", resumes_at=resumes_at, posts="many"
        )
    assert said(get()).count("up for reschedule not waiting for X 0 pages") == 2


def test_a_partial_window_says_how_to_go_on(get: Callable[..., Any], world: Any) -> None:
    """A partial window shows why it is, the DAG to trigger and the conf that continues the run."""
    world.dag("twitter_search__tea")
    world.run("twitter_search__tea", "stopped")
    world.staged("tea", "twitter_search__tea", "stopped", pages=1)
    world.covered("tea", "twitter_search__tea", "stopped", state="partial", next_token="t", why="No credits.")
    assert 'Trigger twitter_search__tea with {"continue_from_run": "stopped"}' in said(get())
    assert " posts No credits. " in said(get())


def test_the_rate_limit_is_told(get: Callable[..., Any], world: Any) -> None:
    """What X last said of a window is shown by connection and endpoint; other things in the state are not."""
    reset = world_now() + timedelta(seconds=100)
    limit = RateLimit(limit=450, remaining=7, reset_at=reset, observed_at=world_now())
    world.heard("twitter_default.recent", json.dumps({"limit": limit.to_json(), "refusals": 0}))
    world.heard("twitter_ads.all", json.dumps({"blocked_until": reset.isoformat(), "refusals": 2}))
    world.heard("broken.recent", '["odd"]')
    text = said(get())
    assert "recent 7 of 450" in text
    assert "all none, a request was refused" in text
    assert "broken No such connection here Nothing is known yet" in text


def test_days_and_shares_are_told(get: Callable[..., Any], world: Any) -> None:
    """Limits of 24 hours stand beside the window's, and a window says how many keywords share it."""
    now = world_now()
    window = RateLimit(450, 7, now + timedelta(seconds=100), now)
    day = RateLimit(10_000, 0, now + timedelta(hours=3), now, scope="app 24 h")
    over = RateLimit(10_000, 1, now - timedelta(hours=3), now, scope="user 24 h")
    days = [day.to_json(), over.to_json()]
    world.heard(
        "twitter_default.recent", json.dumps({"limit": window.to_json(), "days": days, "refusals": 0})
    )
    claims = Claims(world.store, "twitter_default", "recent")
    for keyword, ended in (("tea", False), ("coffee", False), ("water", True)):
        until = None if ended else now + timedelta(seconds=100)
        claims.write(
            claims.key("dag", keyword), Claim(keyword=keyword, since=now, until=until, window=window.reset_at)
        )
    text = said(get())
    assert "recent 7 of 450 shared by 2 keywords" in text
    assert "recent app 24 h 0 of 10,000" in text
    assert "user 24 h" not in text


@pytest.mark.parametrize("where", ["keyword", "query", "run", "connection"])
def test_text_from_outside_is_escaped(get: Callable[..., Any], world: Any, where: str) -> None:
    """A keyword, query, run id or connection id that is HTML is shown as it was typed and never as HTML."""
    nasty = dict.fromkeys(("keyword", "query", "run", "connection"), "plain") | {where: NASTY}
    world.dag("twitter_search")
    world.run("twitter_search", nasty["run"], "running")
    world.staged(nasty["keyword"], "twitter_search", nasty["run"], query=nasty["query"])
    world.task("twitter_search", nasty["run"], "search", "running")
    world.run("twitter_search", f"{nasty['run']} 2")
    world.staged(nasty["keyword"], "twitter_search", f"{nasty['run']} 2", query=nasty["query"])
    world.covered(
        nasty["keyword"],
        "twitter_search",
        f"{nasty['run']} 2",
        query=nasty["query"],
        state="partial",
        next_token="t",
    )
    world.heard(f"{nasty['connection']}.recent", '{"blocked_until": "2099-01-01T00:00:00+00:00"}')
    answer = get()
    assert NASTY in said(answer)
    assert re.findall(r"<script[^>]*>", answer.text) == ['<script src="frame.js">']
    assert not re.search(r'="[^"]*<', answer.text)


def test_no_path_leaves_the_data_folder(get: Callable[..., Any], world: Any, tmp_path: Path) -> None:
    """Ids that look like paths, and links in the data folder that lead out of it, show nothing from outside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "2026-11-01.jsonl").write_bytes(b"secret\n" * 1234)
    (outside / "window.json").write_text('{"keyword": "secret"}')
    world.dag("twitter_search__tea")
    world.dag("twitter_search__..")
    world.dag("twitter_search")
    world.run("twitter_search", "../../../outside", "running")
    world.run("twitter_search__..", "run")
    world.covered("tea", "twitter_search__tea", "run")
    (world.store.root / "posts").mkdir()
    (world.store.root / "posts" / "tea").symlink_to(outside)
    text = said(get())
    assert "posts/tea cannot be read." in text
    assert "secret" not in text
    assert "1,234" not in text


def test_damaged_files_are_told_and_left_alone(get: Callable[..., Any], world: Any) -> None:
    """A damaged coverage file or staged window is named, the rest is shown, and neither file is touched."""
    world.dag("twitter_search__tea")
    world.run("twitter_search__tea", "run", "running")
    coverage, window = f"coverage/tea/{'0' * 16}.json", "staging/twitter_search__tea/run/window.json"
    for key in (coverage, window):
        world.store.put(key, b"{")
    world.posts("tea", "2026-11-01", 2)
    text = said(get())
    assert f"{coverage} cannot be read" in text
    assert f"{window} cannot be read" in text
    assert "2 posts" in text
    assert world.store.list("coverage") + world.store.list("staging") == [coverage, window]


def test_many_keywords_are_shown_page_by_page(get: Callable[..., Any], world: Any) -> None:
    """Fifty keywords make a page; a page beyond the last one is the last one, and nonsense is refused."""
    for number in range(60):
        world.dag(f"twitter_search__k{number:02}")
    first, second = said(get()), said(get("/twitter/status?page=2"))
    assert "k49" in first
    assert "k50" not in first
    assert "Page 2 of 2" in second
    assert "k59" in second
    assert "Page 2 of 2" in said(get("/twitter/status?page=99"))
    for nonsense in ("0", "-1", "../etc", "1e9"):
        assert get(f"/twitter/status?page={nonsense}").status_code == 422


def test_the_last_run_of_a_typed_keyword_is_found(get: Callable[..., Any], world: Any) -> None:
    """A keyword that only the DAG for any keyword collects has its row, under the name that was typed."""
    world.dag("twitter_search")
    world.run("twitter_search", "recent", "failed")
    world.staged("Coffee & Tea", "twitter_search", "recent")
    text = said(get())
    assert "Coffee & Tea coffee-tea-" in text
    assert "failed 5 min ago recent" in text


def moment(day: int) -> datetime:
    """Return midnight of a day of November 2026, UTC."""
    return datetime.fromisoformat(f"2026-11-{day:02}T00:00:00+00:00")


def world_now() -> datetime:
    """Return the present moment."""
    return datetime.now(moment(1).tzinfo)
