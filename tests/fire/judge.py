"""Whether a mix ended as it must: nothing lost, nothing bought twice, the right class of error, and red.

Compares what lies in the data folder with the simulator's truth, and what was asked for with its book of sales.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.airflow_in_memory import DAG_ID
from tests.fire.ground import Ground, Played
from tests.fire.patience import is_at_deadline, is_done_without, wrong_patience
from tests.fire.whole import temporary_files, whole_tree, wrong_dataset

from airflow_twitter.posts import coverage
from airflow_twitter.posts.staging import Staging
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator.book import Entry
from airflow_twitter.simulator.malformed import KINDS
from airflow_twitter.simulator.rules import FAULTS

GOOD_KINDS = frozenset(list(KINDS)[list(KINDS).index("huge_metric") :])

STOPS: dict[str, set[str]] = {
    "usage_cap": {"UsageCapError"},
    "credits": {"CreditsError"},
    "unauthorized": {"AuthError"},
    "token_revoked": {"AuthError"},
    "bad_credentials": {"CredentialsError"},
    "not_enrolled": {"EnrollmentError"},
    "unsupported_authentication": {"TokenKindError"},
    "forbidden": {"ForbiddenError"},
    "rejected_token": {"TokenRejectedError", "InvalidRequestError", "PagingError"},
    "server_error": {"ServerError"},
    "html": {"NetworkError"},
    "reset_before": {"NetworkError"},
    "lost_answer": {"NetworkError"},
    "cut": {"NetworkError"},
    "truncated_json": {"NetworkError"},
    "slow": {"NetworkError"},
    "empty_page": {"PagingError"},
    "short_page": {"PagingError"},
    "self_token": {"PagingError", "NetworkError"},
    "repeated_page": {"PagingError"},
}
"""For which reasons each fault may stop a search; one that is not here stops none, but for the deadline."""

NEVER_AGAIN = {
    "UsageCapError",
    "CreditsError",
    "CredentialsError",
    "EnrollmentError",
    "TokenKindError",
    "ForbiddenError",
}
"""After an answer of this class X is asked nothing more."""


def wrong(ground: Ground, played: Played) -> list[str]:
    """Return what is wrong with a mix that was played, in sentences; nothing when all is right."""
    return [
        *_wrong_end(ground, played),
        *_wrong_stop(played),
        *wrong_patience(played),
        *_wrong_files(ground, played),
        *_bought_twice(played),
        *_wrong_coverage(ground, played),
    ]


def _wrong_end(ground: Ground, played: Played) -> list[str]:
    """The dataset holds exactly the posts that exist, but for those that X only ever sent broken."""
    window = _window(ground, played)
    truth = set(ground.simulator.truth(played.mix.keyword, window["since"], window["until"]))
    good, broken = _good(played.requests), _broken(played.requests)
    lost = sorted(truth - good - broken)
    found = [f"never bought: {lost}"] if lost else []
    return found + wrong_dataset(ground.data, played.mix.keyword, good)


def _wrong_stop(played: Played) -> list[str]:
    """What was bought before a stop was in the dataset at once, and the stop was for a reason that there was."""
    found = []
    good = _good(played.first_requests)
    states = played.first.states
    if played.first.state == "failed" and states["search"] == "success":
        if not (_broken(played.first_requests) and states["validate"] == "failed"):
            found.append(f"red for no reason: {states}")
    elif played.stopped_with != good:
        found.append(
            f"stopped with {len(played.stopped_with)} posts in the dataset of {len(good)} that were sold"
        )
    faults = {fault for entry in played.first_requests for fault in (entry.fault or "").split("+")}
    allowed = {reason for fault in faults for reason in STOPS.get(fault, ())} | {None}
    if played.mix.search.get("page_max"):
        allowed.add("page_max")
    if is_at_deadline(played) and not _stops(played.first_requests[-1]):
        allowed.add("deadline")
    if played.reason not in allowed:
        found.append(f"stopped for {played.reason}, where there was {sorted(faults)}")
    return found + _wrong_colour(played)


def _wrong_colour(played: Played) -> list[str]:
    """Trouble makes a run red and its leaf failed, a stop that was asked for leaves it green and its leaf skipped."""
    states, found = played.first.states, []
    if played.reason in NEVER_AGAIN:
        asked = [entry for entry in played.first_requests if not is_done_without(played, entry)]
        refusals = [entry for entry in asked if entry.status in (402, 403, 429)]
        after = [entry for entry in refusals if entry.delivered and _stops(entry)]
        if len(after) != 1:
            found.append(f"asked again after {played.reason}: {len(after)} refusals")
    planned = played.reason in (None, "page_max") or (
        played.reason == "deadline" and states["search"] == "success"
    )
    if (states["search"] == "success") != planned:
        found.append(f"search is {states['search']} after {played.reason}")
    if states["search"] == "success" and states["merge"] in ("success", "skipped"):
        leaf = "success" if played.reason is None else "skipped"
        if states["window_complete"] != leaf:
            found.append(f"window_complete is {states['window_complete']} after {played.reason}")
    return found


def _stops(entry: Entry) -> bool:
    """Tell whether what X refused a request with is never to be tried again: the first rule that refuses decides."""
    refusing = [
        fault for fault in (entry.fault or "").split("+") if fault and FAULTS[fault].stage == "refusal"
    ]
    return bool(refusing) and bool(STOPS.get(refusing[0], set()) & NEVER_AGAIN)


def _wrong_files(ground: Ground, played: Played) -> list[str]:
    try:
        whole_tree(ground.data)
    except ValueError as error:
        return [str(error)]
    found = [f"left behind: {path}" for path in temporary_files(ground.data)]
    quarantined = b"".join(path.read_bytes() for path in ground.data.glob("quarantine/**/*.jsonl"))
    refused = [
        item for entry in _sold(played.requests) for item in entry.malformed if item["kind"] not in GOOD_KINDS
    ]
    if len(refused) > len([line for line in quarantined.splitlines() if json.loads(line)["kind"] == "posts"]):
        found.append("posts that were refused are not in quarantine")
    return found


def _bought_twice(played: Played) -> list[str]:
    """No post is sold twice, but for pages that X repeated by itself."""
    found, seen = [], set()
    before: Entry | None = None
    for entry in _sold(played.requests):
        again = seen & set(entry.ids)
        if again and not _repeats(entry, before):
            found.append(f"bought twice by request {entry.number}: {len(again)} posts")
        seen |= set(entry.ids)
        before = entry
    return found


def _repeats(entry: Entry, before: Entry | None) -> bool:
    """Tell whether X itself sent a page again, or gave with it a token that leads to its own posts.

    A page that is repeated may be one whose first answer was lost.
    """
    astray = ("self_token", "repeated_page")
    told = before.fault or "" if before is not None and "next_token" in entry.params else ""
    return "repeated_page" in (entry.fault or "") or any(fault in told for fault in astray)


def _wrong_coverage(ground: Ground, played: Played) -> list[str]:
    """The window counts as covered when its last page is in, and not before."""
    window = _window(ground, played)
    windows = coverage.windows(Store(ground.data), played.mix.keyword, window["fingerprint"])
    if not any(it.state == "complete" for it in windows):
        return ["no window is complete"]
    partial = [it for it in windows if it.run_id == "manual__1" and it.state == "partial"]
    stopped = played.first.states["window_complete"] != "success" and played.run_ids[-1] != "manual__1"
    merged = (
        played.first.states["merge"] != "upstream_failed" and played.first.states["validate"] == "success"
    )
    if stopped and merged and not partial:
        return ["a run that stopped counts as complete"]
    return []


def _window(ground: Ground, played: Played) -> dict[str, Any]:
    window = Staging(Store(ground.data), DAG_ID, "manual__1").read("window.json", dict)
    assert window is not None
    return window


def _sold(requests: Iterable[Entry]) -> list[Entry]:
    return [
        entry
        for entry in requests
        if entry.delivered
        and entry.status == 200
        and entry.endpoint.startswith("search_")
        and "html" not in (entry.fault or "")
    ]


def _good(requests: Iterable[Entry]) -> set[str]:
    """The ids of the posts that were delivered in a form that can be kept."""
    good: set[str] = set()
    for entry in _sold(requests):
        good |= set(entry.ids) - {it["id"] for it in entry.malformed if it["kind"] not in GOOD_KINDS}
    return good


def _broken(requests: Iterable[Entry]) -> set[str]:
    return {it["id"] for entry in _sold(requests) for it in entry.malformed if it["kind"] not in GOOD_KINDS}
