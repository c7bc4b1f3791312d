"""What trouble costs: requests used against the fewest possible, and the time until a killed search goes on.

Ours, tweepy and twarc collect the same posts through the same faults, each from a simulator of its own. Where the others
end with an exception they begin anew, as a program around them would. As a script this file is a process in which one
of them collects, or in which a search resumes behind many pages.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stdout
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench_run import CREDENTIALS, started
from elsewhere import send_elsewhere
from harness import Row, in_child, workspace
from msgspec.structs import replace
from real_airflow import RealAirflow

sys.path.append(str(Path(__file__).parents[2]))

from airflow_twitter.simulator import Rule, Simulator, Topic, World

PAGE, PAGES = 10, 17
FAULTS = {4: "reset_before", 8: "server_error", 12: "cut", 16: "truncated_json"}
"""By number of the request that goes wrong."""
FEWEST = PAGES + len(FAULTS)
BOUND = 1.0
PASSES_MAX = 20

KILLED = 1
HANGS_AT = 3
RETRY_DELAY_S = 30.0
RESUMED_MAX_S = 60.0
NEVER_S = 300.0

COMMITTED = 1000
BEHIND_MAX_S = 5.0


def run() -> list[Row]:
    """Count requests, kill searches under a real scheduler, and resume behind many pages."""
    return [*_requests(), _killed(), _behind()]


def _requests() -> list[Row]:
    ours = in_child(__file__, "ours")
    what = ", ".join(f"{fault} at request {number}" for number, fault in FAULTS.items())
    rows = [
        Row(
            "requests through trouble",
            ours["requests"] / FEWEST,
            BOUND,
            "x of the fewest possible",
            f"{PAGES} pages of {PAGE} posts, {what}: {ours['requests']:.0f} requests, {ours['posts']:.0f} posts sold",
        )
    ]
    for name in PEERS:
        used = _peer(name)
        detail = f"{used['requests']} requests, {used['posts']} posts sold, in {used['passes']} passes from the start"
        rows.append(
            Row(f"{name}: the same", used["requests"] / FEWEST, None, "x of the fewest possible", detail)
        )
    return rows


def _rules() -> list[Rule]:
    return [Rule(endpoint="search_recent", nth=number, fault=fault) for number, fault in FAULTS.items()]


def _used(requests: list[Any]) -> dict[str, int]:
    """Return how often X was asked for a page, and how many posts it sold, arrived or not."""
    asked = [entry for entry in requests if entry.endpoint == "search_recent"]
    return {"requests": len(asked), "posts": sum(len(entry.ids) for entry in asked)}


def _peer(name: str) -> dict[str, int]:
    world = World(topics={"many": Topic(total=PAGE * PAGES)})
    with Simulator(world=world, rules=_rules(), credentials=CREDENTIALS) as simulator:
        command = [sys.executable, __file__, name, simulator.url, simulator.bearer_token]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
        return {**_used(simulator.book.requests), "passes": int(done.stdout.splitlines()[-1])}


def _killed() -> Row:
    """Kill a search while it waits for a page, and wait for its next request."""
    names = [f"killed{number}" for number in range(KILLED)]
    keywords = "keywords:\n" + "".join(
        f"  - {{keyword: {name}, schedule: null, connection: twitter_{name}}}\n" for name in names
    )
    hangs = Rule(
        endpoint="search_recent", nth=HANGS_AT, fault="slow", params={"delay_s": NEVER_S, "pieces": 1000}
    )
    with ExitStack() as stack:
        folder = stack.enter_context(workspace())
        simulators = {}
        for name in names:
            world = World(topics={name: Topic(total=PAGE * 5)})
            simulators[name] = stack.enter_context(
                Simulator(world=world, rules=[hangs], credentials=CREDENTIALS)
            )
        urls = {f"twitter_{name}": simulator.url for name, simulator in simulators.items()}
        airflow = stack.enter_context(started(folder, keywords, urls))

        runs = {name: _start(airflow, f"twitter_search__{name}") for name in names}
        killed_at = {name: _kill(airflow, name, runs[name], simulators[name]) for name in names}
        took_s = sorted(
            _resumed_s(airflow, name, runs[name], simulators[name]) - killed_at[name] for name in names
        )
    each = ", ".join(f"{seconds:.1f}" for seconds in took_s)
    return Row(
        "next request after kill -9 of a search",
        took_s[-1],
        RESUMED_MAX_S,
        "s",
        f"{each} s, of which {RETRY_DELAY_S:.0f} are the pause before a retry; real scheduler",
    )


def _start(airflow: RealAirflow, dag_id: str) -> str:
    airflow.unpause(dag_id)
    return airflow.trigger(dag_id, {"max_results": PAGE})


def _kill(airflow: RealAirflow, name: str, run_id: str, simulator: Simulator) -> float:
    """Kill a search that waits for its page; return when, in Unix seconds."""
    airflow.wait(lambda: len(simulator.book.to("search_recent")) >= HANGS_AT, "the request that hangs")
    os.kill(airflow.task(f"twitter_search__{name}", run_id, "search")["pid"], signal.SIGKILL)
    return time.time()


def _resumed_s(airflow: RealAirflow, name: str, run_id: str, simulator: Simulator) -> float:
    """Return when the killed search asked again, in Unix seconds, once its run has succeeded."""
    if (state := airflow.finish(f"twitter_search__{name}", run_id)) != "success":
        raise RuntimeError(f"{name} ended as {state}")
    return datetime.fromisoformat(simulator.book.to("search_recent")[HANGS_AT].at).timestamp()


def _behind() -> Row:
    """Measure how long a search takes to its first request behind many committed pages."""
    took = in_child(__file__, "resume")
    return Row(
        f"a search resumes behind {COMMITTED:,} pages",
        took["many"],
        BEHIND_MAX_S,
        "s",
        f"from its start to its next request, without Airflow's own start; behind one page {took['one']:.2f} s",
    )


def _ours() -> None:
    import tests.conftest  # noqa: F401  (an Airflow of its own)
    from tests.fire.ground import Ground
    from tests.fire.judge import wrong
    from tests.fire.mixes import Mix

    mix = Mix("trouble", tuple(_rules()), {"keyword": "many", "max_results": PAGE})
    with redirect_stdout(sys.stderr), Ground() as ground:
        played = ground.play(mix)
        if played.outcome != "complete" or (found := wrong(ground, played)):
            raise RuntimeError(f"{played.outcome}: {found}")
    print(json.dumps(_used(played.first_requests)))


def _again(collect: Callable[[], None]) -> None:
    """Collect from the start until nothing fails; print how often it was begun."""
    time.sleep = lambda seconds: None  # type: ignore[assignment]  # what matters here is what is asked for
    for number in range(1, PASSES_MAX + 1):
        try:
            collect()
        except Exception as error:
            print(type(error).__name__, file=sys.stderr)
        else:
            print(number)
            return
    raise RuntimeError(f"not collected in {PASSES_MAX} passes")


def _tweepy(url: str, token: str) -> None:
    import tweepy  # type: ignore[import-untyped]

    send_elsewhere(url)
    client = tweepy.Client(bearer_token=token, wait_on_rate_limit=True)

    def collect() -> None:
        for _ in tweepy.Paginator(client.search_recent_tweets, "many", max_results=PAGE):
            pass

    _again(collect)


def _twarc(url: str, token: str) -> None:
    from twarc import Twarc2  # type: ignore[import-untyped]

    send_elsewhere(url)
    client = Twarc2(bearer_token=token)

    def collect() -> None:
        for _ in client.search_recent("many", max_results=PAGE):
            pass

    _again(collect)


def _resumed() -> None:
    """Print the seconds that a search takes to its first request behind one page, and behind many."""
    import tests.conftest  # noqa: F401

    with redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder:
        took = {
            name: _first_request_s(Path(folder) / name, pages)
            for name, pages in (("one", 1), ("many", COMMITTED))
        }
    print(json.dumps(took))


def _first_request_s(folder: Path, pages: int) -> float:
    from tests.airflow_in_memory import Airflow, staged

    from local_airflow.account import as_json

    world = World(topics={"many": Topic(total=PAGE * 3)})
    with Simulator(world=world, credentials=CREDENTIALS) as simulator:
        os.environ.update(
            TWITTER_DATA=str(folder), AIRFLOW_CONN_TWITTER_DEFAULT=as_json(simulator.url, *CREDENTIALS)
        )
        airflow, search = Airflow(), {"keyword": "many", "max_results": PAGE, "page_max": 1}
        airflow.search(search)
        staging = staged(folder)
        (first,) = staging.pages()
        body = staging.body(1)
        for number in range(2, pages + 1):
            token = first.next_token if number == pages else f"t{number}"
            header = replace(first, number=number, asked_token=f"t{number - 1}", next_token=token)
            staging.commit(header, body)
        # The search that bought the pages would have noted what they cost.
        airflow.search(search, clear_number=1)
        window = staging.read("window.json", dict)
        assert window is not None
        staging.write("window.json", {**window, "page_max": pages + 1})
        asked_before = len(simulator.book.to("search_recent"))
        begun = time.time()
        airflow.search(search, clear_number=2)
        entry = simulator.book.to("search_recent")[asked_before]
        return datetime.fromisoformat(entry.at).timestamp() - begun


PEERS: Mapping[str, Callable[..., None]] = {"tweepy": _tweepy, "twarc": _twarc}

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    jobs = SimpleNamespace(ours=_ours, resume=_resumed, **PEERS)
    getattr(jobs, sys.argv[1])(*sys.argv[2:])
