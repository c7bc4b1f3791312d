"""Answer what needs an account: media, posts, the timeline and users.

https://docs.x.com/x-api/posts/manage-tweets/introduction, https://docs.x.com/x-api/posts/timelines/introduction,
https://docs.x.com/x-api/users/lookup/introduction
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow_twitter.simulator import problems
from airflow_twitter.simulator.accounts import Accounts
from airflow_twitter.simulator.answers import Answer, json_answer
from airflow_twitter.simulator.asked import Asked, check
from airflow_twitter.simulator.asks import BadRequest
from airflow_twitter.simulator.costs import COSTS
from airflow_twitter.simulator.media import Media, MediaError, MediaStore
from airflow_twitter.simulator.published import DuplicateError, Posts, Published, has_url, why_refused
from airflow_twitter.simulator.timeline import render_user, write_timeline
from airflow_twitter.simulator.uploads import Uploads, refuse

# What an app may ask without an account.
APP_TOO = frozenset({"timeline", "user_by_username"})
POST_PARAMETERS = (
    *("card_uri", "community_id", "direct_message_deep_link", "edit_options", "for_super_followers_only"),
    *("geo", "made_with_ai", "media", "nullcast", "paid_partnership", "poll", "quote_tweet_id", "reply"),
    *("reply_settings", "share_with_followers", "text"),
)


class Publishing:
    """The side of X that accounts write to. `now_s` returns the server's Unix seconds."""

    def __init__(self, accounts: Accounts, now_s: Callable[[], float], processing_s: float) -> None:
        self.accounts = accounts
        self.media = MediaStore(now_s, processing_s)
        self.posts = Posts(now_s)
        self._now_s = now_s
        self._uploads = Uploads(self.media, now_s)
        self._handlers: Mapping[str, Callable[[Asked], Answer]] = {
            "initialize_media": self._uploads.initialize,
            "append_media": self._uploads.append,
            "finalize_media": self._uploads.finalize,
            "media_status": self._uploads.status,
            "upload_media": self._uploads.upload,
            "media_metadata": self._uploads.describe,
            "add_captions": self._uploads.add_captions,
            "create_post": self._create_post,
            "delete_post": self._delete_post,
            "timeline": self._timeline,
            "me": self._me,
            "user_by_username": self._user_by_username,
        }

    def handles(self, endpoint: str) -> bool:
        """Tell whether an endpoint is answered here."""
        return endpoint in self._handlers

    def clear(self) -> None:
        """Forget media and posts."""
        self.media.clear()
        self.posts.clear()

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Return all posts and uploads."""
        now = self._now_s()
        return {
            "posts": [post.to_json() for post in self.posts.all],
            "uploads": [media.to_json(now) for media in self.media.all],
        }

    def post_by_hand(self, text: str, username: str = "", media_ids: Iterable[str] = ()) -> Published:
        """Post as a person does in X's own app: no request, no limit, no rule.

        The first account posts when none is named. Raises ValueError for an account or media that do not exist.
        """
        account = self.accounts.find(username=username) if username else self.accounts.accounts[0]
        if account is None:
            raise ValueError(f"There is no account {username!r}.")
        try:
            media = [self.media.find(account.id, media_id) for media_id in media_ids]
            attached = [(item.id, item.key) for item in media]
            return self.posts.create(account, text, attached, by_hand=True)
        except (MediaError, DuplicateError) as error:
            raise ValueError(f"It cannot be posted: {error!r}") from error

    def answer(self, endpoint: str, ask: Asked) -> Answer:
        """Answer a request; raise BadRequest."""
        try:
            return self._handlers[endpoint](ask)
        except MediaError as error:
            return refuse(error, ask)

    def _create_post(self, ask: Asked) -> Answer:
        wanted = ask.json()
        for name in wanted:
            check(name, wanted[name], name in POST_PARAMETERS)
        text = wanted.get("text", "")
        check("text", text, isinstance(text, str))
        media = [self._attached(ask, media_id) for media_id in _media_ids(wanted)]
        check("text", text, bool(text.strip()) or bool(media))
        if refused := why_refused(text):
            return json_answer(403, problems.plain(403, refused))
        if ask.rule("duplicate"):
            return json_answer(403, problems.duplicate())
        try:
            made = self.posts.create(
                ask.owner,
                text,
                [(item.id, item.key) for item in media],
                made_with_ai=wanted.get("made_with_ai") is True,
                paid_partnership=wanted.get("paid_partnership") is True,
            )
        except DuplicateError:
            return json_answer(403, problems.duplicate())
        ask.entry.made.append(str(made.id))
        ask.entry.cost = COSTS["post_with_url" if has_url(text) else "post"]
        fields = made.post().fields
        data = {"id": fields["id"], "text": fields["text"], "edit_history_post_ids": [fields["id"]]}
        return json_answer(201, {"data": data})

    def _attached(self, ask: Asked, media_id: str) -> Media:
        try:
            media = self._uploads.found(ask, media_id)
        except MediaError:
            media = None
        if media is None or media.state(self._now_s()) != "succeeded":
            error = problems.parameter_error("media.media_ids", media_id, "Your media IDs are invalid.")
            raise BadRequest(problems.invalid_request([error]))
        return media

    def _delete_post(self, ask: Asked) -> Answer:
        post_id = ask.names["id"]
        found = self.posts.delete(ask.owner, post_id)
        if found is None:
            return json_answer(404, problems.missing(post_id, "id", "post"))
        if found.account != ask.owner:
            return json_answer(403, problems.plain(403, "You are not authorized to delete this Post."))
        ask.entry.cost = COSTS["delete"]
        return json_answer(200, {"data": {"deleted": True}})

    def _timeline(self, ask: Asked) -> Answer:
        owner = self.accounts.find(account_id=ask.names["id"])
        if owner is None:
            return json_answer(200, {"errors": [problems.missing(ask.names["id"], "id", "user")]})
        written = write_timeline(self.posts, owner, ask.params, int(self._now_s() * 1000), ask.rules)
        ask.entry.read = written.ids
        return Answer(200, written.body)

    def _me(self, ask: Asked) -> Answer:
        ask.entry.users = [ask.owner.id]
        return json_answer(200, {"data": render_user(ask.owner, ask.params)})

    def _user_by_username(self, ask: Asked) -> Answer:
        found = self.accounts.find(username=ask.names["username"])
        if found is None:
            error = problems.missing(ask.names["username"], "username", "user")
            return json_answer(200, {"errors": [error]})
        ask.entry.users = [found.id]
        return json_answer(200, {"data": render_user(found, ask.params)})


def _media_ids(wanted: Mapping[str, Any]) -> list[str]:
    media = wanted.get("media")
    if media is None:
        return []
    ids = media.get("media_ids") if isinstance(media, dict) else None
    fits = isinstance(ids, list) and 1 <= len(ids) <= 4 and all(isinstance(item, str) for item in ids)
    check("media.media_ids", ids, fits)
    return list(ids or ())
