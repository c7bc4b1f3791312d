"""The queue page, in Airflow's API server with a real database and the project's DAGs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tests.pages.publishing_api import ACCOUNTS, API, Program, write_dags

from airflow_twitter.accounts.form import parse_post
from airflow_twitter.accounts.holding import Hold, hold
from airflow_twitter.publishing.decisions import cancel, mark_posted
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.reports import Report
from airflow_twitter.publishing.states import PostState

QUEUE, PUBLISH, DECIDE = "twitter_post__main", "twitter_publish", "twitter_decide"
OTHER = "twitter_post__other"
NASTY = "<script>alert('x')</script>\"'&"
SHA256 = "ab" * 32
NOW = datetime.now(UTC)


@pytest.fixture
def accounts(api_server: Any, world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of two accounts, with their DAGs in Airflow's database."""
    path = tmp_path / "accounts.yaml"
    path.write_text(ACCOUNTS)
    monkeypatch.setenv("TWITTER_ACCOUNTS", str(path))
    write_dags(world.session, path)
    return path


@pytest.fixture
def records(accounts: Path, world: Any) -> Records:
    """The records of posts."""
    return Records(world.store)


@pytest.fixture
def page(get: Callable[..., Any], accounts: Path) -> Callable[..., str]:
    """The page's source, as a user sees it who may do everything unless it is said otherwise."""

    def ask(role: str = "ADMIN", **who: Any) -> str:
        answer = get("/twitter/queue", role=role, **who)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    return ask


def said(source: str) -> str:
    """Return what the page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", source.replace("<wbr>", ""))).split())


def button(source: str, id: str) -> dict[str, str]:
    """Return the attributes of a button, unescaped."""
    (tag,) = re.findall(rf'<button[^>]*\bid="{re.escape(id)}"[^>]*>', source)
    found = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
    return found | ({"disabled": ""} if re.search(r"\bdisabled\b", re.sub(r'"[^"]*"', "", tag)) else {})


def post(world: Any, records: Records, key: str, text: str, *, run: str = "queued", **more: Any) -> None:
    """Put a post into the queue, as twitter_publish does; `more` are minutes, video, approval, expires_at."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import insert

    at = NOW - timedelta(hours=1) + timedelta(minutes=more.get("minutes", 0))
    asked = parse_post({"account": "main", "text": text, "approval": more.get("approval", False)})
    details = {
        "run_after": at.isoformat(),
        "asked": asked,
        "video": None,
        "expires_at": more.get("expires_at"),
    }
    content = Content(text=text, media_sha256=SHA256 if more.get("video") else None)
    records.open("main", key, content, details=details, simulated=more.get("simulated", False))
    records.note("main", key, more.get("state", PostState.QUEUED), "As the test says.")
    end = None if run in ("queued", "running") else NOW
    row = {
        "dag_id": QUEUE,
        "run_id": key,
        "_state": run,
        "run_type": "manual",
        "run_after": at,
        "end_date": end,
    }
    world.session.execute(insert(DagRun).values(row))


def unknown(world: Any, records: Records, key: str, text: str) -> None:
    """Leave a post in doubt."""
    post(world, records, key, text, run="failed")
    with records.change("main", key) as record:
        record.intent.sent_at = NOW
        record.note(PostState.UNKNOWN, "The answer was lost.")


def test_nobody_and_strangers(get: Callable[..., Any], accounts: Path) -> None:
    """Without a login there is no page, and none for whoever may not read DAGs at all."""
    assert get("/twitter/queue", role="").status_code == 401
    assert get("/twitter/queue", role="GUEST").status_code == 403


def test_only_accounts_that_one_may_see(page: Callable[..., str], world: Any, records: Records) -> None:
    """An account is there for whoever has the right on its DAG, and nothing of it for anybody else."""
    post(world, records, "one", "A secret plan")
    assert "A secret plan" in page()
    others = page(dags=[OTHER])
    assert "account-other" in others
    assert "account-main" not in others
    assert "A secret plan" not in others
    world.dag("twitter_search")
    assert "There is no account here that you may see." in said(page(dags=["twitter_search"]))


