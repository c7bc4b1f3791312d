"""The HTTP API for other programs, in Airflow's API server with a real database and the project's DAGs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.pages.publishing_api import ACCOUNTS, API, MAIN, Program, write_dags

from airflow_twitter.accounts.form import parse_post
from airflow_twitter.accounts.holding import Hold, hold
from airflow_twitter.publishing.errors import unknown
from airflow_twitter.publishing.record import Approval, Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.reports import report
from airflow_twitter.publishing.states import PostState

QUEUE = "twitter_post__main"
PUBLISH = "twitter_publish"
DECIDE = "twitter_decide"
FORM = {
    "success",
    "state",
    "error_type",
    "error",
    "retry_after",
    "will_retry",
    "progress",
    "video_url",
    "post_url",
    "simulated",
}
As = Callable[..., Program]


@pytest.fixture
def as_user(api_server: Any, world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> As:
    """A program with the token of a user."""
    path = tmp_path / "accounts.yaml"
    path.write_text(ACCOUNTS)
    monkeypatch.setenv("TWITTER_ACCOUNTS", str(path))
    write_dags(world.session, path)
    return lambda name="bot", role="USER", dags=None: Program(api_server, name, role, dags)


@pytest.fixture
def bot(as_user: As) -> Program:
    """A program that may do everything."""
    return as_user()


@pytest.fixture
def records(bot: Program, world: Any) -> Records:
    """The records of posts."""
    return Records(world.store)


def in_queue(
    world: Any, records: Records, key: str, text: str, minutes: int = 0, state: str = "queued"
) -> None:
    """Put a post into the queue, as twitter_publish does."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import insert

    at = datetime.now(UTC) - timedelta(hours=1) + timedelta(minutes=minutes)
    asked = parse_post({"account": "main", "text": text})
    details = {"run_after": at.isoformat(), "asked": asked, "video": None, "expires_at": None}
    records.open("main", key, Content(text=text), details=details)
    records.note("main", key, PostState.QUEUED, "Put into the queue.")
    row = {"dag_id": QUEUE, "run_id": key, "_state": state, "run_type": "manual", "run_after": at}
    world.session.execute(insert(DagRun).values(row))
    world.commit()


