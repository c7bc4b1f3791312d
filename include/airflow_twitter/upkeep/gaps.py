"""Tell which windows are missing or partial, and how to fill them: `python -m airflow_twitter.upkeep.gaps`.

Reads ``keywords.yaml`` and the data folder; asks X and Airflow's database nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from airflow_twitter.collecting.keywords import read_keywords
from airflow_twitter.data_folder import data_store
from airflow_twitter.posts.coverage import CoverageError
from airflow_twitter.settings_files import keywords_path
from airflow_twitter.times import rfc3339
from airflow_twitter.upkeep.holes import Hole, KeywordHoles, find_holes


def read_holes(
    path: Path, now: datetime, since: datetime | None = None
) -> tuple[list[KeywordHoles], list[str]]:
    """Return what is known of every keyword of a file, and what could not be read, in sentences."""
    keywords, mistakes = read_keywords(path)
    problems = [str(mistake) for mistake in mistakes]
    store = data_store()
    found = []
    for keyword in keywords:
        try:
            found.append(find_holes(store, keyword, now, since=since))
        except CoverageError as error:
            problems.append(str(error))
    return found, problems


def told(keyword: KeywordHoles) -> str:
    """Return what is known of a keyword, in lines for people."""
    head = f"{keyword.keyword} ({keyword.dag_id}, {keyword.schedule or 'no schedule'}, endpoint {keyword.endpoint})"
    if keyword.since is None or keyword.until is None:
        return f"{head}: nothing was collected yet"
    span = f"{rfc3339(keyword.since)} to {rfc3339(keyword.until)}"
    if not keyword.holes:
        return f"{head}: complete, {span}"
    return "\n".join([f"{head}: {len(keyword.holes)} of {span}", *map(_hole, keyword.holes)])


def _hole(hole: Hole) -> str:
    why = {
        "missing": "",
        "partial": f" ({hole.reason or 'unknown'}; goes on before the page of the token {hole.token})",
        "unreachable": " (beyond recent search's 7 days: needs the full archive)",
    }[hole.kind]
    lines = [f"  {hole.kind}: {rfc3339(hole.since)} to {rfc3339(hole.until)}{why}"]
    return "\n".join([*lines, *(f"    {command}" for command in hole.commands)])


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(prog="python -m airflow_twitter.upkeep.gaps", description=__doc__)
    made.add_argument("--keywords", type=Path, metavar="FILE", help="default: in Airflow's folder of DAGs")
    made.add_argument(
        "--since",
        type=_moment,
        metavar="TIME",
        help="look from this UTC time on (default: a keyword's first window)",
    )
    made.add_argument("--json", action="store_true", help="print one JSON object a keyword and line")
    made.add_argument(
        "--check",
        action="store_true",
        help="exit with 1 when there is a gap, or a keyword with a schedule of which nothing was collected",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is not complete; return 2 when something could not be read."""
    options = parser().parse_args(arguments)
    found, problems = read_holes(options.keywords or keywords_path(), datetime.now(UTC), options.since)
    for keyword in found:
        if options.json:
            holes = [hole.to_json() for hole in keyword.holes]
            print(json.dumps({"keyword": keyword.keyword, "dag_id": keyword.dag_id, "holes": holes}))
        else:
            print(told(keyword))
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 2
    return int(options.check and any(keyword.holes or _is_overdue(keyword) for keyword in found))


def _is_overdue(keyword: KeywordHoles) -> bool:
    """Tell whether nothing was ever collected of a keyword with a schedule: its runs may all have failed."""
    return keyword.since is None and keyword.schedule is not None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 2026-11-21T00:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