def test_a_reader_has_no_buttons_that_work(page: Callable[..., str], world: Any, records: Records) -> None:
    """Whoever may only look sees everything, is told why nothing can be changed, and every button is off."""
    post(world, records, "one", "Good morning")
    unknown(world, records, "two", "In doubt")
    hold(records.store, "main", Hold(NOW, "credits", "X says that there are no credits left.", "one"))
    source = page(role="VIEWER")
    assert "You may look at this account, and not change it" in said(source)
    ids = re.findall(
        r'<button[^>]*data-url[^>]*\bid="([^"]*)"|<button[^>]*\bid="([^"]*)"[^>]*data-url', source
    )
    names = [one or two for one, two in ids]
    assert len(names) >= 8
    assert all("disabled" in button(source, name) for name in names)
    assert "disabled" not in button(page(), "release-main")


def test_hostile_text_is_text(page: Callable[..., str], world: Any, records: Records) -> None:
    """Markup in texts, errors and ids is shown as it is: in the page, in attributes, and in what buttons ask."""
    post(world, records, "one", NASTY)
    unknown(world, records, "two", f"{NASTY} 2")
    post(world, records, "three", f"{NASTY} 3", run="success", state=PostState.CANCELLED)
    hold(records.store, "main", Hold(NOW, "credits", f"{NASTY} 4", "one"))
    source = page()
    assert "<script>alert" not in source
    assert said(source).count("alert('x')") >= 4
    assert button(source, "edit-main--one")["data-value"] == NASTY
    assert len(re.findall("<script", source)) == 2


def test_a_link_that_is_a_script_is_none(page: Callable[..., str], world: Any, records: Records) -> None:
    """An address that is none of the web becomes no link, whoever wrote it."""
    post(world, records, "one", "Out", run="success")
    with records.change("main", "one") as record:
        record.post_id, record.post_url, record.posted_at = "1", "javascript:alert(1)", NOW
        record.note(PostState.POSTED, "Posted.")
    assert "javascript:" not in page()


def test_what_waits_in_order(page: Callable[..., str], world: Any, records: Records) -> None:
    """Posts stand in order with place, text and times; first cannot go up, last not down, one at work not at all."""
    post(world, records, "at-work", "First", run="running", minutes=30)
    post(world, records, "b", "Third", minutes=2)
    post(world, records, "a", "Second", minutes=1, expires_at="2099-01-01T00:00:00Z")
    source = page()
    assert re.findall(r'id="waits-main--([\w-]+)"', source) == ["at-work", "a", "b"]
    assert "3 waiting" in said(source)
    assert "not after 2099-01-01 00:00" in said(source)
    assert 'id="up-main--at-work"' not in source
    assert "disabled" in button(source, "up-main--a")
    assert json.loads(button(source, "down-main--a")["data-body"]) == {"place": 2}
    assert json.loads(button(source, "up-main--b")["data-body"]) == {"place": 1}
    assert "disabled" in button(source, "down-main--b")
    assert 'id="edit-main--a"' in source
    assert 'id="edit-main--at-work"' not in source


def test_a_video_on_its_way(page: Callable[..., str], world: Any, records: Records) -> None:
    """During the upload there is a bar with percent, the video's address, and its picture while that is kept."""
    post(world, records, "one", "Look", run="running", video=True, state=PostState.UPLOADING)
    form = Report(PostState.UPLOADING, progress=0.424).form()
    world.task(QUEUE, "one", "upload", "running", state=json.dumps(form))
    source = page()
    assert 'value="42"' in source
    assert "42 %" in said(source)
    assert 'href="posts/main/one/video"' in source
    assert "<img" not in source
    records.store.put(f"media/frames/{SHA256}.jpg", b"a picture")
    assert 'src="posts/main/one/frame"' in page()


def test_an_approval_leads_to_airflows_page(page: Callable[..., str], world: Any, records: Records) -> None:
    """A post that waits for an approval says so, and links to the question in Airflow's own page."""
    records.open("main", "one", Content(text="Please look"), details={"asked": {"approval": True}})
    records.note("main", "one", PostState.AWAITING_APPROVAL, "Somebody is asked.")
    conf = {"account": "main", "text": "Please look"}
    published(world, "one", "running", conf)
    source = page()
    assert "Waits for approval" in said(source)
    assert 'href="../dags/twitter_publish/runs/one/tasks/approve/required_actions"' in source
    assert 'id="edit-main--one"' not in source


