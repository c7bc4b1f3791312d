"""Have a person look at a post before it goes into the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context, Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowSkipException
from msgspec.structs import replace

from airflow_twitter.accounts.post_run import PostRun
from airflow_twitter.accounts.settings import find_account
from airflow_twitter.accounts.showing import approval_body
from airflow_twitter.accounts.steps import preparing
from airflow_twitter.publishing.errors import ExpiredError, NotApprovedError, PublishingError
from airflow_twitter.publishing.states import PostState

_TEXT: dict[str, Any] = {
    "type": "string",
    "format": "multiline",
    "title": "Text",
    "description": "Change it if need be: it is checked again.",
}


class TwitterApprovePostOperator(ApprovalOperator):
    """Ask for an approval in Airflow's own way, with text, video, price and warnings; wait without a slot.

    Who may answer stands in the account's entry; the author of the post is not among them unless it says so. A
    text that the approver changed is checked again, and asked for again while it is wrong. A rejection ends the run
    cleanly; no answer in time ends it as expired. Skipped when nobody has to approve the post.

    :param accounts_file: the file of the accounts.
    :param prepare_task_id: the task that returned what is known of the post.
    """

    template_fields = ()
    ui_color = "#f5e1e8"

    def __init__(self, *, accounts_file: str, prepare_task_id: str = "prepare", **kwargs: Any) -> None:
        super().__init__(subject="A post waits for approval", **kwargs)
        self.accounts_file = accounts_file
        self.prepare_task_id = prepare_task_id

    def execute(self, context: Context) -> Any:
        """Ask, unless nobody has to approve the post."""
        prepared = context["ti"].xcom_pull(task_ids=self.prepare_task_id)
        run = self._run(context)
        record = run.record
        if record.approval is None or prepared["dry_run"]:
            raise AirflowSkipException("Nobody has to approve this post.")
        if record.state.over or record.out or record.in_doubt:
            raise AirflowSkipException(f"Nothing is left to approve. {run.show(record.state)}")
        self._ask(run)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Take the answer."""
        run = self._run(context)
        if event.get("error_type") == "timeout":
            with preparing(run):
                raise ExpiredError("Nobody approved the post in time. Nothing was sent.")
        by = (event.get("responded_by_user") or {}).get("name") or "somebody"
        if self.REJECT in event["chosen_options"]:
            self._reject(run, by)
        elif objection := self._objection(run, by, event.get("params_input") or {}):
            self.log.warning("%s The question stands.", objection)
            self._ask(run, objection)
            return super().execute(context)
        else:
            run.show(run.record.state)
        return super().execute_complete(context, event)

    def process_trigger_event_error(self, event: dict[str, Any]) -> None:
        """Say what went wrong while it was waited for an answer."""
        raise HITLTimeoutError(event)

    def _run(self, context: Context) -> PostRun:
        prepared = context["ti"].xcom_pull(task_ids=self.prepare_task_id)
        return PostRun(context, find_account(Path(self.accounts_file), prepared["account"]), prepared["post"])

    def _ask(self, run: PostRun, objection: PublishingError | None = None) -> None:
        account = run.account
        until = self._until(run, again=objection is not None)
        record = run.ask(until)
        self.subject = f"Post this to {account.account}?"
        self.body = approval_body(record)
        self.params = ParamsDict({"text": Param(record.content.text, **_TEXT)})
        author = record.details.get("author")
        names = [name for name in account.approvers if account.author_may_approve or name != author]
        self.assigned_users = [{"id": name, "name": name} for name in names] or None
        self.response_timeout = max(until - datetime.now(UTC), timedelta(seconds=1))
        run.show(PostState.AWAITING_APPROVAL, error=objection, retry_at=until, will_retry=False)

    def _until(self, run: PostRun, *, again: bool) -> datetime:
        """Return how long it is waited for an answer: not longer because one did not count."""
        record = run.record
        if again and record.approval and record.approval.until:
            return record.approval.until
        until = datetime.now(UTC) + timedelta(seconds=run.account.approval_timeout_s)
        expires_at = record.details.get("expires_at")
        return min(until, datetime.fromisoformat(expires_at)) if expires_at else until

    def _reject(self, run: PostRun, by: str) -> None:
        error = NotApprovedError(f"{by} did not approve the post. Nothing was sent.")
        run.note(PostState.REJECTED, "Not approved.", by=by)
        self.log.info("%s", run.show(PostState.REJECTED, error=error, will_retry=False))

    def _objection(self, run: PostRun, by: str, params_input: dict[str, Any]) -> PublishingError | None:
        """Say why an approval does not count; else take it over, with the text as it was approved."""
        record = run.record
        asked = record.approval.asked if record.approval else None
        if by == record.details.get("author") and not run.account.author_may_approve:
            return NotApprovedError(f"{by} queued this post, and somebody else has to approve it.")
        if asked is None or record.content != asked:
            return NotApprovedError("The post was changed while somebody looked at it.")
        text = params_input.get("text", asked.text)
        if not isinstance(text, str):
            return NotApprovedError(f"The text was changed to {text!r}, which is no text.")
        if text != asked.text:
            try:
                asked = replace(asked, text=run.change_text(text, by=by).content.text)
            except PublishingError as error:
                return error
        run.approve(asked, by)
        return None