def run_of(world: Any, dag_id: str, run_id: str) -> Any:
    """A run as the database has it."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    world.session.rollback()
    return world.session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))


def order(bot: Program) -> list[str]:
    """The ids of what waits, in order."""
    return [post["id"] for post in bot.get("queue").json()["posts"]]


def test_queue_a_post(bot: Program, world: Any) -> None:
    """A post is taken over with 202: its id, its place, its state, and a run that its user asked for."""
    answer = bot.post("posts", {"text": "Good morning"})

    assert answer.status_code == 202
    post = answer.json()
    assert (post["place"], post["state"], post["success"]) == (1, "preparing", False)
    assert post.keys() > FORM
    assert answer.headers["location"] == f"{MAIN}/posts/{post['id']}"
    run = run_of(world, PUBLISH, post["id"])
    assert (run.conf["account"], run.conf["text"]) == ("main", "Good morning")
    assert (run.triggering_user_name, run.state) == ("bot", "queued")
    assert bot.get(f"posts/{post['id']}").json() == post


def test_asked_again_with_the_same_key(as_user: As, world: Any) -> None:
    """The same Idempotency-Key is the same post, another post with it is refused, and each user has keys of his own."""
    bot, other = as_user(), as_user("second")
    once = {"Idempotency-Key": "order-7"}
    first = bot.post("posts", {"text": "Once"}, headers=once)
    again = bot.post("posts", {"text": "Once"}, headers=once)

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    different = bot.post("posts", {"text": "Twice"}, headers=once)
    assert (different.status_code, different.json()["error_type"]) == (422, "idempotency_key_reused")
    assert other.post("posts", {"text": "Mine"}, headers=once).json()["id"] != first.json()["id"]
    assert len(order(bot)) == 2


def test_full(bot: Program) -> None:
    """When as many wait as the account allows, the next one is told when to come back; the old ones still answer."""
    once = {"Idempotency-Key": "first"}
    bot.post("posts", {"text": "0"}, headers=once)
    for number in (1, 2):
        bot.queue(str(number))
    full = bot.post("posts", {"text": "3"})

    assert (full.status_code, full.headers["retry-after"]) == (429, "20")
    assert full.json()["error_type"] == "queue_full"
    assert bot.post("posts", {"text": "0"}, headers=once).status_code == 202
    assert len(order(bot)) == 3


@pytest.mark.parametrize(
    ("body", "field", "error_type"),
    [
        ({"text": "x" * 281}, None, "text_rejected"),
        ({}, "text", "invalid"),
        ({"text": "x", "colour": "red"}, "colour", "invalid"),
        ({"text": "x", "account": "other"}, "account", "invalid"),
        ({"text": "x", "publish_at": "soon"}, "publish_at", "invalid"),
        ({"text": "x", "publish_at": "0001-01-01T00:00:00+23:00"}, "publish_at", "invalid"),
        ({"text": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "invalid"),
        ({"text": "a\0b"}, "text", "invalid"),
    ],
)
def test_refused(bot: Program, body: dict[str, Any], field: str | None, error_type: str) -> None:
    """What X or the form refuses is refused at once, with the field, and nothing is queued."""
    answer = bot.post("posts", body)
    assert (answer.status_code, answer.json()["error_type"]) == (422, error_type)
    assert answer.json()["field"] == field
    assert order(bot) == []


def test_nobody_could_approve(bot: Program, tmp_path: Path) -> None:
    """A post that nobody but its author may approve is refused at once."""
    (tmp_path / "accounts.yaml").write_text("accounts:\n- account: main\n  approvers: [bot]\n")
    answer = bot.post("posts", {"text": "x", "approval": True})
    assert (answer.status_code, answer.json()["field"]) == (422, "approval")
    assert bot.post("posts", {"text": "x"}).status_code == 202


def test_half_a_character(bot: Program) -> None:
    """Half of a surrogate pair, and JSON that is nested too deep, are mistakes of the program and not of the server."""
    headers = {"Content-Type": "application/json"}
    for body in (b'{"text": "\\ud800"}', b'{"text": ' + b"[" * 30_000):
        answer = bot.send("POST", "posts", content=body, headers=headers)
        assert answer.status_code in (400, 422)


def test_same_text(bot: Program, world: Any, records: Records) -> None:
    """A text that is on its way is not queued a second time: the answer names the first."""
    in_queue(world, records, "first", "The same")
    answer = bot.post("posts", {"text": "The same"})
    assert (answer.status_code, answer.json()["first"]) == (409, "first")
    assert bot.post("posts", {"text": "The same", "allow_duplicate": True}).status_code == 202


def test_state_of_a_wait(bot: Program, world: Any, records: Records) -> None:
    """The state is what the task said before it waited, with the seconds that are left; an account's hold is shown."""
    in_queue(world, records, "mine", "Wait", state="running")
    records.note("main", "mine", PostState.WAITING, "X said 429.")
    said = {
        "success": False,
        "state": "waiting",
        "error_type": "rate_limit",
        "error": "X has no room.",
        "retry_after": 900,
        "will_retry": True,
        "progress": None,
        "video_url": None,
        "post_url": None,
        "simulated": False,
    }
    world.task(QUEUE, "mine", "create_post", "up_for_reschedule", state=said)
    world.commit()
    post = bot.get("posts/mine").json()
    assert (post["state"], post["error_type"], post["will_retry"]) == ("waiting", "rate_limit", True)
    assert 890 < post["retry_after"] <= 900

    hold(world.store, "main", Hold(datetime.now(UTC), "credits", "No credits are left.", "mine"))
    assert bot.get("posts/mine").json()["error_type"] == "credits"
    queue = bot.get("queue").json()
    assert (queue["held"]["error_type"], queue["posts"][0]["state"]) == ("credits", "held")
    assert bot.post("release").json()["released"] is True
    assert bot.post("release").json() == {"released": False, "held_for": None}
    assert bot.get("posts/mine").json()["state"] == "waiting"


