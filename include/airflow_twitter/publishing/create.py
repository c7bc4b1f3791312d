"""Create a post exactly once, whatever gets lost on the way.

Creating is not idempotent (docs.x.com/x-api/posts/create-post): after a lost answer the post may exist or not.
So the intent is written down first; before every request the account's timeline is searched for the post; a
request that was sent without an answer is never sent again by itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_twitter.api.errors import PostRefusedError, TransientError, XError
from airflow_twitter.publishing.client import PostClient
from airflow_twitter.publishing.errors import (
    CancelledError,
    DuplicateError,
    ExpiredError,
    LookAgain,
    NotApprovedError,
    RecordError,
    unknown,
)
from airflow_twitter.publishing.own_posts import OwnPosts, has_text_of
from airflow_twitter.publishing.record import Record, post_url
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState

log = logging.getLogger(__name__)

DUPLICATE_REACH_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Looking:
    """How long, in seconds, the timeline is searched for a post whose answer was lost, and how often."""

    for_s: float = 120.0
    every_s: float = 15.0


def create_post(
    records: Records,
    account: str,
    key: str,
    client: PostClient,
    *,
    not_after: datetime | None = None,
    looking: Looking | None = None,
) -> Record:
    """Bring the post of a record out, once, and return its record in state POSTED.

    Call it again after every exception but the last three; it finds out by itself what happened before. The
    record says which media belong to it: `ensure_media` comes first for a post with a video. Each call reads
    the account's timeline since the intent (X bills the account's own posts that it returns).

    Raises LookAgain when there is nothing to do before a moment (also BusyError, when another worker is at it);
    errors of api/errors.py, after which the post was certainly not created by this call; ExpiredError after
    `not_after`; CancelledError; DuplicateError; PostRefusedError; UnknownOutcomeError when a request was sent,
    its answer lost, and the post not to be seen for `looking.for_s` seconds: then a person decides
    (decisions.mark_posted, decisions.mark_not_posted).
    """
    with records.hold(account, key):
        record = records.read(account, key)
        return _Attempt(records, record, client, not_after, looking or Looking()).run()


class _Attempt:
    """One call for one record, which nobody else is sending meanwhile."""

    def __init__(
        self,
        records: Records,
        record: Record,
        client: PostClient,
        not_after: datetime | None,
        looking: Looking,
    ) -> None:
        self.records = records
        self.record = record
        self.client = client
        self.own = OwnPosts(records, client)
        self.not_after = not_after
        self.looking = looking

    def run(self) -> Record:
        record = self.record
        if record.post_id is not None:
            self.records.index.claim_post(record.account, record.post_id, record.key)
        if record.out:
            return record
        if record.state is PostState.CANCELLED:
            raise CancelledError(f"The post {record.key} was cancelled; it was not sent.")
        if record.intent.refused_at is not None:
            return self._after_refusal(record.intent.refused_at)
        if record.intent.sent_at is not None:
            return self._after_lost_answer(record.intent.sent_at)
        return self._first_time()

    def _first_time(self) -> Record:
        self.records.refuse_second(self.record)
        since = self._ours_since()
        if since is not None and (found := self.own.find(self.record, since)) is not None:
            return self._finish(found.id, found=True)
        self._require_media()
        now = self.records.now()
        if self.not_after is not None and now >= self.not_after:
            raise ExpiredError(
                f"The post was to be out before {self.not_after:%Y-%m-%d %H:%M:%S} UTC; it was not sent."
            )
        return self._send(now)

    def _ours_since(self) -> datetime | None:
        """Return since when a post of this text is ours; None where another one is allowed and ours was never sent."""
        intent = self.record.intent
        return intent.first_sent_at if self.record.allow_duplicate else intent.at

    def _require_media(self) -> None:
        """Never let a post with a video go out without it."""
        upload = self.record.upload
        ready = upload is not None and upload.ready and upload.sha256 == self.record.content.media_sha256
        if self.record.content.media_sha256 is not None and not ready:
            raise RecordError(
                f"X does not have the video of the post {self.record.key} ready, so nothing was sent. Let the "
                "steps before run again: they send it."
            )
        if not self.record.captioned:
            raise RecordError(
                f"X does not have the captions of the post {self.record.key}, so nothing was sent. Let the steps "
                "before run again: they send them."
            )

    def _send(self, now: datetime) -> Record:
        record = self._mark_sent(now)
        media_ids = (record.upload.media_id,) if record.upload and record.upload.media_id else ()
        content = record.content
        log.info("POST CREATE: account=%s, key=%s, media_ids=%s", record.account, record.key, media_ids)
        try:
            post = self.client.create_post(
                content.text,
                media_ids=media_ids,
                made_with_ai=content.made_with_ai,
                paid_partnership=content.paid_partnership,
            )
        except PostRefusedError as error:
            return self._after_refusal(self._mark_refused(error))
        except TransientError as error:
            if not error.sent:
                self._mark_unsent()
                raise
            log.warning("The answer to the creation of %s is lost: %s", record.key, error)
            return self._after_lost_answer(now)
        except XError:
            # Any other answer says that X did not create it.
            self._mark_unsent()
            raise
        return self._finish(post.id, found=False)

    def _after_lost_answer(self, sent_at: datetime) -> Record:
        since = self._ours_since() or sent_at
        if (found := self.own.find(self.record, since)) is not None:
            return self._finish(found.id, found=True)
        self._look_again_until(sent_at, "X did not answer when the post was sent; the account is looked at.")
        self.records.note(
            self.record.account,
            self.record.key,
            PostState.UNKNOWN,
            f"Not to be seen {self.looking.for_s:g} s after it was sent.",
        )
        raise unknown(self.record.key, "the post is not to be seen on the account")

    def _after_refusal(self, refused_at: datetime) -> Record:
        since = self._ours_since() or refused_at
        posts = self.own.read(min(since, refused_at - timedelta(seconds=DUPLICATE_REACH_S)))
        if (found := self.own.pick(self.record, posts, since)) is not None:
            return self._finish(found.id, found=True)
        same = next((post for post in posts if has_text_of(self.record, post)), None)
        if same is None:
            self._look_again_until(refused_at, "X refused the post; the account is looked at.")
        with self.records.change(self.record.account, self.record.key) as record:
            refusal = record.intent.refusal or "X refused to create the post."
            record.intent.refused_at = record.intent.refusal = None
            state = PostState.FAILED if same is None else PostState.DUPLICATE
            record.note(state, refusal, at=self.records.now())
        if same is None:
            raise PostRefusedError(refusal)
        url = post_url(same.id)
        raise DuplicateError(
            f"X refused the post since the account has posted this text lately: {url}. Change the text.",
            post_url=url,
            first=self.records.index.owner_of(self.record.account, same.id),
        )

    def _look_again_until(self, begun: datetime, reason: str) -> None:
        now = self.records.now()
        if now < begun + timedelta(seconds=self.looking.for_s):
            raise LookAgain(now + timedelta(seconds=self.looking.every_s), reason)

    def _mark_sent(self, now: datetime) -> Record:
        with self.records.change(self.record.account, self.record.key) as record:
            if record.state is PostState.CANCELLED:
                raise CancelledError(f"The post {record.key} was cancelled; it was not sent.")
            if not record.approved:
                raise NotApprovedError(
                    f"What the post {record.key} says was changed, and is not approved; not sent."
                )
            record.intent.sent_at = now
            record.intent.first_sent_at = record.intent.first_sent_at or now
            record.intent.sends += 1
            if record.upload and record.upload.media_key:
                record.intent.media_keys.append(record.upload.media_key)
            record.note(PostState.POSTING, "Sent to X.", at=now)
        self.record = record
        return record

    def _mark_unsent(self) -> None:
        with self.records.change(self.record.account, self.record.key) as record:
            if record.intent.first_sent_at == record.intent.sent_at:
                record.intent.first_sent_at = None
            record.intent.sent_at = None
            record.note(PostState.WAITING, "X did not create it.", at=self.records.now())

    def _mark_refused(self, error: PostRefusedError) -> datetime:
        now = self.records.now()
        with self.records.change(self.record.account, self.record.key) as record:
            record.intent.sent_at = None
            record.intent.refused_at = now
            record.intent.refusal = str(error)
        self.record = record
        return now

    def _finish(self, post_id: str, *, found: bool) -> Record:
        account, key = self.record.account, self.record.key
        if found and not self.records.index.claim_post(account, post_id, key):
            raise LookAgain(self.records.now() + timedelta(seconds=self.looking.every_s), "Looked at anew.")
        with self.records.change(account, key) as record:
            record.post_id = post_id
            record.found = found
            record.post_url = post_url(post_id)
            record.posted_at = self.records.now()
            record.intent.sent_at = record.intent.refused_at = record.intent.refusal = None
            record.note(
                PostState.POSTED, "Found on the account." if found else "Created.", at=record.posted_at
            )
        self.records.index.claim_post(account, post_id, key)
        log.info(
            "POST %s: account=%s, key=%s, %s", "FOUND" if found else "CREATED", account, key, record.post_url
        )
        return record
