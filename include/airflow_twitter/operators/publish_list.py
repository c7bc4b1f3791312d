"""Check a list of posts as a whole, and queue every one of them."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_twitter.accounts.checked import keep_checked
from airflow_twitter.accounts.post_list import Fault, PostListError, Row, read_post_list
from airflow_twitter.accounts.post_run import is_simulated
from airflow_twitter.accounts.settings import Account, read_accounts
from airflow_twitter.api.errors import ConfigError
from airflow_twitter.collecting.spending import spending_settings
from airflow_twitter.dag_ids import PUBLISH_DAG_ID
from airflow_twitter.data_folder import data_store
from airflow_twitter.posts.store import Store, StoreError
from airflow_twitter.publishing.records import Records

if TYPE_CHECKING:
    from airflow_twitter.accounts.list_check import ListCheck

LISTS = "lists"
_OF_LIST = ("account", "approval", "dry_run")


class TwitterCheckListOperator(BaseOperator):
    """Read a list of posts from the folder ``lists/`` of the data folder, and check all of it.

    Every post is checked as ``prepare`` does it, with its video and captions, and against the other ones and what was
    published. Returns, in the order of the list, what triggers a run of ``twitter_publish`` for each. Fails with
    everything that is wrong, and then nothing is queued; while all of that may be right later, Airflow tries again.

    :param accounts_file: the file of the accounts.
    """

    ui_color = "#d6ecfa"

    def __init__(self, *, accounts_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.accounts_file = accounts_file

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Check the list and return the runs that publish it."""
        name, run, store = context["params"]["file"], context["dag_run"], data_store()
        try:
            data = store.read(f"{LISTS}/{name}")
        except (OSError, StoreError) as error:
            raise AirflowFailException(
                f"{LISTS}/{name} cannot be read from the data folder: {error}"
            ) from None
        try:
            rows, faults = read_post_list(name, data, {key: context["params"][key] for key in _OF_LIST})
            check = self._check(context, store, name, rows, faults)
        except PostListError as error:
            self._say_wrong(context, error)
            if error.passing:
                raise
            raise AirflowFailException(str(error)) from None
        for checked in check.rows:
            keep_checked(store, _key(run.run_id, checked.row), checked.row.post, checked.brought)
        price = sum(checked.price for checked in check.rows)
        self.log.info("LIST CHECKED: %s, %d posts, all of them right, $%.3f in all.", name, len(rows), price)
        return [
            {
                "run_id": _key(run.run_id, row),
                "post": row.post,
                # A microsecond apart, so that the queue keeps the order of the list.
                "asked_at": (run.run_after + timedelta(microseconds=row.place.number)).isoformat(),
            }
            for row in rows
        ]

    def _check(
        self, context: Context, store: Store, name: str, rows: list[Row], faults: list[Fault]
    ) -> ListCheck:
        # It loads FFmpeg's libraries.
        from airflow_twitter.accounts.list_check import ListCheck, ListTooLargeError

        accounts, _ = read_accounts(Path(self.accounts_file))
        run = context["dag_run"]
        check = ListCheck(
            records=Records(store),
            accounts={account.account: account for account in accounts},
            author=run.triggering_user_name,
            prices=spending_settings(context).prices,
            keys=frozenset(_key(run.run_id, row) for row in rows),
            on_row=_Telling(context, len(rows), self.log),
            no_connection=_no_connection,
        )
        try:
            check.run(rows)
        except ListTooLargeError as error:
            raise PostListError(name, [f"{error}. Divide the list, or make the videos smaller"]) from None
        if faults or check.faults:
            raise PostListError(name, sorted([*faults, *check.faults]))
        return check

    def _say_wrong(self, context: Context, error: PostListError) -> None:
        for fault in error.faults:
            self.log.error("LIST FAULT: %s", fault)
        context["ti"].xcom_push("faults", error.faults)


class _Telling:
    """Tell in log and XCom how far the check is."""

    def __init__(self, context: Context, total: int, log: Any) -> None:
        self._ti = context["ti"]
        self._total = total
        self._log = log
        self._started = time.monotonic()

    def __call__(self, done: int, what: str, share: float) -> None:
        part = min(1.0, (done + (share if done < self._total else 0.0)) / max(1, self._total))
        left_s = round((time.monotonic() - self._started) * (1 - part) / part) if part else None
        left = "" if left_s is None else f", about {left_s} s left"
        self._log.info("Checked %d of %d posts (%.0f %%%s): %s", done, self._total, part * 100, left, what)
        self._ti.xcom_push(
            "progress",
            {
                "checked": done,
                "total": self._total,
                "percent": round(part * 100),
                "left_s": left_s,
                "now": what,
            },
        )


def _key(run_id: str, row: Row) -> str:
    """Return the run of ``twitter_publish`` that a post of a list becomes."""
    return f"{run_id}__{row.place.number:03d}"


def _no_connection(account: Account) -> str | None:
    """Say why an account cannot post at all: nothing is asked of X."""
    try:
        is_simulated(account.connection)
    except ConfigError as error:
        return str(error)
    return None


class TwitterQueueListOperator(TriggerDagRunOperator):
    """Trigger the run of ``twitter_publish`` for one post of a list, once.

    :param post: the fields of the post.
    :param run_id: the id of the run.
    :param asked_at: the moment by which the queue orders it, in ISO 8601.
    """

    template_fields = ()
    ui_color = "#d6ecfa"

    def __init__(self, *, post: dict[str, Any], run_id: str, asked_at: str, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id=PUBLISH_DAG_ID,
            trigger_run_id=run_id,
            conf=post,
            run_after=asked_at,
            openlineage_inject_parent_info=False,
            **kwargs,
        )

    def execute(self, context: Context) -> None:
        """Trigger the run, unless it is there already."""
        if context["ti"].get_dr_count(self.trigger_dag_id, run_ids=[str(self.trigger_run_id)]):
            self.log.info("%s %s is there already.", self.trigger_dag_id, self.trigger_run_id)
            return
        super().execute(context)
