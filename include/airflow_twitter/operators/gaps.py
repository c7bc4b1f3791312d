"""Choose which gaps to fill now, within a budget, without asking X for anything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from airflow.sdk import BaseOperator, Context

from airflow_twitter.api.endpoints import ENDPOINTS
from airflow_twitter.api.prices import Prices
from airflow_twitter.collecting.spending import spending_settings
from airflow_twitter.dag_runs import is_active
from airflow_twitter.data_folder import data_store
from airflow_twitter.operators.rendered import is_true
from airflow_twitter.posts.staging import WINDOW, find_window
from airflow_twitter.posts.store import Store
from airflow_twitter.posts.windows import Window
from airflow_twitter.settings_files import keywords_path
from airflow_twitter.spending.budgets import dollars
from airflow_twitter.spending.pages import page_units
from airflow_twitter.times import rfc3339
from airflow_twitter.upkeep.gaps import read_holes
from airflow_twitter.upkeep.holes import Hole, KeywordHoles

ATTEMPTS_MAX = 5
RESULTS_MIN = 10


class TwitterPlanFillsOperator(BaseOperator):
    """Choose gaps and return, for each, the arguments of a TriggerDagRunOperator that fills it.

    The gaps that fall out of recent search's reach first come first. The budget is shared out between them: each run
    gets a budget of its own, at which it stops partial, to be gone on with by the next plan. A gap that an active run
    is filling, or whose DAG is paused, is left alone; one that was tried five times is left to people.

    :param budget: the dollars that all runs together may cost. (templated)
    :param runs_max: how many runs to start. (templated)
    :param min_age_hours: leave out gaps that end later than so many hours ago. (templated)
    :param full_archive: fill what only the full archive reaches as well. (templated)
    :param tell_only: only log what would be started. (templated)
    """

    template_fields: Sequence[str] = ("budget", "runs_max", "min_age_hours", "full_archive", "tell_only")
    ui_color = "#e6e6e6"

    def __init__(
        self,
        *,
        budget: float | str = 1.0,
        runs_max: int | str = 5,
        min_age_hours: float | str = 2.0,
        full_archive: bool | str = False,
        tell_only: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.budget = budget
        self.runs_max = runs_max
        self.min_age_hours = min_age_hours
        self.full_archive = full_archive
        self.tell_only = tell_only

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the runs to start."""
        now = datetime.now(UTC)
        found, problems = read_holes(keywords_path(context["dag"].fileloc), now)
        for problem in problems:
            self.log.warning("%s", problem)
        prices = spending_settings(context).prices
        due = self._due(context, found, now)
        runs = self._share_out(context, due, prices)
        for run in runs:
            self.log.info("Fills a gap of %s: %s", run["trigger_dag_id"], run["conf"])
        self.log.info(
            "%d gaps are due, %d are filled now, for %s at most.",
            len(due),
            len(runs),
            dollars(float(self.budget)),
        )
        context["ti"].xcom_push("due", len(due))
        return [] if is_true(self.tell_only) else runs

    def _due(
        self, context: Context, found: Sequence[KeywordHoles], now: datetime
    ) -> list[tuple[KeywordHoles, Hole]]:
        before = now - timedelta(hours=float(self.min_age_hours))
        store = data_store()
        due = []
        for keyword in found:
            for hole in keyword.holes:
                if hole.until > before:
                    continue
                reason = self._why_not(context, store, keyword, hole)
                if reason is None:
                    due.append((keyword, hole))
                else:
                    self.log.info(
                        "Left alone, %s: %s to %s of %s.",
                        reason,
                        rfc3339(hole.since),
                        rfc3339(hole.until),
                        hole.dag_id,
                    )
        return _apart(sorted(due, key=lambda pair: pair[1].until))

    def _why_not(self, context: Context, store: Store, keyword: KeywordHoles, hole: Hole) -> str | None:
        ti: Any = context["ti"]
        if hole.kind == "unreachable" and not is_true(self.full_archive):
            return "beyond recent search's reach"
        if ti.get_dag(hole.dag_id).is_paused:
            return "its DAG is paused"
        if _run_id(ti, hole) is None:
            return f"being filled, or tried {ATTEMPTS_MAX} times"
        for dag_id, run_id in _runs_over(store, keyword, hole):
            if is_active(ti, dag_id, run_id):
                return f"run {run_id} of {dag_id} is at work on it"
        return None

    def _share_out(
        self, context: Context, due: Sequence[tuple[KeywordHoles, Hole]], prices: Prices
    ) -> list[dict[str, Any]]:
        left = float(self.budget)
        runs: list[dict[str, Any]] = []
        chosen = list(due)[: int(self.runs_max)]
        for number, (keyword, hole) in enumerate(chosen):
            share = _share(keyword, hole, left, len(chosen) - number, prices)
            if share is None:
                self.log.info(
                    "The budget is used up: %s to %s is left.", rfc3339(hole.since), rfc3339(hole.until)
                )
                continue
            left = round(left - share["run_budget"], 6)
            runs.append(
                {
                    "trigger_dag_id": hole.dag_id,
                    "trigger_run_id": _run_id(context["ti"], hole),
                    # Counting first would take from the share, which may be one page.
                    "conf": {**hole.conf, **share, "estimate": "off"},
                }
            )
        return runs


