"""Have a person decide about a post of which nobody knows whether it exists."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context, Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_twitter.accounts.post_run import PostRun, post_of
from airflow_twitter.accounts.settings import Account
from airflow_twitter.accounts.showing import fenced
from airflow_twitter.dag_ids import DECIDE_DAG_ID
from airflow_twitter.publishing.decisions import mark_not_posted, mark_posted
from airflow_twitter.publishing.errors import LookAgain, PublishingError, unknown
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.states import PostState

NO_REASON = "Its run in the queue ended without saying why; its log in Airflow may tell."


class TwitterAskAboutPostOperator(TriggerDagRunOperator):
    """Ask in a run of ``twitter_decide`` whether a post exists, so that the queue goes on meanwhile.

    Does so only for a post in doubt, once for each time that it was sent: also when the task before was killed, or
    marked as failed, before it could say so. A post that was not sent, and whose task could not say why, is closed.

    :param account: the account whose queue the run is in.
    """

    ui_color = "#f5e1e8"

    def __init__(self, *, account: Account, **kwargs: Any) -> None:
        super().__init__(trigger_dag_id=DECIDE_DAG_ID, openlineage_inject_parent_info=False, **kwargs)
        self.account = account

    def execute(self, context: Context) -> None:
        """Ask, if there is something to ask."""
        run = PostRun(context, self.account, post_of(context["params"]))
        record = run.records.find(self.account.account, run.key)
        if record is None:
            raise AirflowSkipException("There is no doubt about this post: it was never prepared.")
        self.trigger_run_id = f"{run.key}__{record.intent.sends}"
        if context["ti"].get_dr_count(DECIDE_DAG_ID, run_ids=[self.trigger_run_id]):
            raise AirflowSkipException("It has been asked already.")
        if not record.in_doubt:
            _close(run, record)
            raise AirflowSkipException("There is no doubt about this post.")
        run.note(PostState.UNKNOWN, "It was sent, and nothing more is known.")
        run.show(PostState.UNKNOWN, error=unknown(run.key, "nobody could look for the post since"))
        self.conf = {"account": self.account.account, "post": run.key}
        self.run_after = run.context["dag_run"].run_after
        super().execute(context)


class TwitterDecidePostOperator(HITLOperator):
    """Ask whether a post can be seen on the account, with one click for each answer.

    The answer is written down. Returns what the next task needs to have the run in the queue go on: it sends a post
    that is *not posted*, and tells Airflow of one that is *posted*.

    :param accounts_file: the file of the accounts.
    """

    template_fields = ()
    ui_color = "#f5e1e8"

    POSTED = "Posted"
    NOT_POSTED = "Not posted"

    def __init__(self, *, accounts_file: str, **kwargs: Any) -> None:
        super().__init__(
            subject="Is this post on the account?", options=[self.POSTED, self.NOT_POSTED], **kwargs
        )
        self.accounts_file = accounts_file

    def execute(self, context: Context) -> Any:
        """Ask, unless the matter has been settled meanwhile."""
        run = PostRun.of_params(context, self.accounts_file)
        record = run.record
        if not record.in_doubt:
            raise AirflowSkipException(f"There is no doubt any more: {run.show(record.state)}")
        self.subject = f"Is this post on the account {record.account}?"
        self.body = "\n".join(
            [
                "X did not answer when this post was sent, and it was not found on the account's timeline.",
                "Please look at the account on X.",
                "",
                fenced(record.content.text),
                "",
                "*Posted*: it is there; paste its address if you have it. *Not posted*: it is sent again.",
            ]
        )
        self.params = ParamsDict({"link": Param(None, **_LINK)})
        run.show(PostState.UNKNOWN)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write down what the person says; return what has the run in the queue go on."""
        if "error" in event:
            raise HITLTimeoutError(event)
        run = PostRun.of_params(context, self.accounts_file)
        by = (event.get("responded_by_user") or {}).get("name") or "somebody"
        account, key = run.account.account, run.key
        try:
            if self.POSTED in event["chosen_options"]:
                link = (event["params_input"] or {}).get("link")
                record = mark_posted(run.records, account, key, link, by=by)
            else:
                record = mark_not_posted(run.records, account, key, by=by)
        except (PublishingError, LookAgain, ValueError) as error:
            raise AirflowFailException(f"{error} Clear this task to be asked again.") from None
        sentence = run.show(record.state)
        self.log.info("%s says: %s. %s", by, ", ".join(event["chosen_options"]), sentence)
        return {"account": account, "post": key, "dry_run": False}


def _close(run: PostRun, record: Record) -> None:
    """Free the content of a post that was not sent, when its run ends and could not say why."""
    if record.state.goes_on:
        run.note(PostState.FAILED, NO_REASON)
        run.show(PostState.FAILED, error=RuntimeError(NO_REASON), will_retry=False)


_LINK: dict[str, Any] = {
    "type": ["null", "string"],
    "title": "Address of the post",
    "description": "If it is posted: its address on X, such as https://x.com/name/status/123. May stay empty.",
}
