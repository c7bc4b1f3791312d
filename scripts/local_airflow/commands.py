"""What `make setup`, `env`, `up`, `down` and `simulator` do."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from local_airflow import ports, running, services
from local_airflow.account import CONNECTION, CREDENTIALS, ENV_MARKER, connection, user_settings
from local_airflow.place import DEMO, PROJECT, Place, make_folders, password
from local_airflow.settings import (
    PORT,
    SIMULATOR_PORT,
    environment,
    foreign,
    on_top_of_shell,
    python,
    simulated,
)


def prepare() -> None:
    """Make the folders, the keys, the database and the pools of the project's Airflow."""
    with running.only_one(PROJECT):
        make_folders(PROJECT)
        services.prepare(PROJECT, on_top_of_shell(environment(PROJECT, PORT)))


def show_environment() -> None:
    """Print shell commands that make a shell this project's. They fetch what is secret without showing it."""
    now = running.load(PROJECT)
    added = environment(PROJECT, now.port if now else PORT)
    kept = CREDENTIALS if ENV_MARKER in os.environ else CREDENTIALS | {CONNECTION}
    for name in sorted(foreign() - set(added) - kept - {ENV_MARKER}):
        print(f"unset {name}")
    _export(added)
    fetch = shlex.join([str(python(PROJECT)), str(PROJECT.root / "scripts" / "local.py"), "secrets"])
    print(f'eval "$({fetch})"')
    _export({ENV_MARKER: "1"})


def show_secrets() -> None:
    """Print what ``.env`` adds and the Connection, as shell commands, for `make env` alone."""
    now = running.load(PROJECT)
    _export(_chosen(PROJECT, now.simulator_url if now else None))


def up() -> None:
    """Start Airflow in the background, and the simulator when there is no account."""
    with running.only_one(PROJECT):
        now = running.load(PROJECT)
        if now and not now.dead():
            return _report(now)
        if now:
            print(f"Not running any more: {', '.join(now.dead())}. Starting again.")
            running.stop_recorded(PROJECT)
        try:
            _report(_start())
        except BaseException:
            running.stop_recorded(PROJECT)
            raise


def down() -> None:
    """End what `make up` started, and what a demo that was killed left behind."""
    with running.only_one(PROJECT):
        print("Airflow is stopped." if running.stop_recorded(PROJECT) else "Airflow was not running.")
    # A demo that is at work holds its place, and ends what it started by itself.
    if DEMO.home.exists():
        with suppress(running.BusyError), running.only_one(DEMO):
            if running.stop_recorded(DEMO):
                print("What a demo left running is stopped.")


def simulator(arguments: Sequence[str]) -> None:
    """Become the simulator, in the foreground."""
    command = [str(python(PROJECT)), "-m", "airflow_twitter.simulator", *arguments]
    sys.stdout.flush()
    os.execv(command[0], command)


def _start() -> running.Running:
    make_folders(PROJECT)
    said = user_settings(PROJECT.root)
    wanted = os.environ.get("AIRFLOW_PORT") or said.get("AIRFLOW_PORT")
    claims = [ports.claim_exactly(wanted, "AIRFLOW_PORT") if wanted else ports.claim(PORT)]
    now = running.Running(port=claims[0].port)
    env = on_top_of_shell({**environment(PROJECT, now.port), **_chosen(PROJECT, None)})
    services.prepare(PROJECT, env)
    print(f"Starting Airflow at {now.url} (about half a minute)")
    if CONNECTION not in env:
        claims.append(ports.claim(SIMULATOR_PORT))
        now.simulator_url = f"http://127.0.0.1:{claims[1].port}"
        env.update(simulated(PROJECT, now.simulator_url))
        services.start_simulator(PROJECT, now, env, ["--port", str(claims[1].port)])
    services.start_airflow(PROJECT, now, env)
    return now


def _chosen(place: Place, simulator_url: str | None) -> dict[str, str]:
    """Return what the user has set, with the account or else the running simulator as the Connection."""
    said = user_settings(place.root)
    chosen = {name: value for name, value in said.items() if name not in CREDENTIALS}
    if account := connection(said):
        return {**chosen, CONNECTION: account}
    return {**chosen, **simulated(place, simulator_url)} if simulator_url else chosen


def _report(now: running.Running) -> None:
    source = f"the simulator at {now.simulator_url}, not X" if now.simulator_url else "your account of X"
    print(f"Airflow is up: {now.url}  (user admin, password {password(PROJECT)})")
    print(f"  Works with  {source}")
    print(f"  Posts go to {user_settings(PROJECT.root).get('TWITTER_DATA', PROJECT.data)}")
    print(f"  Logs        {PROJECT.service_logs}")
    print("  Stop it     make down")


def _export(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        print(f"export {name}={shlex.quote(value)}")
