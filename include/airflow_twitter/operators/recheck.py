"""Check stored posts again: which of them X still shows. X's terms ask that those it does not show be removed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException

from airflow_twitter.api.client import XClient
from airflow_twitter.api.errors import PermanentError, RateLimitedError, TransientError
from airflow_twitter.assets import RATE_LIMIT
from airflow_twitter.collecting.holding import uses_staging
from airflow_twitter.collecting.pausing import SLEEP_MAX_S
from airflow_twitter.collecting.rate_limit import SharedLimit
from airflow_twitter.collecting.run import CollectRun
from airflow_twitter.collecting.spending import RunSpending, spending_settings
from airflow_twitter.collecting.trouble import Trouble
from airflow_twitter.hooks.twitter import TwitterHook
from airflow_twitter.operators.rendered import is_true
from airflow_twitter.posts.recheck import IDS_A_REQUEST, Plan, datasets, make_plan
from airflow_twitter.posts.slugs import slugify
from airflow_twitter.posts.staging import WINDOW, PageHeader
from airflow_twitter.spending.budgets import BudgetReached, dollars
from airflow_twitter.times import rfc3339, utc_text

LIMIT_KEY = "lookup"
LOOK_UP_TASK_ID = "look_up"
DEADLINE = timedelta(hours=24)


@dataclass(frozen=True)
class _Run:
    """What the ledger wants to know of a run."""

    decided_at: datetime
    clear_number: int
    expand: bool = False


class TwitterRecheckPlanOperator(BaseOperator):
    """Choose the stored posts that are to be checked, and say what that costs at most; asks X nothing.

    The plan is made once a run and kept in its staging folder. Returns `due`, `asked`, `requests` and `dollars`.

    :param keyword: check this keyword's posts; without one, those of every dataset. (templated)
    :param again_after_days: leave out posts that were seen within so many days. (templated)
    :param budget: the dollars that the run may cost; what is beyond is left for another run. (templated)
    """

    template_fields: Sequence[str] = ("keyword", "again_after_days", "budget")
    ui_color = "#e6e6e6"

    def __init__(
        self,
        *,
        keyword: str | None = None,
        again_after_days: float | str = 7,
        budget: float | str = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.keyword = keyword
        self.again_after_days = again_after_days
        self.budget = budget

    @uses_staging
    def execute(self, context: Context) -> dict[str, Any]:
        """Make the plan unless there is one."""
        run = CollectRun(context)
        price = spending_settings(context).prices.post_read
        plan = run.staging.read(WINDOW, Plan)
        if plan is None:
            plan = self._plan(run, price)
            run.staging.write(WINDOW, plan)
        cost = round(len(plan.ids) * price, 6)
        self.log.info(
            "%d posts are due, %d are asked for in %d requests, for %s at most; %d are beyond the budget of %s.",
            plan.due,
            len(plan.ids),
            plan.requests,
            dollars(cost),
            plan.due - len(plan.ids),
            dollars(float(self.budget)),
        )
        return {"due": plan.due, "asked": len(plan.ids), "requests": plan.requests, "dollars": cost}

    def _plan(self, run: CollectRun, price: float) -> Plan:
        now = datetime.now(UTC)
        known = datasets(run.store)
        slugs = [slugify(self.keyword)] if self.keyword else known
        if missing := set(slugs) - set(known):
            raise AirflowFailException(
                f"There is no dataset posts/{missing.pop()}; there are {', '.join(known)}."
            )
        budget = float(self.budget)
        return make_plan(
            run.store,
            slugs,
            seen_before=utc_text(now - timedelta(days=float(self.again_after_days))),
            # A millionth of a dollar for the dust of floats: 0.3 / 0.005 is 59.99….
            at_most=int((budget + 1e-6) / price) if price else 10**9,
            now=utc_text(now),
        )


class TwitterLookupOperator(BaseOperator):
    """Ask X for the posts of the run's plan, 100 a request, and commit every answer before the next is asked for.

    Goes on behind the last committed answer, whatever interrupted it, and gives its slot back while X has no room.
    Skipped when the run only tells the price.

    :param twitter_conn_id: the Connection to use. (templated)
    :param vocabulary: X's names of fields to ask for, ``tweet`` or ``post``. (templated)
    :param budget: the dollars that the run may cost. (templated)
    :param tell_only: ask for nothing. (templated)
    """

    template_fields: Sequence[str] = ("twitter_conn_id", "vocabulary", "budget", "tell_only")
    ui_color = "#d6ecfa"

    def __init__(
        self,
        *,
        twitter_conn_id: str = TwitterHook.default_conn_name,
        vocabulary: str = "tweet",
        budget: float | str = 1.0,
        tell_only: bool | str = False,
        inlets: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(inlets=[*inlets, RATE_LIMIT], **kwargs)
        self.twitter_conn_id = twitter_conn_id
        self.vocabulary = vocabulary
        self.budget = budget
        self.tell_only = tell_only

    @uses_staging
    def execute(self, context: Context) -> dict[str, Any]:
        """Commit the answers that are missing; returns how many there are and what stopped it before the end."""
        run = CollectRun(context)
        plan = kept_plan(run)
        if is_true(self.tell_only) or not plan.ids:
            raise AirflowSkipException(
                "Nothing was asked for: the run only tells the price, or nothing is due."
            )
        with run.staging.alone():
            stopped = self._look_up(context, run, plan)
        if stopped and not run.staging.pages():
            raise AirflowFailException(f"{stopped} Nothing was bought.")
        if stopped:
            self.log.warning("%s What was checked so far is used; the rest is due in the next run.", stopped)
        return {"answers": len(run.staging.pages()), "stopped": stopped}

    def _look_up(self, context: Context, run: CollectRun, plan: Plan) -> str | None:
        decided_at = datetime.fromisoformat(plan.decided_at)
        limit = SharedLimit(context, self.twitter_conn_id, LIMIT_KEY)
        pages = run.staging.pages()
        spending = RunSpending(
            context, run, self.twitter_conn_id, _Run(decided_at, 0), run_budget=float(self.budget)
        )
        spending.make_up(pages)
        trouble = Trouble(run, IDS_A_REQUEST)
        try:
            with TwitterHook(self.twitter_conn_id, vocabulary=self.vocabulary).get_conn() as client:
                client.watch = trouble
                while len(pages) < plan.requests:
                    room_at = limit.room_at(datetime.now(UTC))
                    if not self._pause(room_at, decided_at):
                        return f"X has room only at {rfc3339(room_at)}, over a day after the check began."
                    try:
                        pages.append(self._ask(client, run, plan, len(pages) + 1, spending, limit))
                    except RateLimitedError as error:
                        self.log.warning("%s", error)
                        limit.refused(error, datetime.now(UTC))
                        if trouble.lasting is not None:
                            raise trouble.lasting from None
        except TransientError as error:
            if error is trouble.lasting:
                raise AirflowFailException(f"{error} {trouble}") from None
            raise
        except BudgetReached as reached:
            return str(reached)
        except PermanentError as error:
            raise AirflowFailException(
                f"{error} What was checked is kept; clear the task to go on."
            ) from None
        return None

    def _ask(
        self,
        client: XClient,
        run: CollectRun,
        plan: Plan,
        number: int,
        spending: RunSpending,
        limit: SharedLimit,
    ) -> PageHeader:
        ids = plan.batch(number)
        run.staging.check_room(len(ids))
        with spending.page(client, number, len(ids)):
            answer = client.lookup(ids)
        header = PageHeader(
            number=number,
            asked_token=None,
            next_token=None,
            fingerprint="",
            fetched_at=utc_text(answer.server_time),
            request_id=answer.request_id,
            result_count=len(answer.posts),
        )
        run.staging.commit(header, answer.body)
        spending.bought(header, answer.body)
        limit.heard(answer.limit)
        self.log.info(
            "Answer %d of %d: %d posts are there, %d are gone.",
            number,
            plan.requests,
            len(answer.posts),
            len(answer.gone),
        )
        return header

    def _pause(self, room_at: datetime, decided_at: datetime) -> bool:
        """Wait until X has room: asleep when it is short, else without a slot. False when that is too late."""
        wait_s = (room_at - datetime.now(UTC)).total_seconds()
        if wait_s <= 0:
            return True
        if room_at > decided_at + DEADLINE:
            return False
        self.log.info("Waiting %.0f s for X, until %s.", wait_s, rfc3339(room_at))
        if wait_s > SLEEP_MAX_S:
            raise AirflowRescheduleException(room_at)  # type: ignore[no-untyped-call]
        time.sleep(wait_s)
        return True


def kept_plan(run: CollectRun) -> Plan:
    """Return the plan that the run's first task made; fails the task when there is none."""
    plan = run.staging.read(WINDOW, Plan)
    if plan is None:
        raise AirflowFailException(
            f"{run.staging.folder} holds no plan: clear the run from its first task on."
        )
    return plan