def test_a_held_account_says_why(page: Callable[..., str], records: Records) -> None:
    """A held account has the sentence of what happened, since when, and the button that releases it."""
    hold(records.store, "main", Hold(NOW, "credits", "X says that there are no credits left.", "one"))
    source = page()
    assert "The account is held. X says that there are no credits left." in said(source)
    assert button(source, "release-main")["data-url"] == "api/v1/accounts/main/release"
    assert "held-other" not in source


def test_in_doubt(page: Callable[..., str], world: Any, records: Records) -> None:
    """A post of which nobody knows has an explanation and a button for each answer, also long after its run is gone."""
    unknown(world, records, "one", "Is it there?")
    source = page()
    assert "nobody knows whether it is out" in said(source)
    assert button(source, "posted-main--one")["data-url"].endswith("posts/one/posted")
    assert button(source, "not-posted-main--one")["data-url"].endswith("posts/one/not-posted")
    assert 'id="ended-main--one"' not in source

    from airflow.models.dagrun import DagRun
    from sqlalchemy import delete, insert

    world.session.execute(delete(DagRun))
    row = {"dag_id": DECIDE, "run_id": "one__1", "_state": "running", "run_type": "manual", "run_after": NOW}
    world.session.execute(insert(DagRun).values({**row, "conf": {"account": "main", "post": "one"}}))
    assert 'id="doubt-main--one"' in page()
    world.session.execute(
        insert(DagRun).values({**row, "run_id": "x", "conf": {"account": "other", "post": "one"}})
    )
    assert page().count('id="doubt-main--one"') == 1


@pytest.mark.parametrize(
    ("conn_extra", "address"),
    [
        ({"access_token": "12345-token", "access_token_secret": "s"}, "https://x.com/i/user/12345"),
        ({"oauth2_account": "@Some_Name", "oauth2_client_id": "c"}, "https://x.com/Some_Name"),
        ({"oauth2_account": "a/../b", "oauth2_client_id": "c"}, None),
    ],
)
def test_where_to_look(
    page: Callable[..., str],
    world: Any,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
    conn_extra: dict[str, str],
    address: str | None,
) -> None:
    """The account's page on X follows from the Connection: from its token, or from the name of its owner."""
    connection = {"conn_type": "twitter", "login": "key", "password": "secret", "extra": conn_extra}
    monkeypatch.setenv("AIRFLOW_CONN_TWITTER_DEFAULT", json.dumps(connection))
    unknown(world, records, "one", "Is it there?")
    source = page()
    assert set(re.findall(r'href="(https://x\.com/[^"]*)"', source)) == ({address} if address else set())
    assert "Simulator" not in said(source)


def test_a_simulator_is_named_as_one(
    page: Callable[..., str], world: Any, records: Records, connect: Callable[..., None]
) -> None:
    """An account whose Connection leads to this machine says so, and so does each post that went there."""
    connect("http://127.0.0.1:8090")
    post(world, records, "one", "Not real", simulated=True)
    text = said(page())
    assert "Simulator, not X." in text
    assert "Simulated" in text


def test_what_ended(page: Callable[..., str], world: Any, records: Records) -> None:
    """Published posts have their link; those that were not published say why in a sentence; the newest comes first."""
    post(world, records, "out", "It is out", run="success")
    mark_posted(records, "main", "out", "https://x.com/me/status/77", by="somebody")
    post(world, records, "off", "Not any more", run="success")
    cancel(records, "main", "off", by="somebody")
    wrong = Report(PostState.FAILED, error_type="text_rejected", error="The text has 300 characters.").form()
    published(world, "bad", "failed", {"account": "main", "text": "Too long"})
    world.task(PUBLISH, "bad", "prepare", "failed", state=json.dumps(wrong))
    published(world, "foreign", "failed", {"account": "other", "text": "Of another account"})
    source = page(dags=[QUEUE, PUBLISH])
    text = said(source)
    assert 'href="https://x.com/i/status/77"' in source
    assert "Cancelled Not any more Somebody cancelled the post before it was sent." in text
    assert "Not published Too long The post was not sent. The text has 300 characters." in text
    assert "Of another account" not in text
    assert 'id="waits-main' not in source


