"""How the page writes numbers, times and addresses; everything that is not Markup is escaped by the template."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from airflow_twitter.spending.budgets import dollars
from airflow_twitter.times import rfc3339

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def moment(when: datetime, *, seconds: bool = False) -> Markup:
    """Write an aware moment in UTC: 2026-11-22 18:00."""
    utc = when.astimezone(UTC)
    text = utc.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(when), text)


def away(when: datetime, now: datetime) -> str:
    """Write how far off a moment is: in 45 s, 3 h ago, now."""
    seconds = (when - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    # A unit begins at twice its length, so that nothing is more than half a unit wrong.
    size, unit = next((unit for unit in _UNITS if abs(seconds) >= 2 * unit[0]), _UNITS[-1])
    amount = f"{abs(seconds) / size:.0f} {unit}"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def length_of_time(seconds: float) -> str:
    """Write a length of time: 2 min, 90 s; 0 s for none."""
    size, unit = next((unit for unit in _UNITS if seconds >= unit[0] and seconds % unit[0] == 0), _UNITS[-1])
    return f"{seconds / size:g} {unit}"


def number(count: int) -> str:
    """Write a count with its thousands apart: 1,204,000."""
    return f"{count:,}"


def size(count: int) -> str:
    """Write a number of bytes: 512 B, 12.4 kB, 3.1 GB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def breakable(name: str) -> Markup:
    """Write a long name so that a line may break behind its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def dag_path(dag_id: str) -> str:
    """Return the address of a DAG in Airflow's UI, relative to the page."""
    return f"../dags/{quote(dag_id, safe='')}"


def run_path(dag_id: str, run_id: str) -> str:
    """Return the address of a run in Airflow's UI, relative to the page."""
    return f"{dag_path(dag_id)}/runs/{quote(run_id, safe='')}"


def path_segment(name: str) -> str:
    """Return a name as one segment of an address."""
    return quote(name, safe="")


def is_web(url: str) -> bool:
    """Tell whether an address is one of the web, and no script."""
    return url.startswith(("https://", "http://"))


FILTERS: dict[str, Callable[..., Any]] = {
    "length_of_time": length_of_time,
    "moment": moment,
    "away": away,
    "breakable": breakable,
    "dollars": dollars,
    "number": number,
    "path": path_segment,
    "size": size,
    "web": is_web,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {"dag_path": dag_path, "run_path": run_path}
