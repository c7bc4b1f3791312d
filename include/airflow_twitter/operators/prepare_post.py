"""Check a post and its video, say what it costs, and open its record; asks X nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_twitter.accounts.form import PostFormError, moment, parse_post
from airflow_twitter.accounts.post_run import PostRun
from airflow_twitter.accounts.preparing import Checked, check_post
from airflow_twitter.accounts.settings import Account, UnknownAccountError, find_account
from airflow_twitter.accounts.steps import preparing
from airflow_twitter.collecting.spending import spending_settings
from airflow_twitter.posts.windows import rfc3339
from airflow_twitter.publishing.record import Record
from airflow_twitter.publishing.states import PostState


class TwitterPreparePostOperator(BaseOperator):
    """Check what the run's form asks for, and open the record of the post under the run's id.

    Fails for good, with rule, value and mend, when X would refuse the post. Returns what the next tasks and people
    want to know: account, post (its key), price, warnings, whether it is to be approved, whether it is a dry run.

    :param accounts_file: the file of the accounts.
    """

    ui_color = "#d6ecfa"

    def __init__(self, *, accounts_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.accounts_file = accounts_file

    def execute(self, context: Context) -> dict[str, Any]:
        """Check the post, open its record, and return what is known of it."""
        try:
            post = parse_post(context["params"])
            account = find_account(Path(self.accounts_file), post["account"])
        except (PostFormError, UnknownAccountError) as error:
            raise AirflowFailException(f"{error} Nothing was sent.") from None
        run = PostRun(context, account, context["ti"].run_id)
        with preparing(run):
            _refuse_past(post)
            _refuse_without_approver(post, account, context["dag_run"].triggering_user_name)
            checked = check_post(post, self._video(run, post), spending_settings(context).prices)
            record = self._open(run, post, checked, self._captions(run, post))
            for warning in checked.warnings:
                self.log.warning("%s", warning)
            self._say(run, post, checked, record)
            return {
                "account": account.account,
                "post": run.key,
                "approval": post["approval"] or account.approval == "always",
                "dry_run": post["dry_run"],
                "price": checked.price,
                "length": checked.length,
                "warnings": list(checked.warnings),
                "simulated": record.simulated,
            }

    def _video(self, run: PostRun, post: dict[str, Any]) -> dict[str, Any] | None:
        if post["video"] is None:
            return None
        from airflow_twitter.accounts.videos import bring_video  # loads FFmpeg's libraries

        def tell(what: str, share: float) -> None:
            self.log.info("%s: %.0f %%", what.capitalize(), share * 100)
            run.show(PostState.PREPARING, progress=round(share, 2))

        return bring_video(run.store, run.account, post, tell)

    def _captions(self, run: PostRun, post: dict[str, Any]) -> dict[str, Any] | None:
        if post["captions"] is None:
            return None
        from airflow_twitter.accounts.captions import bring_captions
        from airflow_twitter.accounts.videos import sources

        allowed = sources(run.store, run.account)
        return bring_captions(run.store, allowed, post["captions"], post["captions_language"])

    def _open(
        self, run: PostRun, post: dict[str, Any], checked: Checked, captions: dict[str, Any] | None
    ) -> Record:
        dag_run = run.context["dag_run"]
        publish_at, expires_at = moment(post, "publish_at"), moment(post, "expires_at")
        details = {
            "author": dag_run.triggering_user_name,
            "price": checked.price,
            "length": checked.length,
            "warnings": list(checked.warnings),
            "video": checked.video,
            "captions": captions,
            "asked": post,
            # The queue goes by when a post was asked for, not by who was prepared or approved first.
            "run_after": max(dag_run.run_after, publish_at or dag_run.run_after).isoformat(),
            "expires_at": expires_at and rfc3339(expires_at),
        }
        return run.open(checked.content, details, allow_duplicate=post["allow_duplicate"])

    def _say(self, run: PostRun, post: dict[str, Any], checked: Checked, record: Record) -> None:
        if record.simulated:
            self.log.warning(
                "SIMULATED: the connection %s leads to a simulator, not to X.", run.account.connection
            )
        self.log.info(
            "PUBLISH PREPARED: account=%s, post=%s, %d of 280 characters, video=%s, price=$%.3f",
            run.account.account,
            run.key,
            checked.length,
            "none" if checked.video is None else f"{checked.video['size']} bytes",
            checked.price,
        )
        if post["dry_run"]:
            run.note(PostState.DRY_RUN, "Dry run: nothing was sent.")
            self.log.info(
                "DRY RUN: it would go into the queue of %s, not before %s, and cost $%.3f. Nothing was asked of X.",
                run.account.account,
                record.details["run_after"],
                checked.price,
            )
        run.show(PostState.DRY_RUN if post["dry_run"] else record.state)


def _refuse_without_approver(post: dict[str, Any], account: Account, author: str | None) -> None:
    wanted = post["approval"] or account.approval == "always"
    if wanted and account.approvers == (author,) and not account.author_may_approve:
        raise AirflowFailException(
            f"approval: {author} queued this post, and nobody else may approve it. Name others in accounts.yaml. "
            "Nothing was sent."
        )


def _refuse_past(post: dict[str, Any]) -> None:
    expires_at = moment(post, "expires_at")
    if expires_at and expires_at <= datetime.now(UTC):
        raise AirflowFailException(f"expires_at: {post['expires_at']} has passed. Nothing was sent.")
