"""Parsing the DAG files: all of them as the DAG processor does, and one DAG as each task does.

Airflow parses each file, and again for every task, in a fork of a process that has loaded Airflow and next to nothing
of this project. As a script this file is that process: it loads what Airflow's has loaded, and measures in fresh forks
with Airflow's own DagBag, so that importing the project's package and what it needs is part of every measurement.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness import Row, in_child, in_rounds, workspace

DAGS = Path(__file__).resolve().parents[2] / "dags"
FILES = ("twitter_search.py", "keywords_check.py")
KEYWORDS = 100
FILE_RUNS = 5
TASK_RUNS = 15

LOADED = {
    "file": ("airflow.dag_processing.manager", "airflow.sdk.execution_time.task_runner"),
    "task": (
        "airflow.jobs.scheduler_job_runner",
        "airflow.executors.local_executor",
        "airflow.sdk.execution_time.supervisor",
        "airflow.sdk.execution_time.task_runner",
    ),
}
"""What the process has loaded that Airflow forks: the DAG processor, or the scheduler with its workers."""


def run() -> list[Row]:
    """Measure the DAG files with 100 keywords, and a task's parse with 1 keyword and with 100."""
    with workspace() as folder:
        for count in (1, KEYWORDS):
            dags = folder / str(count)
            shutil.copytree(DAGS, dags, ignore=shutil.ignore_patterns("__pycache__"))
            (dags / "keywords.yaml").write_text(_keywords(count))
        file = in_child(__file__, "file", str(folder))
        task = in_child(__file__, "task", str(folder))
    parts = ", ".join(f"{name} {file[name]:.2f} s" for name in FILES)
    return [
        Row(
            f"import of the DAG files, {KEYWORDS} keywords",
            sum(file[name] for name in FILES),
            1.0,
            "s",
            f"{parts}; in fresh processes that have loaded Airflow, as the DAG processor's have",
        ),
        Row(
            f"the same and serialised, {KEYWORDS} keywords",
            file["serialised"],
            None,
            "s",
            f"{FILES[0]}, as the DAG processor sends its DAGs to the database",
        ),
        Row(
            f"a task's own parse, {KEYWORDS} keywords",
            task["ratio"],
            1.2,
            "x of 1 keyword",
            f"the last of {KEYWORDS} keywords: {task['many'] * 1000:.0f} ms, the only one: "
            f"{task['one'] * 1000:.0f} ms; in fresh processes that have loaded Airflow, as a task's has",
        ),
        Row(
            f"a task's own parse, {KEYWORDS} keywords",
            (task["many, loaded"] - task["one, loaded"]) * 1000,
            None,
            "ms more than 1 keyword",
            f"with the project's package loaded before: {task['many, loaded'] * 1000:.0f} ms and "
            f"{task['one, loaded'] * 1000:.0f} ms",
        ),
    ]


def _keywords(count: int) -> str:
    """Write a keywords.yaml whose entries say as little, and as much, as people's do."""
    lines = ["keywords:"]
    for number in range(count):
        lines.append(f"  - keyword: keyword{number}")
        if number % 2:
            lines.append("    language: de")
        if number % 3 == 1:
            lines.append('    schedule: "30 4 * * *"')
        if number % 5 == 4:
            lines.append(f'    query: "(keyword{number} OR word{number}) -is:reply"')
        if number % 10 == 9:
            lines.append("    page_max: 20\n    max_results: 50")
    return "\n".join(lines) + "\n"


def _file(folder: Path) -> dict[str, float]:
    dags = folder / str(KEYWORDS)
    expected = {FILES[0]: KEYWORDS + 1, FILES[1]: 0}

    def measure(name: str) -> Callable[[], float]:
        return lambda: _in_fork(lambda: _parse(dags, name, expected[name]))

    cases = {name: measure(name) for name in FILES}
    cases["serialised"] = lambda: _in_fork(lambda: _parse(dags, FILES[0], KEYWORDS + 1, serialise=True))
    rounds = in_rounds(cases, FILE_RUNS)
    return {name: rounds.median(name) for name in cases}


def _task(folder: Path) -> dict[str, float]:
    def measure(count: int, *, loaded: bool) -> Callable[[], float]:
        # The context in which a task parses its file, as `_airflow_parsing_context_manager` sets it.
        context = {
            "_AIRFLOW_PARSING_CONTEXT_DAG_ID": f"twitter_search__keyword{count - 1}",
            "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "search",
        }

        def parse() -> float:
            os.environ.update(context)
            if loaded:
                importlib.import_module("airflow_twitter.dag_factories.search")
            return _parse(folder / str(count), FILES[0], 1)

        return lambda: _in_fork(parse)

    cases = {
        "one": measure(1, loaded=False),
        "many": measure(KEYWORDS, loaded=False),
        "one, loaded": measure(1, loaded=True),
        "many, loaded": measure(KEYWORDS, loaded=True),
    }
    rounds = in_rounds(cases, TASK_RUNS)
    return {name: rounds.median(name) for name in cases} | {"ratio": rounds.ratio("many", "one")}


def _parse(dags: Path, name: str, expected: int, *, serialise: bool = False) -> float:
    """Parse a file with Airflow's DagBag and return the seconds."""
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.serialization.serialized_objects import DagSerialization

    start = time.perf_counter()
    bag = BundleDagBag(
        dag_folder=str(dags / name), bundle_path=dags, bundle_name="bench", load_op_links=False
    )
    if serialise:
        for dag in bag.dags.values():
            DagSerialization.to_dict(dag)
    seconds = time.perf_counter() - start
    if len(bag.dags) != expected or bag.import_errors:
        raise RuntimeError(f"{name} gave {len(bag.dags)} DAGs of {expected}, errors: {bag.import_errors}")
    return seconds


def _in_fork(measure: Callable[[], float]) -> float:
    """Return what `measure` returns in a fork of this process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, repr(measure()).encode())
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as result:
        text = result.read()
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError("a measurement failed in its process")
    return float(text)


def _main(what: str, folder: str) -> None:
    home = Path(folder) / "home"
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }
    for module in LOADED[what]:
        importlib.import_module(module)
    if "airflow_twitter.dag_factories.search" in sys.modules:
        raise RuntimeError("Airflow has loaded the DAG factory by itself: its import would not be measured")
    measured = {"file": _file, "task": _task}[what](Path(folder))
    print(json.dumps(measured))


if __name__ == "__main__":
    _main(*sys.argv[1:])
