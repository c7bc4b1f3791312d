"""Run the simulator as a process: `python -m airflow_twitter.simulator`."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from threading import Event

from airflow_twitter.simulator.accounts import Client, accounts_named
from airflow_twitter.simulator.limits import DEFAULT_LIMITS
from airflow_twitter.simulator.rules import ENDPOINTS, FAULTS, Rule
from airflow_twitter.simulator.simulator import Simulator
from airflow_twitter.simulator.world import Topic, World

DEFAULT_TOPICS = ("sevdesk=2", "accounting=60", "invoice=45", "daily=40/day")

EPILOG = """topics:
  NAME=60        60 posts in all, over the last six days
  NAME=40/day    40 posts on every UTC day
  A word that is no topic finds nothing.

rules:
  ENDPOINT:NTH:FAULT[:JSON]    NTH is 2, 2-5, 3- or * for every request; JSON holds parameters
  e.g. search_recent:2:reset_before   search_recent:*:slow:{"delay_s":1}

endpoints: {endpoints}
faults, with their parameters:
{faults}

While it runs, GET /_simulator/ lists what else can be asked of it: the book of requests and sold
posts, what accounts have posted and uploaded, the truth of a topic, adding and dropping rules, a reset.
"""


def epilog() -> str:
    """Return the part of the help that follows from the tables."""
    faults = [
        f"  {name} {json.dumps(dict(fault.params)) if fault.params else ''}\n      {fault.what}{_where(fault.only)}"
        for name, fault in FAULTS.items()
    ]
    return EPILOG.replace("{endpoints}", ", ".join(ENDPOINTS)).replace("{faults}", "\n".join(faults))


def _where(only: Sequence[str]) -> str:
    return f"\n      (only at {', '.join(only)})" if only else ""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m airflow_twitter.simulator",
        description="A local X API. Prints its URL and serves until it is interrupted.",
        epilog=epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    made.add_argument("--port", type=int, default=0, help="port to listen on (default: 0, any free one)")
    made.add_argument("--seed", type=int, default=7, help="the posts follow from it (default: %(default)s)")
    made.add_argument(
        "--topic", type=topic, action="append", metavar="NAME=POSTS", help="posts about a word or phrase"
    )
    made.add_argument(
        "--start", type=moment, metavar="TIME", help="UTC time that topics with a total end at (default: now)"
    )
    made.add_argument(
        "--window-s", type=float, default=900.0, help="length of a rate-limit window (default: %(default)s)"
    )
    made.add_argument(
        "--limit",
        type=limit,
        action="append",
        metavar="ENDPOINT=N",
        help="requests in a window; `search` means both searches (default: X's own)",
    )
    made.add_argument("--rule", type=rule, action="append", metavar="RULE", help="let requests go wrong")
    made.add_argument("--rules", type=Path, metavar="FILE", help="a JSON list of rules")
    made.add_argument("--key", default="key", help="API key to accept (default: %(default)s)")
    made.add_argument("--secret", default="secret", help="API secret to accept (default: %(default)s)")
    made.add_argument(
        "--account",
        action="append",
        metavar="NAME",
        help="accounts that may post, with the ids 8000000001, 8000000002 ..., the access token ID-NAME-token and "
        "the secret NAME-token-secret (default: sim_publisher, 8000000001-access-token, access-token-secret)",
    )
    made.add_argument("--client-id", default="client-id", help="OAuth 2.0 client id (default: %(default)s)")
    made.add_argument(
        "--client-secret", default="client-secret", help="its secret; empty for none (default: %(default)s)"
    )
    made.add_argument(
        "--processing-s",
        type=float,
        default=2.0,
        help="how long a video is processed (default: %(default)s)",
    )
    made.add_argument("--clock-skew-s", type=float, default=0.0, help="seconds that its clock is ahead")
    made.add_argument("--verbose", action="store_true", help="log every request to stderr")
    return made


def topic(text: str) -> tuple[str, Topic]:
    """Read NAME=60 or NAME=40/day."""
    name, _, posts = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=POSTS")
    count, slash, day = posts.partition("/")
    if slash and day != "day":
        raise argparse.ArgumentTypeError(f"{posts!r} is neither a number nor a number/day")
    try:
        return name, Topic(per_day=int(count)) if slash else Topic(total=int(count))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def limit(text: str) -> dict[str, int]:
    """Read ENDPOINT=N."""
    name, _, count = text.partition("=")
    names = ("search_recent", "search_all") if name == "search" else (name,)
    if not count.isdigit() or not set(names) <= set(DEFAULT_LIMITS):
        raise argparse.ArgumentTypeError(f"{text!r} is not ENDPOINT=N; there are {', '.join(DEFAULT_LIMITS)}")
    return dict.fromkeys(names, int(count))


def rule(text: str) -> Rule:
    """Read ENDPOINT:NTH:FAULT[:JSON]."""
    endpoint, _, rest = text.partition(":")
    numbers, _, rest = rest.partition(":")
    fault, _, params = rest.partition(":")
    first, dash, last = numbers.partition("-")
    try:
        nth = None if numbers == "*" else (int(first), int(last) if last else None) if dash else int(first)
        return Rule(endpoint=endpoint, nth=nth, fault=fault, params=json.loads(params or "{}"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error


def moment(text: str) -> datetime:
    """Read an aware time."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 2026-11-21T00:00:00Z") from error
    if read.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone: end it in Z")
    return read


def simulator(options: argparse.Namespace) -> Simulator:
    """Build the simulator that the options describe."""
    topics = dict(options.topic or map(topic, DEFAULT_TOPICS))
    start = {"start": options.start} if options.start else {}
    rules = list(options.rule or [])
    if options.rules:
        rules += [Rule.from_json(item) for item in json.loads(options.rules.read_text("utf-8"))]
    limits: dict[str, int] = {}
    for given in options.limit or []:
        limits |= given
    return Simulator(
        world=World(seed=options.seed, topics=topics, **start),
        limits=limits,
        window_s=options.window_s,
        rules=rules,
        credentials=(options.key, options.secret),
        clock_skew_s=options.clock_skew_s,
        host=options.host,
        port=options.port,
        accounts=accounts_named(options.account or ()),
        client=Client(options.client_id, options.client_secret),
        processing_s=options.processing_s,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return 1 when the options or the port will not do."""
    options = parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.WARNING, format="%(asctime)s %(message)s"
    )
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        running = simulator(options)
        running.start()
    except OSError as error:
        print(f"Cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    except (TypeError, ValueError) as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 1
    print(running.url, flush=True)
    stopped.wait()
    running.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
