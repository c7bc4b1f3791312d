"""Other people's clients upload and post to the simulator: X's own `xdk`, and tweepy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import tweepy
import xdk
from tests.simulator.elsewhere import Elsewhere
from xdk.media import models as media_models
from xdk.oauth1_auth import OAuth1
from xdk.posts import models as post_models

from airflow_twitter.simulator import Account

VIDEO = bytes(range(256)) * 10
ACCOUNT = Account()


@pytest.fixture
def caller(start: Callable[..., Any]) -> Any:
    """A simulator without topics, whose videos are ready at once."""
    return start({}, processing_s=0.0)


@pytest.fixture(params=["oauth1", "oauth2"])
def client(request: pytest.FixtureRequest, caller: Any) -> Iterator[xdk.Client]:
    """X's own client, unchanged but for its base URL, with either kind of user token."""
    if request.param == "oauth2":
        pair = caller.sim.accounts.grant(ACCOUNT)
        made = xdk.Client(base_url=caller.sim.url, access_token=pair["access_token"])
    else:
        signed = OAuth1("key", "secret", "oob", ACCOUNT.access_token, ACCOUNT.access_token_secret)
        made = xdk.Client(base_url=caller.sim.url, auth=signed)
    yield made
    made.session.close()


def test_xdk_uploads_and_posts(caller: Any, client: xdk.Client) -> None:
    """X's own client uploads a video in segments of base64, posts it, and finds it on the timeline."""
    begun = client.media.initialize_upload(
        media_models.InitializeUploadRequest(
            media_type="video/mp4", media_category="tweet_video", total_bytes=len(VIDEO)
        )
    )
    media_id = begun.data.id
    for index, at in enumerate(range(0, len(VIDEO), 1000)):
        piece = base64.b64encode(VIDEO[at : at + 1000]).decode()
        client.media.append_upload(
            media_id, media_models.AppendUploadRequest(media=piece, segment_index=index)
        )
    finalized = client.media.finalize_upload(media_id)
    status = client.media.get_upload_status(media_id, command="STATUS")
    body = {"text": "Look <here> & there: https://example.com/a", "media": {"media_ids": [media_id]}}
    made = client.posts.create(post_models.CreateRequest.model_validate(body))

    assert finalized.data.processing_info.state == status.data.processing_info.state == "succeeded"
    (upload,) = caller.sim.uploads
    assert upload.sha256 == hashlib.sha256(VIDEO).hexdigest()
    assert upload.segment_sizes == {0: 1000, 1: 1000, 2: 560}
    (post,) = caller.sim.posts
    assert (str(post.id), post.raw, post.media_keys) == (made.data.id, body["text"], [begun.data.media_key])
    assert made.data.text.startswith("Look &lt;here&gt; &amp; there: https://t.co/")
    assert caller.sim.book.dollars == 0.2

    me = client.users.get_me().data
    (page,) = client.users.get_posts(me.id, post_fields=["attachments"])
    (seen,) = page.model_dump()["data"]
    assert (me.username, seen["id"]) == (ACCOUNT.username, made.data.id)
    assert seen["attachments"]["media_keys"] == [begun.data.media_key]
    assert client.posts.delete(made.data.id).data.deleted


def test_xdk_describes_an_image_and_captions_a_video(caller: Any, client: xdk.Client) -> None:
    """X's own client uploads in one request, gives an image its text, and a video captions."""

    def upload(data: bytes, category: str) -> str:
        encoded = base64.b64encode(data).decode()
        request = media_models.UploadRequest(media=encoded, media_category=category)
        return str(client.media.upload(request).data.id)

    image, video, track = (
        upload(b"png", "tweet_image"),
        upload(b"mp4", "tweet_video"),
        upload(b"1", "subtitles"),
    )
    text = {"id": image, "metadata": {"alt_text": {"text": "Two lines"}}}
    client.media.create_metadata(media_models.CreateMetadataRequest.model_validate(text))
    joined = {"id": track, "language_code": "en", "display_name": "English"}
    captions = {"id": video, "media_category": "TweetVideo", "subtitles": joined}
    client.media.create_subtitles(media_models.CreateSubtitlesRequest.model_validate(captions))
    client.posts.create(post_models.CreateRequest.model_validate({"media": {"media_ids": [image]}}))
    known = {media.id: media for media in caller.sim.uploads}
    assert (known[image].alt_text, known[video].captions) == ("Two lines", {"en": track})
    assert caller.sim.posts[0].media_keys == [known[image].key]
    assert caller.sim.book.dollars == 0.02


def test_xdk_walks_a_person_through(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """X's own client gets a code with PKCE, exchanges it, posts with the token, and refreshes it."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # oauthlib wants https
    client = xdk.Client(
        base_url=caller.sim.url,
        authorization_base_url=f"{caller.sim.url}/i",
        client_id="client-id",
        client_secret="client-secret",
        redirect_uri="http://127.0.0.1:1/callback",
        scope="tweet.read tweet.write users.read offline.access",
    )
    page = client.get_authorization_url()
    agreed = requests.get(page, params={"account": ACCOUNT.username}, timeout=5, allow_redirects=False)
    code = parse_qs(urlsplit(agreed.headers["location"]).query)["code"][0]
    token = client.exchange_code(code)
    client.posts.create(post_models.CreateRequest(text="Said by xdk"))
    new = client.refresh_token()
    client.session.close()
    assert token["refresh_token"] != new["refresh_token"]
    assert caller.sim.accounts.by_bearer(token["access_token"]) is None
    assert caller.sim.accounts.by_bearer(new["access_token"]) == ACCOUNT
    assert [post.raw for post in caller.sim.posts] == ["Said by xdk"]


@pytest.fixture
def twitter(caller: Any) -> Iterator[tweepy.Client]:
    """tweepy, unchanged but for its adapter."""
    made = tweepy.Client(
        consumer_key="key",
        consumer_secret="secret",
        access_token=ACCOUNT.access_token,
        access_token_secret=ACCOUNT.access_token_secret,
    )
    made.session.mount("https://api.twitter.com", Elsewhere(caller.sim.url))
    yield made
    made.session.close()


def test_tweepy_posts(caller: Any, twitter: tweepy.Client) -> None:
    """tweepy posts, reads its name and timeline, is refused a duplicate, and deletes."""
    made = twitter.create_tweet(text="Said by tweepy")
    me = twitter.get_me().data
    seen = twitter.get_users_tweets(me.id, user_auth=True, tweet_fields=["created_at", "attachments"]).data
    assert [str(post.id) for post in seen] == [made.data["id"]]
    assert (me.username, seen[0].text) == (ACCOUNT.username, "Said by tweepy")
    with pytest.raises(tweepy.Forbidden, match="duplicate content"):
        twitter.create_tweet(text="Said by tweepy")
    assert twitter.delete_tweet(made.data["id"]).data["deleted"]
    assert [post.deleted_at_s is not None for post in caller.sim.posts] == [True]


def test_a_signature_with_a_wrong_secret_is_refused(caller: Any) -> None:
    """What is signed with another secret is 401, and nothing is posted."""
    wrong = tweepy.Client(
        consumer_key="key",
        consumer_secret="secret",
        access_token=ACCOUNT.access_token,
        access_token_secret="another",
    )
    wrong.session.mount("https://api.twitter.com", Elsewhere(caller.sim.url))
    with pytest.raises(tweepy.Unauthorized):
        wrong.create_tweet(text="Not by me")
    wrong.session.close()
    assert caller.sim.posts == []
