"""How long a search may go on while X has no room, or gives no usable answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.fire.ground import Played

from airflow_twitter.simulator.book import Entry

TROUBLE_LASTS = timedelta(hours=1)
TROUBLE_TRIES = 5
PATIENCE = timedelta(seconds=120)
"""Trouble is borne for an hour, in five tries at least, and then until the patience of the last ones ends."""

LONGEST_WAIT = timedelta(hours=1)
"""The most that X asks to wait in any mix; past moments, and absurd ones, make a wait of a quarter of an hour."""


def is_at_deadline(played: Played) -> bool:
    """Tell whether X had no room to the end: that was the last that it said, and the next moment is too late."""
    last = played.first_requests[-1] if played.first_requests else None
    if last is None or last.status != 429 or not last.delivered:
        return False
    return _at(last) + LONGEST_WAIT > played.deadline


def wrong_patience(played: Played) -> list[str]:
    """Trouble is borne for a while, however few requests X's window has room for, and no longer."""
    asked = [entry for entry in played.first_requests if not is_done_without(played, entry)]
    failed: list[Entry] = []
    for entry in asked:
        if _answers(entry):
            failed = []
        elif _is_trouble(entry):
            failed.append(entry)
        if _is_too_long(failed):
            return [f"{len(failed)} tries without an answer from {failed[0].at} to {entry.at}"]
    return []


def _is_too_long(failed: list[Entry]) -> bool:
    """Tell whether X was asked again after the try with which it was clear that trouble does not pass."""
    last = [entry for entry in failed[TROUBLE_TRIES - 1 :] if _at(entry) - _at(failed[0]) >= TROUBLE_LASTS]
    return bool(last) and _at(last[-1]) - _at(last[0]) > PATIENCE


def is_done_without(played: Played, entry: Entry) -> bool:
    """Tell whether a request is one for counts that the run only warns by: it is done without, whatever X says."""
    return played.mix.search.get("estimate") == "warn" and entry.endpoint.startswith("counts")


def _answers(entry: Entry) -> bool:
    """Tell whether a request brought what it asked for; the bearer token is only on the way to that."""
    return entry.status == 200 and not _is_trouble(entry) and entry.endpoint != "token"


def _is_trouble(entry: Entry) -> bool:
    html = entry.status == 200 and "html" in (entry.fault or "")
    return not entry.delivered or entry.status >= 500 or html


def _at(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.at)