def _apart(due: Sequence[tuple[KeywordHoles, Hole]]) -> list[tuple[KeywordHoles, Hole]]:
    """Leave out gaps of a keyword that overlap an earlier one, as partial windows may: that would be bought twice."""
    chosen: list[tuple[KeywordHoles, Hole]] = []
    for keyword, hole in due:
        if not any(other is keyword and _meet(taken, hole) for other, taken in chosen):
            chosen.append((keyword, hole))
    return chosen


def _share(
    keyword: KeywordHoles, hole: Hole, left: float, gaps_left: int, prices: Prices
) -> dict[str, Any] | None:
    """Return a run's budget and page size: a fair share, or one page where that is more; None beyond what is left.

    A page is made no larger than the share, so that the share is not refused for what one page may cost at most. A run
    that goes on with another has that one's pages.
    """
    fair = left / gaps_left
    if hole.page_size is not None:
        post = prices.cost(page_units(1, expand=hole.expand))
        budget = max(fair, post * hole.page_size)
        return {"run_budget": round(budget, 6)} if budget <= left + 1e-9 else None
    post = prices.cost(page_units(1, expand=keyword.expand))
    most = ENDPOINTS[hole.conf.get("endpoint", keyword.endpoint)].max_results
    size = most if post == 0 else max(RESULTS_MIN, min(most, int((fair + 1e-9) / post)))
    budget = max(fair, post * size)
    return {"run_budget": round(budget, 6), "max_results": size} if budget <= left + 1e-9 else None


def _run_id(ti: Any, hole: Hole) -> str | None:
    """Return the id of the next try to fill a gap; None while one is at work, or after the last."""
    what = f"{hole.dag_id} {hole.since.isoformat()} {hole.until.isoformat()} {hole.run_id}"
    name = f"fill__{hole.since:%Y%m%dT%H%M%S}__{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    for attempt in range(1, ATTEMPTS_MAX + 1):
        run_id = f"{name}__{attempt}"
        if is_active(ti, hole.dag_id, run_id):
            return None
        if not ti.get_dr_count(hole.dag_id, run_ids=[run_id]):
            return run_id
    return None


def _runs_over(store: Store, keyword: KeywordHoles, hole: Hole) -> list[tuple[str, str]]:
    """Return the staged runs, as (dag_id, run_id), that search for the keyword and whose windows meet the hole."""
    found = []
    for key in store.list("staging"):
        if key.endswith(f"/{WINDOW}") and key.count("/") == 3 and "%~" not in key:
            window = find_window(store, key.rpartition("/")[0])
            if window is not None and window.slug == keyword.slug and _meet(window, hole):
                dag_id, run_id = map(unquote, key.split("/")[1:3])
                found.append((dag_id, run_id))
    return found


def _meet(one: Window | Hole, other: Hole) -> bool:
    return one.since < other.until and other.since < one.until
