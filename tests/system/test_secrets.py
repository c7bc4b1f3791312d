"""Recognisable secrets in every field of a connection: after runs of all kinds they stand nowhere in the open."""

from __future__ import annotations

import json
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from leaks import Arguments, Leaks, files, forms, tables, without_login
from real_airflow import RealAirflow

from airflow_twitter.simulator import Account, Rule, Simulator, Topic, World

pytestmark = [pytest.mark.system, pytest.mark.scheduler, pytest.mark.timeout(900)]

KEYWORDS = """
keywords:
  - {keyword: sevdesk, schedule: null}
  - {keyword: wrong keys, schedule: null, connection: twitter_wrong}
  - {keyword: wrong token, schedule: null, connection: twitter_bearer}
  - {keyword: repeated, schedule: null, connection: twitter_echo}
"""
ACCOUNTS = """
accounts:
  - {account: main, distance_s: 0}
  - {account: echo, distance_s: 0, connection: twitter_echo}
"""


END = b"\n\nheaders: "


def planted(name: str) -> str:
    """Return a secret with letters that are written otherwise in URLs, JSON, HTML and base64."""
    return f"{name}+/=&%<{secrets.token_hex(12)}>~"


SECRETS = {
    name: planted(name)
    for name in (
        "key",
        "secret",
        "wrong_key",
        "wrong_secret",
        "bearer_token",
        "access_token",
        "access_token_secret",
        "oauth2_client_secret",
    )
}
ACCOUNT = Account("sim_publisher", "8000000001", SECRETS["access_token"], SECRETS["access_token_secret"])