def test_died_without_a_word(bot: Program, world: Any, records: Records) -> None:
    """A run that failed without saying why is not shown as one that goes on."""
    in_queue(world, records, "mine", "Gone", state="failed")
    post = bot.get("posts/mine").json()
    assert (post["state"], post["error_type"], post["will_retry"]) == ("failed", "internal", False)


def test_died_in_doubt(bot: Program, world: Any, records: Records) -> None:
    """A run that was ended after its post was sent is shown as unknown: a person decides, and nothing is cancelled."""
    in_queue(world, records, "mine", "Perhaps", state="failed")
    with records.change("main", "mine") as record:
        record.intent.sent_at = datetime.now(UTC)
        record.note(PostState.POSTING, "Sent to X.")
    world.task(QUEUE, "mine", "create_post", "failed")
    world.commit()
    post = bot.get("posts/mine").json()
    assert (post["state"], post["error_type"], post["will_retry"]) == ("unknown", "unknown", False)
    assert bot.post("posts/mine/cancel").json()["outcome"] == "unknown"
    assert bot.post("posts/mine/not-posted").json()["state"] == "queued"


def test_reorder(bot: Program, world: Any, records: Records) -> None:
    """A post takes the place that it is given, in Airflow's own order; one that has its turn is not moved."""
    for minutes, key in enumerate("abc"):
        in_queue(world, records, key, key, minutes)
    assert order(bot) == ["a", "b", "c"]
    assert bot.post("posts/c/move", {"place": 1}).json()["place"] == 1
    assert order(bot) == ["c", "a", "b"]
    bot.post("posts/c/move", {"place": 2})
    assert order(bot) == ["a", "c", "b"]
    bot.post("posts/a/move", {"place": 9})
    assert order(bot) == ["c", "b", "a"]
    run_after = {key: run_of(world, QUEUE, key).run_after for key in "abc"}
    assert sorted("abc", key=run_after.__getitem__) == ["c", "b", "a"]
    in_queue(world, records, "now", "now", 0, "running")
    assert bot.post("posts/now/move", {"place": 1}).status_code == 409
    assert bot.post("posts/a/move", {"place": 0}).status_code == 422


def test_reorder_with_a_scheduled_post(bot: Program, world: Any, records: Records) -> None:
    """A post that could go out now does not wait for one of another day, when it is put before it."""
    in_queue(world, records, "now", "now", -1)
    in_queue(world, records, "later", "later", 3 * 24 * 60)
    before = run_of(world, QUEUE, "now").run_after
    assert bot.post("posts/now/move", {"place": 1}).status_code == 200
    assert run_of(world, QUEUE, "now").run_after == before
    assert order(bot) == ["now", "later"]


def test_edit(bot: Program, world: Any, records: Records) -> None:
    """A text that waits can be changed, after the checks; what has to be approved cannot, nor what was sent."""
    in_queue(world, records, "mine", "Old")
    assert bot.send("PATCH", "posts/mine", json={"text": "y" * 281}).json()["error_type"] == "text_rejected"
    answer = bot.send("PATCH", "posts/mine", json={"text": "New"})
    assert (answer.status_code, answer.json()["text"]) == (200, "New")
    assert records.read("main", "mine").content.text == "New"
    assert records.read("main", "mine").history[-1].by == "bot"
    later = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    assert bot.send("PATCH", "posts/mine", json={"publish_at": later}).json()["not_before"] == later
    with records.change("main", "mine") as record:
        assert record.details["edited"] == {"text": "New", "publish_at": later}
        record.approval = Approval()
    assert bot.send("PATCH", "posts/mine", json={"text": "Newer"}).json()["error_type"] == "not_editable"


