"""What `make setup`, `env`, `up`, `down`, `authorize`, `gaps` and `simulator` do."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from local_airflow import ports, running, services
from local_airflow.account import CONNECTION, CREDENTIALS, ENV_MARKER, EXPORTED, connection, user_settings
from local_airflow.place import DEMO, PROJECT, SIMULATED, Place, make_folders, password
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
    place = _place()
    with running.only_one(place):
        make_folders(place)
        services.prepare(place, on_top_of_shell(environment(place, PORT)))


def show_environment() -> None:
    """Print shell commands that make a shell this project's. They fetch what is secret without showing it."""
    place = _place()
    now = running.load(place)
    added = environment(place, now.port if now else PORT)
    del added["TWITTER_DATA"]  # What the user says of it comes first, and is fetched below.
    kept = CREDENTIALS if ENV_MARKER in os.environ else CREDENTIALS | EXPORTED
    for name in sorted(foreign() - set(added) - kept):
        print(f"unset {name}")
    _export(added)
    fetch = shlex.join([str(python(place)), str(place.root / "scripts" / "local.py"), "secrets"])
    print(f'eval "$({fetch})"')
    _export({ENV_MARKER: "1"})


def show_secrets() -> None:
    """Print what ``.env`` adds and the Connection, as shell commands, for `make env` alone."""
    place = _place()
    now = running.load(place)
    _export({"TWITTER_DATA": str(place.data), **_chosen(place, now.simulator_url if now else None)})


def up() -> None:
    """Start Airflow in the background, and the simulator when there is no account."""
    place = _place()
    other = SIMULATED if place is PROJECT else PROJECT
    if (elsewhere := running.load(other)) and not elsewhere.dead():
        raise running.BusyError(
            f"Airflow is up at {elsewhere.url} with {_source(elsewhere)}: `make down` ends it, then `make up`."
        )
    with running.only_one(place):
        now = running.load(place)
        if now and not now.dead():
            return _report(place, now)
        if now:
            print(f"Not running any more: {', '.join(now.dead())}. Starting again.")
            running.stop_recorded(place)
        try:
            _report(place, _start(place))
        except BaseException:
            running.stop_recorded(place)
            raise


def down() -> None:
    """End what `make up` started, and what a demo that was killed left behind."""
    stopped = [_stop(place) for place in (PROJECT, SIMULATED)]
    print("Airflow is stopped." if any(stopped) else "Airflow was not running.")
    # A demo that is at work holds its place, and ends what it started by itself.
    with suppress(running.BusyError):
        if _stop(DEMO):
            print("What a demo left running is stopped.")


def _stop(place: Place) -> bool:
    if not place.home.exists():
        return False
    with running.only_one(place):
        return running.stop_recorded(place)


def simulator(arguments: Sequence[str]) -> None:
    """Become the simulator, in the foreground."""
    command = [str(python(PROJECT)), "-m", "airflow_twitter.simulator", *arguments]
    sys.stdout.flush()
    os.execv(command[0], command)


def authorize(arguments: Sequence[str]) -> None:
    """Become the command that lets a person authorize the app, in the project's Airflow."""
    _become("airflow_twitter.authorize", arguments)


def gaps(arguments: Sequence[str]) -> None:
    """Become the command that tells which windows are not complete."""
    _become("airflow_twitter.upkeep.gaps", arguments)


def _become(module: str, arguments: Sequence[str]) -> None:
    """Become a module of the package, in the project's Airflow."""
    place = _place()
    now = running.load(place)
    added = {
        **environment(place, now.port if now else PORT),
        **_chosen(place, now.simulator_url if now else None),
    }
    command = [str(python(place)), "-m", module, *arguments]
    sys.stdout.flush()
    os.execve(command[0], command, {**on_top_of_shell(added)})


def _place() -> Place:
    """Return where the project's Airflow lives.

    With the simulator it lives apart, so that nothing of it is ever taken for X's: no post, no coverage, no
    finished run, and no DAG that was switched on to try it.
    """
    return PROJECT if connection(user_settings(PROJECT.root)) else SIMULATED


def _start(place: Place) -> running.Running:
    make_folders(place)
    wanted = os.environ.get("AIRFLOW_PORT") or user_settings(place.root).get("AIRFLOW_PORT")
    claims = [ports.claim_exactly(wanted, "AIRFLOW_PORT") if wanted else ports.claim(PORT)]
    now = running.Running(port=claims[0].port)
    if place is SIMULATED:
        claims.append(ports.claim(SIMULATOR_PORT))
        now.simulator_url = f"http://127.0.0.1:{claims[1].port}"
    env = on_top_of_shell({**environment(place, now.port), **_chosen(place, now.simulator_url)})
    services.prepare(place, env)
    print(f"Starting Airflow at {now.url} (about half a minute)")
    if place is SIMULATED:
        services.start_simulator(place, now, env, ["--port", str(claims[1].port)])
    services.start_airflow(place, now, env)
    return now


def _chosen(place: Place, simulator_url: str | None) -> dict[str, str]:
    """Return what the user has set, with the account or else the running simulator as the Connection."""
    said = user_settings(place.root)
    chosen = {name: value for name, value in said.items() if name not in CREDENTIALS}
    if account := connection(said):
        return {**chosen, CONNECTION: account}
    if "TWITTER_DATA" in chosen:
        chosen["TWITTER_DATA"] += "/simulator"
    return {**chosen, **simulated(place, simulator_url)} if simulator_url else chosen


def _report(place: Place, now: running.Running) -> None:
    print(f"Airflow is up: {now.url}  (user admin, password {password(place)})")
    print(f"  Works with  {_source(now)}")
    print(f"  Posts go to {_chosen(place, None).get('TWITTER_DATA', place.data)}")
    print(f"  Logs        {place.service_logs}")
    print("  Stop it     make down")


def _source(now: running.Running) -> str:
    if now.simulator_url:
        return f"the simulator at {now.simulator_url}, not X (.env names no account)"
    return "your account of X"


def _export(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        print(f"export {name}={shlex.quote(value)}")