class Echo(BaseHTTPRequestHandler):
    """Refuse every request as a bad one, and repeat its headers and its body in the reason."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode(errors="replace")
        repeated = f"{self.path} {dict(self.headers)} {body}"
        problem = {
            "title": "Invalid Request",
            "type": "https://api.x.com/2/problems/invalid-request",
            "detail": repeated,
            "errors": [{"message": repeated, "parameters": {"headers": [repeated]}}],
        }
        content = json.dumps(problem).encode()
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """The address of a server that repeats what it is sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A simulator that takes the planted secrets, and refuses one request as if the token had been revoked."""
    made = Simulator(
        world=World(seed=7, topics={"sevdesk": Topic(total=60)}),
        credentials=(SECRETS["key"], SECRETS["secret"]),
        accounts=(ACCOUNT,),
        rules=[Rule(endpoint="search_recent", nth=2, fault="token_revoked")],
    )
    with made as started:
        yield started


@pytest.fixture(scope="module")
def leaks(simulator: Simulator) -> Leaks:
    """What looks for the planted secrets, and for the tokens that are made of them."""
    return Leaks({**SECRETS, "the token made at run time": simulator.bearer_token})


@pytest.fixture(scope="module")
def arguments() -> Iterator[Arguments]:
    """The arguments of all processes from before the first run to after the last."""
    with Arguments() as watched:
        yield watched


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, simulator: Simulator, echo: str, arguments: Arguments
) -> Iterator[RealAirflow]:
    """An Airflow whose connections hold the secrets, after a run of each kind."""
    made = RealAirflow(
        tmp_path_factory.mktemp("secrets"),
        KEYWORDS,
        {"accounts.yaml": ACCOUNTS},
        {"TWITTER_LOG_LEVEL": "DEBUG"},
    )
    try:
        made.start()
        _connect(
            made, "twitter_default", simulator.url, ("key", "secret"), "access_token", "access_token_secret"
        )
        _connect(made, "twitter_wrong", simulator.url, ("wrong_key", "wrong_secret"))
        _connect(made, "twitter_bearer", simulator.url, None, "bearer_token")
        _connect(
            made,
            "twitter_echo",
            echo,
            ("key", "secret"),
            "access_token",
            "access_token_secret",
            "oauth2_client_secret",
        )
        made.states = _run_all(made)
        yield made
    finally:
        made.stop()


def _connect(
    airflow: RealAirflow, conn_id: str, host: str, keys: tuple[str, str] | None, *extras: str
) -> None:
    body: dict[str, Any] = {"connection_id": conn_id, "conn_type": "twitter", "host": host}
    if keys:
        body |= {"login": SECRETS[keys[0]], "password": SECRETS[keys[1]]}
    body["extra"] = json.dumps({name: SECRETS[name] for name in extras})
    airflow.rest.send("POST", "connections", body)
    airflow.cli("pools", "set", conn_id, "1", "one search at a time")


def _run_all(airflow: RealAirflow) -> dict[str, str]:
    """Run what there is, and return the state in which each ended; triggered first and unpaused then."""
    runs = {}
    dag_ids = [
        dag["dag_id"]
        for dag in airflow.wait(lambda: _dags(airflow), "the DAGs")
        if dag["dag_id"].startswith("twitter_search__")
    ]
    for dag_id in dag_ids:
        runs[dag_id] = airflow.trigger(dag_id, {"max_results": 10})
    for account in ("main", "echo"):
        runs[f"post of {account}"] = airflow.trigger(
            "twitter_publish", {"account": account, "text": f"Good morning from {account}"}
        )
    for dag_id in dag_ids:
        airflow.unpause(dag_id)
    states = {dag_id: airflow.finish(dag_id, runs[dag_id]) for dag_id in dag_ids}
    for account in ("main", "echo"):
        run_id = runs[f"post of {account}"]
        states[f"post of {account}"] = airflow.finish("twitter_publish", run_id)
        queue = f"twitter_post__{account}"
        airflow.wait(
            lambda queue=queue, run_id=run_id: airflow.rest.get(f"dags/{queue}/dagRuns/{run_id}"), queue
        )
        states[queue] = airflow.finish(queue, run_id)
    return states


def _dags(airflow: RealAirflow) -> list[dict[str, Any]] | None:
    dags = airflow.rest.get("dags", limit="100")["dags"]
    names = {dag["dag_id"] for dag in dags}
    return dags if len([name for name in names if "__" in name]) == 6 and "twitter_publish" in names else None


def test_the_runs_were_what_they_were_meant_to_be(airflow: RealAirflow, simulator: Simulator) -> None:
    """One search is whole though its token was revoked, the others were refused; one post is out, one refused."""
    refused = {name for name, state in airflow.states.items() if state == "failed"}
    assert {name for name in refused if name.startswith("twitter_search")} == {
        name for name in airflow.states if "wrong" in name or "repeated" in name
    }
    assert airflow.states["twitter_post__main"] == "success"
    assert airflow.states["twitter_post__echo"] == "failed"
    assert [entry.status for entry in simulator.book.to("create_post")] == [201]
    data = airflow.place.data
    assert len(json.loads((data / "tweets_sevdesk.json").read_text())) == 60


def test_no_secret_in_logs_and_files(airflow: RealAirflow, leaks: Leaks) -> None:
    """Not in a log of a task or a service, and not in the data folder."""
    assert leaks.look(files(airflow.place.home, airflow.place.data)) == []
    seen = "\n".join(leaks.seen)
    for place in ("task_id=search", "task_id=create_post", "services/scheduler.log", "/staging/", "/ledger/"):
        assert place in seen


def test_no_secret_in_the_database(airflow: RealAirflow, leaks: Leaks) -> None:
    """Not in XCom, asset state, rendered templates or any other table: what must be kept is encrypted."""
    assert leaks.look(tables(airflow.place.database)) == []
    for place in ("xcom.value", "rendered_task_instance_fields.rendered_fields", "connection.password"):
        assert place in leaks.seen


def test_no_secret_in_arguments(airflow: RealAirflow, arguments: Arguments, leaks: Leaks) -> None:
    """No process was given a secret for everybody to read."""
    assert leaks.look(arguments.found()) == []
    assert any(b"scheduler" in seen for _, seen in arguments.found())


def test_no_secret_over_rest(airflow: RealAirflow, leaks: Leaks) -> None:
    """Neither Airflow's REST API nor our own pages give one away, but for the login, which Airflow's form shows."""
    assert leaks.look(_answers(airflow)) == []
    assert len([place for place in leaks.seen if place.startswith("GET ")]) > 60


def _answers(airflow: RealAirflow) -> Iterator[tuple[str, bytes]]:
    """Yield all that the API says of runs, tasks, XComs, connections and assets, and what our pages show."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = airflow.rest._session.headers["Authorization"]
    base = airflow.rest._url

    def get(path: str) -> tuple[str, bytes]:
        answer = session.get(f"{base}/{path}", timeout=120)
        assert answer.status_code in (200, 404), f"{path}: {answer.status_code}"
        return f"GET {path}", answer.content + END + str(answer.headers).encode()

    def get_json(path: str) -> Any:
        return json.loads(get(path)[1].partition(END)[0])

    for name in ("variables", "importErrors", "assets", "assets/events", "pools", "plugins", "dags"):
        yield get(f"api/v2/{name}?limit=200")
    connections = get_json("api/v2/connections?limit=200")["connections"]
    yield "GET connections", json.dumps([{**one, "login": ""} for one in connections]).encode()
    notes = get_json("api/v2/eventLogs?limit=200")["event_logs"]
    yield "GET eventLogs", "\n".join(without_login(note["extra"] or "") for note in notes).encode()
    for name in ("twitter/status", "twitter/status.css"):
        yield get(name)
    for run in get_json("api/v2/dags/~/dagRuns?limit=100")["dag_runs"]:
        path = f"api/v2/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}"
        yield get(path)
        yield get(f"{path}/taskInstances")
        for task in get_json(f"{path}/taskInstances")["task_instances"]:
            one = f"{path}/taskInstances/{task['task_id']}"
            yield get(f"{one}/links")
            yield get(f"{one}/xcomEntries")
            for number in range(1, (task["try_number"] or 0) + 1):
                yield get(f"{one}/logs/{number}?full_content=true")