def test_cancel(bot: Program, world: Any, records: Records) -> None:
    """A post that waits is cancelled, and leaves the queue; one that was never checked is, too."""
    in_queue(world, records, "mine", "Never")
    answer = bot.post("posts/mine/cancel")
    assert (answer.status_code, answer.json()["outcome"]) == (200, "cancelled")
    assert (answer.json()["state"], answer.json()["place"]) == ("cancelled", None)
    unchecked = bot.queue("Neither")
    assert bot.post(f"posts/{unchecked}/cancel").json()["outcome"] == "cancelled"
    assert order(bot) == []


@pytest.mark.parametrize("state", ["up_for_reschedule", "up_for_retry", "scheduled"])
def test_cancel_in_its_turn(bot: Program, world: Any, records: Records, state: str) -> None:
    """The turn of a post that waits in it is free at once; what of its run was not done is skipped."""
    in_queue(world, records, "mine", "Never", state="running")
    world.task(QUEUE, "mine", "wait_for_rate_limit", "success")
    world.task(QUEUE, "mine", "upload", state)
    world.task(QUEUE, "mine", "create_post", None)
    world.commit()
    assert bot.post("posts/mine/cancel").json()["outcome"] == "cancelled"
    assert run_of(world, QUEUE, "mine").state == "success"
    tasks = {task.task_id: task.state for task in run_of(world, QUEUE, "mine").task_instances}
    assert tasks == {"wait_for_rate_limit": "success", "upload": "skipped", "create_post": "skipped"}


