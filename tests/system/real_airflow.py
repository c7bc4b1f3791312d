"""A real Airflow for tests: scheduler, DAG processor, API server and triggerer as processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import requests

from local_airflow import ports, processes, running, services
from local_airflow.place import ROOT, Place, make_folders, password
from local_airflow.rest import Airflow
from local_airflow.settings import environment, on_top_of_shell

FINISHED = ("success", "failed")


class RealAirflow:
    """Start Airflow on a copy of the project's DAGs, and speak to it as a user does: REST and command line."""

    def __init__(
        self, folder: Path, keywords: str, extra_dags: Mapping[str, str], settings: Mapping[str, str]
    ):
        project = folder / "project"
        shutil.copytree(ROOT / "dags", project / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        (project / "dags" / "keywords.yaml").write_text(keywords)
        for name, source in extra_dags.items():
            (project / "dags" / name).write_text(source)
        for name in ("plugins", "scripts"):
            (project / name).symlink_to(ROOT / name)
        (project / ".venv").symlink_to(sys.prefix)
        self.place = Place(home=folder / "home", data=folder / "data", root=project)
        self.settings = settings
        self.env: dict[str, str] = {}
        self._killed: list[processes.Mark] = []

    def start(self) -> None:
        """Start every service and wait until all are well."""
        make_folders(self.place)
        claim = ports.claim(8800)
        self._now = now = running.Running(port=claim.port)
        self.env = on_top_of_shell({**environment(self.place, now.port), **self.settings})
        services.prepare(self.place, self.env)
        services.start_airflow(self.place, now, self.env)
        self.rest = Airflow(now.port, password(self.place))
        self.rest.log_in()

    def log_in(self, user: str) -> Airflow:
        """Return the REST API as another user has it."""
        other = Airflow(self._now.port, password(self.place, user))
        other.log_in(user)
        return other

    @property
    def url(self) -> str:
        """Where the API server listens."""
        return f"http://127.0.0.1:{self._now.port}"

    def token(self, user: str = "admin") -> str:
        """Return a token for a user, as another program gets it."""
        known = {"username": user, "password": password(self.place, user)}
        answer = requests.post(f"{self.url}/auth/token", json=known, timeout=90)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def stop(self) -> None:
        """End what was started, and what killed services left behind."""
        running.stop_recorded(self.place)
        processes.stop(self._killed, grace_s=0.5)

    def kill(self, service: str) -> None:
        """Kill a service, and nothing of what it has started: `kill -9`."""
        mark = self._now.services[service]
        os.kill(mark.pid, signal.SIGKILL)
        self.wait(lambda: not processes.is_alive(mark), f"the end of the {service}")
        self._killed.append(mark)

    def start_again(self, service: str) -> None:
        """Start a service that was killed."""
        services.start_service(self.place, self._now, service, self.env)

    def cli(self, *arguments: str) -> str:
        """Run an `airflow` command and return what it printed."""
        command = [str(self.place.root / ".venv" / "bin" / "airflow"), *arguments]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run, as soon as it is known."""
        self.wait(lambda: self.rest.get(f"dags/{dag_id}"), f"the DAG {dag_id}")
        self.rest.send("PATCH", f"dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Trigger a run with params, as the UI's form does, and return its id."""
        body = {"conf": dict(conf), "logical_date": None}
        return str(self.rest.send("POST", f"dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def clear(self, dag_id: str, run_id: str, *, only_failed: bool = False) -> None:
        """Clear a whole run, as the UI's button does, or those of its tasks that failed."""
        body = {"dry_run": False, "only_failed": only_failed}
        self.rest.send("POST", f"dags/{dag_id}/dagRuns/{run_id}/clear", body)

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self.rest.get(f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def finish(self, dag_id: str, run_id: str, timeout_s: float = 240.0) -> str:
        """Wait until a run has finished and return its state."""

        def state() -> str | None:
            now = self.run_state(dag_id, run_id)
            return now if now in FINISHED else None

        return str(self.wait(state, f"the end of {dag_id} {run_id}", timeout_s))

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return a task instance."""
        return dict(self.rest.get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"))

    def wait_for_task(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Wait until a task instance has come to a state."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self.wait(
            lambda: (self.rest.get(path) or {}).get("state") == state, f"{dag_id} {task_id} {state}", 240
        )

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str) -> Any:
        """Return an XCom as the UI shows it."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        entry = self.rest.get(path, stringify="false")
        return None if entry is None else entry["value"]

    def log(self, run_id: str) -> str:
        """Return everything that the tasks of a run logged, task by task in the order of their starts."""
        files = (self.place.home / "logs").glob(f"dag_id=*/run_id={run_id}/**/*.log")
        return "\n".join(file.read_text() for file in sorted(files, key=lambda file: file.stat().st_ctime))

    def tasks_with_process(self) -> set[str]:
        """Return the ids of the task instances that have a living process.

        It is the child of one of the LocalExecutor's workers, whose title names the task while it has one. The
        workers themselves are always there, below the scheduler.
        """
        now = running.load(self.place)
        assert now is not None
        scheduler = psutil.Process(now.services["scheduler"].pid)
        ids = set()
        for process in scheduler.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if process.ppid() != scheduler.pid and process.status() != psutil.STATUS_ZOMBIE:
                    ids.add(psutil.Process(process.ppid()).cmdline()[0].rpartition(" ")[2])
        return ids

    def wait(self, found: Callable[[], Any], what: str, timeout_s: float = 120.0) -> Any:
        """Return what is found, as soon as it is something."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if value := found():
                return value
            time.sleep(0.2)
        raise AssertionError(f"Waited {timeout_s:.0f} s in vain for {what}")