@pytest.mark.parametrize("form", range(len(forms(planted("leak")))))
def test_a_leak_is_found_in_any_form(tmp_path: Path, form: int) -> None:
    """A secret that stands in a file in any of the forms is found there."""
    secret = planted("leak")
    (tmp_path / "some.log").write_bytes(
        b"xx" + sorted(forms(secret), key=lambda form: (len(form), form))[form]
    )
    assert Leaks({"leak": secret}).look(files(tmp_path)) != []


@pytest.mark.parametrize("before", ["", "x", "xy", "key:"])
def test_a_leak_is_found_within_base64(tmp_path: Path, before: str) -> None:
    """A secret is found in base64 wherever it begins, as in a header of HTTP Basic."""
    import base64

    secret = planted("leak")
    (tmp_path / "some.log").write_bytes(base64.b64encode(f"{before}{secret}:and more".encode()))
    assert Leaks({"leak": secret}).look(files(tmp_path)) != []


def test_a_leak_is_found_in_a_table(tmp_path: Path) -> None:
    """A secret in any column is found, and in the login of a connection it is left alone."""
    secret = planted("leak")
    with closing(sqlite3.connect(tmp_path / "some.db")) as database:
        database.execute("CREATE TABLE connection (login TEXT, password BLOB)")
        database.execute("INSERT INTO connection VALUES (?, 'x')", [secret])
        database.commit()
        assert Leaks({"leak": secret}).look(tables(tmp_path / "some.db")) == []
        database.execute("UPDATE connection SET password = ?", [secret.encode()])
        database.commit()
    assert Leaks({"leak": secret}).look(tables(tmp_path / "some.db")) != []


def test_a_leak_is_found_in_arguments() -> None:
    """A process that is given a secret is seen."""
    secret = planted("leak")
    with Arguments() as watched:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(1)", secret], check=True)
    assert Leaks({"leak": secret}).look(watched.found()) != []