def test_cancel_at_work(bot: Program, world: Any, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is at work is left to see by itself that its post is cancelled."""
    monkeypatch.setattr("airflow_twitter.http_api.turns.PATIENCE_S", 0.0)
    in_queue(world, records, "mine", "Never", state="running")
    world.task(QUEUE, "mine", "upload", "running")
    world.commit()
    assert bot.post("posts/mine/cancel").json()["outcome"] == "cancelled"
    assert run_of(world, QUEUE, "mine").state == "running"
    assert [task.state for task in run_of(world, QUEUE, "mine").task_instances] == ["running"]


def test_cancel_what_ended(bot: Program, world: Any, records: Records) -> None:
    """A post that has ended otherwise stays as it ended, and so does its run."""
    in_queue(world, records, "mine", "Late", state="failed")
    records.note("main", "mine", PostState.EXPIRED, "Its time was over.")
    answer = bot.post("posts/mine/cancel").json()
    assert (answer["outcome"], answer["state"]) == ("over", "expired")
    assert run_of(world, QUEUE, "mine").state == "failed"


def test_posted_in_its_turn(bot: Program, world: Any, records: Records) -> None:
    """A post that waits in its turn and is said to be out waits no longer; Airflow's shortest wait is kept to."""
    from airflow.models.taskreschedule import TaskReschedule

    in_queue(world, records, "mine", "Out", state="running")
    world.task(QUEUE, "mine", "wait_for_rate_limit", "up_for_reschedule")
    world.commit()
    (task,) = run_of(world, QUEUE, "mine").task_instances
    now = datetime.now(UTC)
    world.session.add(TaskReschedule(task.id, now, now, now + timedelta(hours=1)))
    world.commit()
    assert bot.post("posts/mine/posted", {}).json()["success"] is True
    world.session.rollback()
    wakes_at = world.session.query(TaskReschedule).one().reschedule_date
    assert now + timedelta(seconds=10) <= wakes_at < now + timedelta(minutes=1)
    assert run_of(world, QUEUE, "mine").state == "running"


def test_cancel_too_late(bot: Program, world: Any, records: Records) -> None:
    """What is out is too late, with its address; what may be out is unknown."""
    for key in ("out", "doubt"):
        in_queue(world, records, key, key, state="running")
    bot.post("posts/out/posted", {"link": "https://x.com/somebody/status/123"})
    with records.change("main", "doubt") as record:
        record.intent.sent_at = datetime.now(UTC)
        record.note(PostState.UNKNOWN, "No answer.")

    answer = bot.post("posts/out/cancel")
    assert (answer.status_code, answer.json()["outcome"]) == (409, "too_late")
    assert answer.json()["post_url"] == "https://x.com/i/status/123"
    assert bot.post("posts/doubt/cancel").json()["outcome"] == "unknown"


def test_decide(bot: Program, world: Any, records: Records) -> None:
    """A post in doubt that is not there is queued again, one that is there is posted; nobody is asked any longer."""
    for key in ("there", "not_there"):
        in_queue(world, records, key, key, state="failed")
        with records.change("main", key) as record:
            record.intent.sent_at, record.intent.sends = datetime.now(UTC), 1
            record.note(PostState.UNKNOWN, "No answer.")
        said = report(PostState.UNKNOWN, now=datetime.now(UTC), error=unknown(key, "no answer")).form()
        world.task(QUEUE, key, "create_post", "failed", state=said)
        world.run(DECIDE, f"{key}__1", "running")
        world.task(DECIDE, f"{key}__1", "decide", "awaiting_input")
        world.task(DECIDE, f"{key}__1", "hand_over", None)
    world.commit()
    assert bot.post("posts/there/posted", {"link": "a lie"}).status_code == 422
    assert bot.post("posts/there/posted", {}).json()["success"] is True
    again = bot.post("posts/not_there/not-posted").json()
    assert (again["state"], again["place"]) == ("queued", 1)
    assert run_of(world, QUEUE, "not_there").state == "queued"
    assert bot.post("posts/not_there/not-posted").status_code == 409
    for key in ("there", "not_there"):
        question = run_of(world, DECIDE, f"{key}__1")
        assert question.state == "success"
        assert {task.state for task in question.task_instances} == {"skipped"}


def test_decide_too_soon(bot: Program, world: Any, records: Records) -> None:
    """A run that is just ending cannot start again: nothing is changed, and the program is told to ask again."""
    in_queue(world, records, "mine", "Doubt", state="running")
    with records.change("main", "mine") as record:
        record.intent.sent_at = datetime.now(UTC)
        record.note(PostState.UNKNOWN, "No answer.")
    answer = bot.post("posts/mine/not-posted")
    assert (answer.status_code, answer.json()["error_type"]) == (409, "busy")
    assert answer.headers["retry-after"]
    assert records.read("main", "mine").state is PostState.UNKNOWN


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"account": "main"}', b"\xff"])
def test_damaged_record(bot: Program, world: Any, records: Records, damage: bytes) -> None:
    """A post whose record cannot be read is not said to be gone: where it lies and what to do; nothing changes it."""
    in_queue(world, records, "mine", "Mine")
    world.store.put("published/main/mine.json", damage)

    post = bot.get("posts/mine").json()
    assert (post["state"], post["error_type"], post["will_retry"]) == ("unknown", "record", False)
    assert "published/main/mine.json is damaged" in post["error"]
    assert "mend or remove the file" in post["sentence"]
    assert bot.get("queue").json()["posts"] == [post]
    for method, path, body in CHANGES[1:6]:
        if path == "posts/mine/move":
            continue
        answer = bot.send(method, path, json=body)
        assert (answer.status_code, answer.json()["error_type"]) == (409, "record"), path
    assert world.store.read("published/main/mine.json") == damage
    assert bot.get("posts/elsewhere").status_code == 404


