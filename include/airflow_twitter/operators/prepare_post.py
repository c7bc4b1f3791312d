"""Check a post and its video, say what it costs, and open its record; asks X nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context

from airflow_twitter.accounts.checked import Brought, find_checked
from airflow_twitter.accounts.form import PostFormError, moment, parse_post
from airflow_twitter.accounts.post_run import PostRun
from airflow_twitter.accounts.preparing import (
    Checked,
    approval_wanted,
    check_post,
    refuse_hopeless,
    without_signatures,
)
from airflow_twitter.accounts.settings import UnknownAccountError, find_account
from airflow_twitter.accounts.steps import preparing, refuse
from airflow_twitter.collecting.spending import spending_settings
from airflow_twitter.publishing.errors import ExpiredError, InvalidPostError
from airflow_twitter.publishing.record import Content, Record
from airflow_twitter.publishing.states import PostState
from airflow_twitter.publishing.text import check_text
from airflow_twitter.times import rfc3339


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
            refuse(context, InvalidPostError(f"{str(error).rstrip('.')}. Nothing was sent."))
        run = PostRun(context, account, context["ti"].run_id)
        with preparing(run):
            post.update(run.edited())
            self._refuse_hopeless(run, post)
            # The text costs nothing to look at, a video is fetched and decoded.
            check_text(post["text"], has_media=post["video"] is not None).require()
            brought = self._bring(run, post)
            prices = spending_settings(context).prices
            checked = check_post(post, brought.video, prices, brought.captions)
            record = self._open(run, post, checked, brought.captions)
            for warning in checked.warnings:
                self.log.warning("%s", warning)
            self._say(run, post, checked, record)
            return {
                "account": account.account,
                "post": run.key,
                "approval": record.approval is not None,
                "dry_run": post["dry_run"],
                "price": checked.price,
                "length": checked.length,
                "warnings": list(checked.warnings),
                "simulated": record.simulated,
            }

    def _refuse_hopeless(self, run: PostRun, post: dict[str, Any]) -> None:
        try:
            refuse_hopeless(post, run.account, run.context["dag_run"].triggering_user_name, datetime.now(UTC))
        except PostFormError as error:
            kind = ExpiredError if error.field == "expires_at" else InvalidPostError
            raise kind(f"{str(error).rstrip('.')}. Nothing was sent.") from None

    def _bring(self, run: PostRun, post: dict[str, Any]) -> Brought:
        """Return what is known of video and captions: from the check of the list that the post is of, or anew."""
        if post["video"] is None:
            return Brought()
        if (known := find_checked(run.store, run.key, post)) is not None:
            self.log.info("The video is the one that was checked with its list.")
            return known
        from airflow_twitter.accounts.videos import bring_captions, bring_video  # loads FFmpeg's libraries

        def tell(what: str, share: float) -> None:
            self.log.info("%s: %.0f %%", what.capitalize(), share * 100)
            run.show(PostState.PREPARING, progress=round(share, 2))

        video = bring_video(run.store, run.account, post, tell)
        captions = post["captions"] and bring_captions(run.store, run.account, post, video)
        return Brought(video=video, captions=captions)

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
            "asked": without_signatures(post),
            # The queue goes by when a post was asked for, not by who was prepared or approved first.
            "run_after": max(dag_run.run_after, publish_at or dag_run.run_after).isoformat(),
            "expires_at": expires_at and rfc3339(expires_at),
        }
        return run.open(
            checked.content,
            details,
            allow_duplicate=post["allow_duplicate"],
            approval=approval_wanted(post, run.account),
        )

    def _say(self, run: PostRun, post: dict[str, Any], checked: Checked, record: Record) -> None:
        if record.simulated:
            self.log.warning(
                "SIMULATED: the connection %s leads to a simulator, not to X.", run.account.connection
            )
        self.log.info(
            "PUBLISH PREPARED: account=%s, post=%s, %d of 280 characters, video=%s, captions=%s, price=$%.3f",
            run.account.account,
            run.key,
            checked.length,
            "none" if checked.video is None else f"{checked.video['size']} bytes",
            "none" if checked.content.captions is None else checked.content.captions.language,
            checked.price,
        )
        if post["dry_run"]:
            run.note(PostState.DRY_RUN, "Dry run: nothing was sent.")
            self.log.info(
                "DRY RUN: it would go into the queue of %s, not before %s (%s), and cost $%.3f. Nothing was asked of X.",
                run.account.account,
                record.details["run_after"],
                ", ".join(_parts(checked.content)),
                checked.price,
            )
        run.show(PostState.DRY_RUN if post["dry_run"] else record.state)


def _parts(content: Content) -> list[str]:
    """Return what a post consists of, in words."""
    language = content.captions.language if content.captions else ""
    parts = {
        "text": bool(content.text),
        "video": content.media_sha256 is not None,
        f"captions in {language}": content.captions is not None,
        "marked as made with AI": content.made_with_ai,
        "marked as a paid partnership": content.paid_partnership,
    }
    return [words for words, there in parts.items() if there]
