"""Put a prepared post into the queue of its account, once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from airflow_twitter.accounts.post_run import PostRun
from airflow_twitter.accounts.settings import find_account
from airflow_twitter.accounts.showing import run_note
from airflow_twitter.accounts.steps import pause, preparing
from airflow_twitter.dag_ids import post_dag_id
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.states import PostState

_ENDED = ("success", "failed")
_NOT_TAKEN_UP = (PostState.PREPARING, PostState.QUEUED, PostState.POSTED)


class TwitterHandOverOperator(TriggerDagRunOperator):
    """Trigger the run of the account's queue that posts this post; its run id follows from the post.

    There is one such run for a post. When it is there already, nothing is triggered; when it has ended without
    having posted, it is cleared, and goes on where it stopped. Only a post that is approved, where it has to be, goes
    into the queue. The run is held until the moment that the post asks
    for, without a slot, and posts go out in the order in which they were asked for.

    :param accounts_file: the file of the accounts.
    :param prepare_task_id: the task that returned what is known of the post.
    """

    ui_color = "#d6ecfa"

    def __init__(self, *, accounts_file: str, prepare_task_id: str = "prepare", **kwargs: Any) -> None:
        super().__init__(trigger_dag_id="", openlineage_inject_parent_info=False, **kwargs)
        self.accounts_file = accounts_file
        self.prepare_task_id = prepare_task_id

    def execute(self, context: Context) -> None:
        """Trigger the run, unless the post is not to go out, or is on its way already."""
        prepared = context["ti"].xcom_pull(task_ids=self.prepare_task_id)
        if prepared is None:
            raise AirflowSkipException("The post was not prepared: nothing goes into the queue.")
        if prepared["dry_run"]:
            raise AirflowSkipException("A dry run: nothing goes into the queue.")
        run = PostRun(context, find_account(Path(self.accounts_file), prepared["account"]), prepared["post"])
        record = run.record
        if not _left_to_do(context["ti"], record):
            sentence = run.show(record.state)
            raise AirflowSkipException(f"Nothing goes into the queue. {sentence}")
        with preparing(run):
            run.check_open()
        self.trigger_dag_id = post_dag_id(prepared["account"])
        self.trigger_run_id = run.key
        self.conf = {"post": run.key}
        self.note = run_note(record)
        self.run_after = datetime.fromisoformat(record.details["run_after"])
        if context["ti"].get_dr_count(self.trigger_dag_id, run_ids=[run.key]):
            state = context["ti"].get_dagrun_state(self.trigger_dag_id, run.key)
            if state == "running" and record.state in _NOT_TAKEN_UP:
                # It may be ending just now, without this post: a run that has ended is cleared.
                pause(run, datetime.now(UTC), record.state)
            if state not in _ENDED:
                run.show(record.state)
                self.log.info("The post is in the queue already, as %s %s.", self.trigger_dag_id, run.key)
                return
            self.reset_dag_run = True
        run.note(PostState.QUEUED, "Put into the queue.")
        run.show(record.state if record.out else PostState.QUEUED, retry_at=self.run_after)
        self.log.info(
            "PUBLISH QUEUED: %s, run %s, not before %s", self.trigger_dag_id, run.key, self.run_after
        )
        super().execute(context)


def _left_to_do(ti: Any, record: Record) -> bool:
    """Tell whether the queue has something to do: to send a post, or to tell of one that a person has found on X."""
    if record.state is PostState.POSTED:
        queue = post_dag_id(record.account)
        return bool(ti.get_dr_count(queue, run_ids=[record.key], states=["running", "failed"]))
    return not (record.out or record.state.over or record.state is PostState.UNKNOWN)