def test_limits(bot: Program, world: Any) -> None:
    """Limits are what X said last, with when that was; what it did not say is null."""
    reset = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    world.heard("twitter_default.create_post", f'{{"blocked_until": "{reset}", "refusals": 1}}')
    world.commit()
    answer = bot.get("limits").json()
    create, upload, _ = answer["limits"]
    assert (create["endpoint"], create["remaining"], create["refused"]) == ("create_post", 0, True)
    assert create["observed_at"]
    assert (upload["remaining"], upload["observed_at"]) == (None, None)
    assert (answer["queue_max"], answer["waiting"], answer["next_post_at"]) == (3, 0, None)


CHANGES = [
    ("POST", "posts", {"text": "x"}),
    ("PATCH", "posts/mine", {"text": "y"}),
    ("POST", "posts/mine/move", {"place": 1}),
    ("POST", "posts/mine/cancel", None),
    ("POST", "posts/mine/posted", {}),
    ("POST", "posts/mine/not-posted", None),
    ("POST", "release", None),
]
READS = [("GET", path, None) for path in ("queue", "posts/mine", "limits")]


@pytest.mark.parametrize(("method", "path", "body"), [*CHANGES, *READS])
def test_rights(as_user: As, world: Any, records: Records, method: str, path: str, body: Any) -> None:
    """No login, 401; no right on that account's DAG, 403, whatever else is named; readers change nothing."""
    in_queue(world, records, "mine", "Mine")
    before = records.read("main", "mine")
    ask = {"json": body, "params": {"dag_id": "twitter_post__other"}}
    assert as_user(role="").send(method, path, **ask).status_code == 401
    assert as_user(role="GUEST").send(method, path, **ask).status_code == 403
    assert as_user(dags=["twitter_post__other"]).send(method, path, **ask).status_code == 403
    reader = as_user(role="VIEWER", dags=[QUEUE]).send(method, path, **ask)
    assert reader.status_code == (200 if method == "GET" else 403)
    assert records.read("main", "mine") == before


def test_posts_of_another_account(as_user: As, bot: Program) -> None:
    """The right on one account shows nothing of another's posts, also under their ids."""
    key = bot.queue("Secret")
    assert as_user(dags=["twitter_post__other"]).get(f"{API}/accounts/other/posts/{key}").status_code == 404
    assert bot.get(f"{API}/accounts/nobody/queue").status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X-Requested-With": "page", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-Requested-With": "page", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Authorization": "Basic eDp5", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-Requested-With": "page", "Origin": "https://other.example"}, 403),
        ({"X-Requested-With": "page", "Origin": "null"}, 403),
        ({"X-Requested-With": "page", "Origin": "http://testserver"}, 200),
        ({"X-Requested-With": "page", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_another_site(bot: Program, headers: dict[str, str], status: int) -> None:
    """With the session's cookie alone nothing is changed for the page of another site."""
    del bot.client.headers["Authorization"]
    bot.client.cookies.set("_token", bot.token)
    assert bot.post("release", headers=headers).status_code == status
    assert bot.get("queue").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://other.example"}, {"Origin": "null"}]
)
def test_another_site_with_a_token(bot: Program, headers: dict[str, str]) -> None:
    """A token does not excuse another site: a server that takes everybody for an administrator adds it itself."""
    assert bot.post("release", headers=headers).status_code == 403
    assert bot.post("release", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_too_large(bot: Program) -> None:
    """A body of more than 64 KiB is not read to its end."""

    def body() -> Any:
        for _ in range(100):
            yield b" " * 4096

    headers = {"Content-Type": "application/json"}
    assert bot.send("POST", "posts", content=body(), headers=headers).status_code == 413


def test_document(as_user: As, bot: Program) -> None:
    """The OpenAPI document names every address, for whoever is logged in."""
    document = bot.get(f"{API}/openapi.json").json()
    assert document["servers"] == [{"url": API}]
    assert len(document["paths"]) == 10
    assert "paid_partnership" in str(document["paths"]["/accounts/{account}/posts"])
    assert as_user(role="").get(f"{API}/openapi.json").status_code == 401
