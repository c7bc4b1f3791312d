"""The command line of ``scripts/local.py``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from local_airflow import commands, demo, demo_publish
from local_airflow.errors import LocalError

COMMANDS: dict[str, tuple[Callable[[], None], str]] = {
    "prepare": (commands.prepare, "make the folders, keys, database and pools"),
    "env": (commands.show_environment, "print the environment as shell commands"),
    "secrets": (commands.show_secrets, "print the rest of the environment, which is secret"),
    "up": (commands.up, "start Airflow in the background"),
    "down": (commands.down, "stop it"),
    "demo": (demo.run, "collect a keyword from the simulator, from start to end"),
    "demo-publish": (demo_publish.run, "publish three posts to the simulator, each with trouble on its way"),
}

WITH_ARGUMENTS: dict[str, tuple[Callable[[Sequence[str]], None], str]] = {
    "simulator": (commands.simulator, "become the X simulator"),
    "authorize": (commands.authorize, "let a person authorize the app for an account"),
    "gaps": (commands.gaps, "tell which windows are not complete, and how to fill them"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Return its exit status: 1 after a clear line on what is wrong."""
    parser = argparse.ArgumentParser(description="Run this project's Airflow on this machine.")
    choices = parser.add_subparsers(dest="command", required=True)
    for name, (function, help_text) in COMMANDS.items():
        choices.add_parser(name, help=help_text).set_defaults(run=function)
    for name, (become, help_text) in WITH_ARGUMENTS.items():
        choices.add_parser(name, help=help_text, add_help=False).set_defaults(become=become, run=None)
    asked, rest = parser.parse_known_args(argv)
    if asked.run is None:
        return _run(lambda: asked.become(rest))
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return _run(asked.run)


def _run(command: Callable[[], None]) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        command()
    except KeyboardInterrupt:
        print("Interrupted: everything that was started is stopped.", file=sys.stderr)
        return 130
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