def test_a_post_that_is_out_waits_no_more(page: Callable[..., str], world: Any, records: Records) -> None:
    """A post that is out stands among those that are, also while its run has something left to do."""
    post(world, records, "out", "It is out", run="running")
    mark_posted(records, "main", "out", "https://x.com/me/status/77", by="somebody")
    source = page()
    assert 'id="ended-main--out"' in source
    assert 'id="waits-main--out"' not in source
    assert "0 waiting" in said(source)


def test_empty_and_paused(page: Callable[..., str], world: Any) -> None:
    """An account without posts says how to queue one; a paused queue says that it is paused."""
    text = said(page())
    assert text.count("Nothing waits. Queue a post with Trigger .") == 2
    assert text.count("Nothing was posted yet.") == 2
    world.dag(QUEUE, is_paused=True)
    assert "Paused. Somebody paused the queue" in said(page())


def test_limits(page: Callable[..., str], world: Any) -> None:
    """What is known of X's limits is told with when it was heard, and what is not known is said to be so."""
    from airflow_twitter.api.limits import RateLimit
    from airflow_twitter.collecting.rate_limit import Known

    limit = RateLimit(limit=100, remaining=7, reset_at=NOW + timedelta(minutes=9), observed_at=NOW)
    world.heard("twitter_default.create_post", json.dumps(Known(window=limit).to_json()))
    text = said(page())
    assert re.search(r"Posts: 7 of 100 left ?, new ones .* in \d+ (s|min) \(heard", text)
    assert "Deletions: X has not said anything yet" in text
    assert "One post every 20 s" in text


def test_mistakes_in_the_file_are_told(page: Callable[..., str], accounts: Path) -> None:
    """With a mistake in accounts.yaml the page names the file, and shows the accounts that are right."""
    accounts.write_text(ACCOUNTS + "  - {account: NOT GOOD}\n")
    source = page()
    assert "accounts.yaml has mistakes, which show under Import Errors" in said(source)
    assert "account-main" in source


def test_headers(get: Callable[..., Any], accounts: Path) -> None:
    """Scripts, styles and connections of this server alone; its files are served, and no others."""
    policy = get("/twitter/queue", role="ADMIN").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert get("/twitter/queue.js").headers["content-type"].startswith("text/javascript")
    assert get("/twitter/queue.css").headers["content-type"].startswith("text/css")
    assert get("/twitter/frame.css").status_code == 404
    assert get("/twitter/app.py").status_code in (404, 422)
    assert not re.search(r"\son\w+=|style=|<style|<script>", get("/twitter/queue", role="ADMIN").text)


def test_the_same_over_http(api_server: Any, accounts: Path, world: Any, records: Records) -> None:
    """What the page shows is the API's list of accounts: for those alone that its user may see."""
    post(world, records, "one", "Good morning")
    unknown(world, records, "two", "In doubt")
    world.commit()
    seen = Program(api_server, "bot", "USER", None).get(f"{API}/accounts").json()
    main, other = seen["accounts"]
    assert (main["account"], main["may_change"], main["total"], other["total"]) == ("main", True, 1, 0)
    assert [each["id"] for each in main["posts"]] == ["one"]
    assert [each["state"] for each in main["in_doubt"]] == ["unknown"]
    assert main["posts"][0]["editable"] is True
    reader = Program(api_server, "bot", "VIEWER", [OTHER]).get(f"{API}/accounts").json()
    assert [(each["account"], each["may_change"]) for each in reader["accounts"]] == [("other", False)]
    assert Program(api_server, "bot", "", None).get(f"{API}/accounts").status_code == 401


def published(world: Any, key: str, state: str, conf: dict[str, Any]) -> None:
    """Add a run of twitter_publish."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import insert

    row = {"dag_id": PUBLISH, "run_id": key, "_state": state, "run_type": "manual", "run_after": NOW}
    world.session.execute(insert(DagRun).values({**row, "conf": conf}))
