"""Run the benchmarks of this folder: `python tests/benchmarks [name ...] [--write]`.

Prints a table and ends with 1 when a bound is missed. docs/benchmarks.md is written when all benchmarks ran, or with
--write. Without names every bench_<name>.py is run.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from harness import Row, machine

FOLDER = Path(__file__).resolve().parent
TABLE = FOLDER.parent.parent / "docs" / "benchmarks.md"


def main() -> int:
    """Run what was asked for and return the exit code."""
    names = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description="Measure ratios and check them against their bounds.")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(names))
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks.md even if not all were run"
    )
    arguments = parser.parse_args()
    chosen = arguments.names or names
    if unknown := set(chosen) - set(names):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    print(machine(), flush=True)
    rows: list[Row] = []
    for name in chosen:
        start = time.perf_counter()
        found = importlib.import_module(f"bench_{name}").run()
        rows += found
        print(f"\n{name} ({time.perf_counter() - start:.0f} s)", flush=True)
        for row in found:
            print(f"  {_verdict(row):6} {row.name}: {_value(row)}. {row.detail}", flush=True)
    if arguments.write or set(chosen) == set(names):
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(_markdown(rows))
        print(f"\nWritten to {TABLE}")
    missed = [row.name for row in rows if not row.ok]
    print(f"\n{len(missed)} bounds missed: {', '.join(missed)}" if missed else "\nAll bounds hold.")
    return 1 if missed else 0


def _verdict(row: Row) -> str:
    if row.bound is None:
        return ""
    return "ok" if row.ok else "MISSED"


def _value(row: Row) -> str:
    bound = "" if row.bound is None else f" (at most {row.bound:g})"
    return f"{row.value:.3g} {row.unit}{bound}"


def _markdown(rows: list[Row]) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Every value is a ratio, or a size, measured in one run as the median of at least",
        "three runs that alternate with what they are compared to, so that a slow moment of the machine slows both.",
        "A value may be at most its bound; rows without one are there for comparison.",
        "",
        f"Machine: {machine()}. Measured on {datetime.now(UTC):%Y-%m-%d}.",
        "",
        "| | value | bound | | measured with |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        bound = "" if row.bound is None else f"{row.bound:g}"
        lines.append(
            f"| {row.name} | {row.value:.3g} {row.unit} | {bound} | {_verdict(row)} | {row.detail} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
