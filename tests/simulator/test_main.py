"""The simulator as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

import airflow_twitter
from airflow_twitter.simulator.__main__ import main, parser

COMMAND = (sys.executable, "-m", "airflow_twitter.simulator")
ENVIRONMENT = {"PYTHONPATH": str(Path(airflow_twitter.__file__).parent.parent), "PATH": "/usr/bin:/bin"}


@contextmanager
def process(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the simulator, and yield it with the URL that it prints."""
    with subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as running:
        try:
            assert running.stdout is not None
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


def test_it_serves_what_its_options_say() -> None:
    """Topics, limits, windows, rules and credentials come from the command line; SIGTERM ends it with 0."""
    options = ["--topic", "my topic=3", "--topic", "b=5/day", "--limit", "search=7", "--window-s", "20"]
    options += ["--key", "k", "--secret", "s", "--rule", 'search_recent:1:server_error:{"status": 500}']
    with process(*options) as (running, url):
        form = {"grant_type": "client_credentials"}
        token = requests.post(url + "/oauth2/token", auth=("k", "s"), data=form, timeout=5).json()[
            "access_token"
        ]
        search = {
            "params": {"query": '"my topic"'},
            "headers": {"Authorization": f"Bearer {token}"},
            "timeout": 5,
        }
        answers = [requests.get(url + "/2/tweets/search/recent", **search) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [500, 200]
        assert answers[1].json()["meta"]["result_count"] == 3
        assert answers[1].headers["x-rate-limit-limit"] == "7"
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=5) == 0


def test_a_taken_port_is_named() -> None:
    """A port in use ends with 1 and one line that names it."""
    with process() as (_, url):
        port = url.rsplit(":", 1)[1]
        second = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, timeout=20, env=ENVIRONMENT
        )
    assert second.returncode == 1
    assert second.stderr == f"Cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_rules_come_from_a_file(tmp_path: Path) -> None:
    """A file that is no list of rules is refused before anything listens."""
    file = tmp_path / "rules.json"
    file.write_text('[{"endpoint": "nowhere", "fault": "html"}]')
    assert main(["--rules", str(file)]) == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--topic", "sevdesk"],
        ["--topic", "a=many"],
        ["--topic", "a=5/week"],
        ["--limit", "search"],
        ["--limit", "uploads=3"],
        ["--rule", "search_recent:x:html"],
        ["--rule", "search_recent:1:upside_down"],
        ["--rule", "search_recent:1:slow:{"],
        ["--start", "yesterday"],
        ["--start", "2026-01-01T00:00:00"],
    ],
)
def test_bad_options_are_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read is named, with exit 2."""
    with pytest.raises(SystemExit) as exit_info:
        parser().parse_args(options)
    assert exit_info.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_help_lists_faults_and_endpoints(capsys: pytest.CaptureFixture[str]) -> None:
    """--help is enough to write a rule."""
    with pytest.raises(SystemExit) as exit_info:
        parser().parse_args(["--help"])
    assert exit_info.value.code == 0
    said = capsys.readouterr().out
    for word in ("reset_before", "search_recent", "delay_s", "--clock-skew-s", "40/day"):
        assert word in said
