"""What accounts do in the simulator, over bare HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as some
from xdk.media import models as media_models

from airflow_twitter.simulator import Account, Rule, Simulator
from airflow_twitter.simulator.bill import bills
from airflow_twitter.simulator.request import Request
from airflow_twitter.simulator.routes import PATHS

FIRST, SECOND = Account.named("sim_first", 1), Account.named("sim_second", 2)
SIMULATOR = Simulator(accounts=[FIRST, SECOND])
VIDEO = {"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": 6}


class Poster:
    """A client that knows no more than paths and an account's token."""

    def __init__(self, sim: Any, account: Account) -> None:
        self.sim = sim
        self.token = sim.accounts.grant(account)["access_token"]

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Ask as the account."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.request(method, self.sim.url + path, headers=headers, timeout=20, **options)

    def post(self, path: str, body: Any = None) -> requests.Response:
        """Send JSON."""
        return self.ask("POST", path, json=body)

    def upload(self, *pieces: bytes, **wanted: Any) -> str:
        """Upload pieces and return the id."""
        total = {"total_bytes": sum(map(len, pieces))}
        media_id = self.post("/2/media/upload/initialize", {**VIDEO, **total, **wanted}).json()["data"]["id"]
        for index, piece in enumerate(pieces):
            self.append(media_id, index, piece)
        assert self.post(f"/2/media/upload/{media_id}/finalize").status_code == 200
        return str(media_id)

    def append(self, media_id: str, index: Any, piece: bytes) -> requests.Response:
        """Send a segment as multipart."""
        files = {"media": ("blob", piece, "application/octet-stream")}
        return self.ask(
            "POST", f"/2/media/upload/{media_id}/append", data={"segment_index": index}, files=files
        )


@pytest.fixture
def sim(start: Callable[..., Any]) -> Any:
    """A simulator with two accounts, whose videos are ready after 8 seconds."""
    return start({}, accounts=[FIRST, SECOND], processing_s=8.0).sim


@pytest.fixture
def first(sim: Any) -> Poster:
    """The first account."""
    return Poster(sim, FIRST)


@pytest.fixture
def second(sim: Any) -> Poster:
    """The second account."""
    return Poster(sim, SECOND)


def test_segments_come_as_multipart_or_base64(sim: Any, first: Poster) -> None:
    """Both forms carry any bytes, in any order, and one that comes again replaces the one before."""
    pieces = [bytes(range(256)), b"\r\n--boundary\r\n\r\n", b"\n"]
    wanted = {**VIDEO, "total_bytes": sum(map(len, pieces))}
    media_id = first.post("/2/media/upload/initialize", wanted).json()["data"]["id"]
    place = f"/2/media/upload/{media_id}/append"
    assert first.append(media_id, 2, pieces[2]).status_code == 200
    assert first.append(media_id, 0, b"not this").status_code == 200
    first.append(media_id, 0, pieces[0])
    first.post(place, {"media": base64.b64encode(pieces[1]).decode(), "segment_index": 1})
    first.post(f"/2/media/upload/{media_id}/finalize", {})
    (upload,) = sim.uploads
    assert upload.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert (upload.received, upload.requests) == (sum(map(len, pieces)) + len(b"not this"), 4)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"media_type": "video/avi"}, "media_type"),
        ({"media_category": "video"}, "media_category"),
        ({"total_bytes": 0}, "total_bytes"),
        ({"total_bytes": "6"}, "total_bytes"),
        ({"total_bytes": True}, "total_bytes"),
        ({"total_bytes": 17179869185}, "total_bytes"),
    ],
)
def test_a_bad_upload_is_named(first: Poster, changed: dict[str, Any], named: str) -> None:
    """What is wrong with a new upload stands in the 400."""
    answer = first.post("/2/media/upload/initialize", {**VIDEO, **changed})
    assert answer.status_code == 400
    assert list(answer.json()["errors"][0]["parameters"]) == [named]


@pytest.mark.parametrize("index", ["-1", "1000", "one", ""])
def test_segments_have_indexes_to_999(first: Poster, index: str) -> None:
    """There are a thousand segments at most."""
    media_id = first.post("/2/media/upload/initialize", VIDEO).json()["data"]["id"]
    answer = first.append(media_id, index, b"x")
    assert (answer.status_code, list(answer.json()["errors"][0]["parameters"])) == (400, ["segment_index"])
    assert first.append(media_id, 999, b"x").status_code == 200


def test_a_segment_without_media_is_refused(first: Poster) -> None:
    """No bytes, base64 that is none, and a body that is neither form, are 400."""
    media_id = first.post("/2/media/upload/initialize", VIDEO).json()["data"]["id"]
    place = f"/2/media/upload/{media_id}/append"
    for body in (
        {"segment_index": 0},
        {"segment_index": 0, "media": "%%%"},
        {"segment_index": 0, "media": 7},
    ):
        assert first.post(place, body).status_code == 400
    assert first.ask("POST", place, data=b"abc").status_code == 400
    assert first.append(media_id, 0, b"").status_code == 400


def test_media_belong_to_their_account(sim: Any, first: Poster, second: Poster, clock: Any) -> None:
    """Another account can neither add to media, nor look at them, nor post them."""
    media_id = first.upload(b"abc", b"def")
    clock.move(8)
    assert second.append(media_id, 0, b"x").status_code == 404
    assert second.post(f"/2/media/upload/{media_id}/finalize").status_code == 404
    status = {"command": "STATUS", "media_id": media_id}
    assert second.ask("GET", "/2/media/upload", params=status).status_code == 404
    stolen = second.post("/2/tweets", {"text": "Mine", "media": {"media_ids": [media_id]}})
    assert (stolen.status_code, stolen.json()["errors"][0]["message"]) == (400, "Your media IDs are invalid.")
    assert first.post("/2/tweets", {"text": "Mine", "media": {"media_ids": [media_id]}}).status_code == 201


def test_media_must_be_ready(first: Poster, clock: Any) -> None:
    """Before the processing is over no post can have them."""
    media_id = first.upload(b"abc", b"def")
    body = {"text": "Early", "media": {"media_ids": [media_id]}}
    assert first.post("/2/tweets", body).status_code == 400
    clock.move(8)
    assert first.post("/2/tweets", body).status_code == 201


def test_images_are_ready_at_once(first: Poster) -> None:
    """What is not processed has no processing_info, and is posted without a text."""
    media_id = first.upload(b"png", media_type="image/png", media_category="tweet_image")
    status = first.ask("GET", "/2/media/upload", params={"media_id": media_id}).json()["data"]
    assert "processing_info" not in status
    assert status["media_key"] == f"3_{media_id}"
    assert first.post("/2/tweets", {"media": {"media_ids": [media_id]}}).status_code == 201


def test_there_is_no_status_before_finalize(first: Poster) -> None:
    """While segments still come X knows of no media."""
    media_id = first.post("/2/media/upload/initialize", VIDEO).json()["data"]["id"]
    assert first.ask("GET", "/2/media/upload", params={"media_id": media_id}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "  "},
        {"text": 7},
        {"text": "a", "txt": "b"},
        {"text": "a", "media": {}},
        {"text": "a", "media": {"media_ids": []}},
        {"text": "a", "media": {"media_ids": [7]}},
        {"text": "a", "media": {"media_ids": ["1", "2", "3", "4", "5"]}},
        {"text": "a", "media": {"media_ids": ["404"]}},
        [],
    ],
)
def test_a_bad_post_is_refused(sim: Any, first: Poster, body: Any) -> None:
    """What X cannot make a post of is 400, and no post is made."""
    assert first.post("/2/tweets", body).status_code == 400
    assert sim.posts == []


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("a" * 280, 201),
        ("a" * 281, 403),
        ("e\u0301" * 280, 201),
        (f"{'a' * 256} https://example.com/{'long' * 50}", 201),
        (f"{'a' * 257} https://example.com/", 403),
        ("$ONE and $1000", 201),
        ("$ONE and $TWO", 403),
    ],
)
def test_a_text_that_x_takes_under_no_count(first: Poster, text: str, status: int) -> None:
    """Over 280 characters, a link counting 23, and more than one cashtag are refused."""
    assert first.post("/2/tweets", {"text": text}).status_code == status


def test_texts_come_back_as_x_keeps_them(first: Poster) -> None:
    """Escaped, each link as one of t.co, with the targets in the entities beside other entities."""
    text = "A & B <3 https://example.com/a?b=c&d=e and https://example.org #tag"
    post_id = first.post("/2/tweets", {"text": text}).json()["data"]["id"]
    seen = first.ask("GET", f"/2/users/{FIRST.id}/tweets", params={"tweet.fields": "entities"}).json()[
        "data"
    ][0]
    assert seen["id"] == post_id
    urls = seen["entities"]["urls"]
    assert [url["expanded_url"] for url in urls] == ["https://example.com/a?b=c&d=e", "https://example.org"]
    assert seen["text"] == f"A &amp; B &lt;3 {urls[0]['url']} and {urls[1]['url']} #tag"
    assert seen["entities"]["hashtags"][0]["tag"] == "tag"


def test_the_timeline_pages(first: Poster, second: Poster, clock: Any) -> None:
    """Newest first, by token, within a window, and only of its account."""
    ids = []
    for number in range(12):
        ids.append(first.post("/2/tweets", {"text": f"Number {number}"}).json()["data"]["id"])
        clock.move(1)
    second.post("/2/tweets", {"text": "Elsewhere"})
    place = f"/2/users/{FIRST.id}/tweets"
    found, token = [], None
    while True:
        params = {"max_results": 5, **({"pagination_token": token} if token else {})}
        page = first.ask("GET", place, params=params).json()
        found.append([post["id"] for post in page["data"]])
        if not (token := page["meta"].get("next_token")):
            break
    assert [len(ids) for ids in found] == [5, 5, 2]
    assert list(chain.from_iterable(found)) == ids[::-1]
    since = first.ask("GET", place, params={"start_time": "2026-11-20T12:00:10Z"}).json()["data"]
    assert [post["id"] for post in since] == ids[:9:-1]
    assert first.ask("GET", place, params={"since_id": ids[-1]}).json() == {"meta": {"result_count": 0}}
    for wrong in ({"pagination_token": "x"}, {"max_results": 4}, {"start_time": "now"}, {"query": "x"}):
        assert first.ask("GET", place, params=wrong).status_code == 400


def test_new_posts_show_late(sim: Any, first: Poster, clock: Any) -> None:
    """With a rule a new post is on the timeline only after a while."""
    sim.add_rules([Rule(endpoint="timeline", fault="late_index", params={"lag_s": 30})])
    first.post("/2/tweets", {"text": "Patience"})
    place = f"/2/users/{FIRST.id}/tweets"
    assert "data" not in first.ask("GET", place).json()
    clock.move(31)
    assert len(first.ask("GET", place).json()["data"]) == 1


def test_only_the_author_deletes(sim: Any, first: Poster, second: Poster) -> None:
    """Others are refused, and what is gone is not found and on no timeline."""
    post_id = first.post("/2/tweets", {"text": "Mine"}).json()["data"]["id"]
    assert second.ask("DELETE", f"/2/tweets/{post_id}").status_code == 403
    assert first.ask("DELETE", f"/2/tweets/{post_id}").json() == {"data": {"deleted": True}}
    assert first.ask("DELETE", f"/2/tweets/{post_id}").status_code == 404
    assert first.ask("GET", f"/2/users/{FIRST.id}/tweets").json() == {"meta": {"result_count": 0}}
    assert [post.deleted_at_s is not None for post in sim.posts] == [True]


def test_users_are_found(first: Poster) -> None:
    """By their own token and by name, in any case; another name is an error beside no data."""
    me = first.ask("GET", "/2/users/me", params={"user.fields": "protected"}).json()["data"]
    assert (me["id"], me["username"], me["protected"]) == (FIRST.id, "sim_first", False)
    other = first.ask("GET", "/2/users/by/username/SIM_second").json()["data"]
    assert other["id"] == SECOND.id
    nobody = first.ask("GET", "/2/users/by/username/nobody").json()
    assert (list(nobody), nobody["errors"][0]["resource_type"]) == (["errors"], "user")
    assert first.ask("GET", "/2/users/9/tweets").json()["errors"][0]["resource_type"] == "user"


def test_the_app_alone_may_read_and_not_write(start: Callable[..., Any]) -> None:
    """With its own token an app reads timelines; for what acts as somebody the token is of the wrong kind."""
    caller = start({})
    assert caller.get(f"/2/users/{Account().id}/tweets").status_code == 200
    headers = {"Authorization": f"Bearer {caller.sim.bearer_token}"}
    answer = requests.post(caller.sim.url + "/2/tweets", headers=headers, json={"text": "a"}, timeout=5)
    assert (answer.status_code, answer.json()["title"]) == (403, "Unsupported Authentication")
    assert requests.post(caller.sim.url + "/2/tweets", json={"text": "a"}, timeout=5).status_code == 401


def test_limits_are_by_user(start: Callable[..., Any]) -> None:
    """One account's window, and its day, are not the other's; the app's day is both's."""
    daily = {"create_post": {"app": 5, "user": 3}}
    sim = start({}, accounts=[FIRST, SECOND], limits={"create_post": 4}, daily_limits=daily).sim
    first, second = Poster(sim, FIRST), Poster(sim, SECOND)
    answers = [first.post("/2/tweets", {"text": f"First {number}"}) for number in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[3].headers["x-user-limit-24hour-remaining"] == "0"
    assert answers[3].headers["x-rate-limit-remaining"] == "1"
    answers = [second.post("/2/tweets", {"text": f"Second {number}"}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[2].headers["x-app-limit-24hour-remaining"] == "0"
    assert len(sim.posts) == 5


def test_a_segment_can_be_cut_off(sim: Any, first: Poster) -> None:
    """The connection is reset after so many bytes; nothing is kept, and the bytes that came are counted."""
    media_id = first.post("/2/media/upload/initialize", {**VIDEO, "total_bytes": 500_000}).json()["data"][
        "id"
    ]
    sim.add_rules([Rule(endpoint="append_media", nth=1, fault="reset_in_body", params={"after": 1000})])
    with pytest.raises(requests.ConnectionError):
        first.append(media_id, 0, bytes(500_000))
    assert sim.uploads[0].segment_sizes == {}
    (entry,) = sim.book.to("append_media")
    assert (entry.received, entry.status, entry.delivered) == (1000, 0, False)
    assert first.append(media_id, 0, bytes(500_000)).status_code == 200


@pytest.mark.parametrize(
    "endpoint", ["initialize_media", "append_media", "finalize_media", "create_post", "delete_post"]
)
@pytest.mark.parametrize(
    ("fault", "done"), [("lost_answer", True), ("reset_before", False), ("reset_in_body", False)]
)
def test_a_lost_answer_was_carried_out(
    sim: Any, first: Poster, clock: Any, endpoint: str, fault: str, done: bool
) -> None:
    """With a lost answer it has happened, with a reset before it has not."""
    old = first.post("/2/tweets", {"text": "Old"}).json()["data"]["id"]
    media_id = first.post("/2/media/upload/initialize", VIDEO).json()["data"]["id"]
    if endpoint == "finalize_media":
        first.append(media_id, 0, b"abcdef")
    sim.add_rules([Rule(endpoint=endpoint, nth=1, fault=fault)])
    calls: dict[str, Callable[[], object]] = {
        "initialize_media": lambda: first.post("/2/media/upload/initialize", VIDEO),
        "append_media": lambda: first.append(media_id, 0, b"abcdef"),
        "finalize_media": lambda: first.post(f"/2/media/upload/{media_id}/finalize"),
        "create_post": lambda: first.post("/2/tweets", {"text": "New"}),
        "delete_post": lambda: first.ask("DELETE", f"/2/tweets/{old}"),
    }
    happened: dict[str, Callable[[], bool]] = {
        "initialize_media": lambda: len(sim.uploads) == 2,
        "append_media": lambda: sim.uploads[0].segment_sizes == {0: 6},
        "finalize_media": lambda: sim.uploads[0].sha256 is not None,
        "create_post": lambda: len(sim.posts) == 2,
        "delete_post": lambda: sim.posts[0].deleted_at_s is not None,
    }
    with pytest.raises(requests.ConnectionError):
        calls[endpoint]()
    assert happened[endpoint]() is done


def test_the_book_knows_what_it_cost(sim: Any, first: Poster) -> None:
    """What was posted, deleted and, once a day, read has X's prices; nothing holds a token."""
    first.post("/2/tweets", {"text": "Plain"})
    linked = first.post("/2/tweets", {"text": "See https://example.com"}).json()["data"]["id"]
    for _ in range(2):
        first.ask("GET", f"/2/users/{FIRST.id}/tweets")
        first.ask("GET", "/2/users/me")
    first.ask("DELETE", f"/2/tweets/{linked}")
    assert [entry.cost for entry in sim.book.requests if entry.cost] == [0.015, 0.2, 0.01]
    assert [len(entry.read) for entry in sim.book.to("timeline")] == [2, 2]
    assert sim.book.dollars == pytest.approx(0.015 + 0.2 + 2 * 0.001 + 0.01 + 0.01)
    assert sum(bill.dollars for bill in bills(sim.book.requests).values()) == pytest.approx(sim.book.dollars)
    assert {entry.account for entry in sim.book.requests} == {"sim_first"}
    assert (sim.book.sold, sim.book.counts["create_post"]) == ([], 2)
    assert first.token not in str(sim.book.to_json())


def test_other_processes_see_what_was_published(sim: Any, first: Poster) -> None:
    """The control endpoint tells posts, uploads, requests and bytes, and posts by hand."""
    url = sim.url + "/_simulator/"
    first.upload(b"abc", b"def")
    made = requests.post(url + "posts", json={"text": "By hand", "username": "sim_second"}, timeout=5).json()
    first.post("/2/tweets", {"text": "By request"})
    told = requests.get(url + "published", timeout=5).json()
    assert [(post["account"], post["text"], post["by_hand"]) for post in told["posts"]] == [
        ("sim_second", "By hand", True),
        ("sim_first", "By request", False),
    ]
    assert told["posts"][0]["id"] == made["id"]
    assert (told["uploads"][0]["segments"], told["uploads"][0]["received_bytes"]) == ({"0": 3, "1": 3}, 6)
    assert (told["requests"]["append_media"], told["requests"]["create_post"]) == (2, 1)
    assert told["received_bytes"]["append_media"] > 6
    for wrong in ({"text": "a", "username": "nobody"}, {"text": "By hand", "username": "sim_second"}, {}):
        assert requests.post(url + "posts", json=wrong, timeout=5).status_code == 400
    requests.post(url + "reset", timeout=5)
    told = requests.get(url + "published", timeout=5).json()
    assert (told["posts"], told["uploads"], told["requests"]) == ([], [], {})


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 200),
        ({"media_category": "AmplifyVideo"}, 200),
        ({"media_category": "tweet_video"}, 400),
        ({"id": "404"}, 404),
        ({"video": 1}, 400),
        ({"subtitles": "en"}, 400),
        ({"subtitles": {"id": "404", "language_code": "en", "display_name": "English"}}, 404),
        ({"subtitles": {"language_code": "e", "display_name": "English"}}, 400),
        ({"subtitles": {"language_code": "en"}}, 400),
        ({"subtitles": {"language_code": "en", "display_name": "English", "name": "x"}}, 400),
    ],
)
def test_captions_are_joined_as_x_describes(
    sim: Any, first: Poster, change: dict[str, Any], status: int
) -> None:
    """The fields are those of X's page and its own client's models, and no others; what is wrong joins nothing."""
    video = first.upload(b"mp4mp4")
    track = first.upload(b"1", media_type="text/srt", media_category="subtitles")
    named = {"id": track, "language_code": "en", "display_name": "English"}
    body: dict[str, Any] = {"id": video, "media_category": "TweetVideo", "subtitles": named, **change}
    if isinstance(body["subtitles"], dict):
        body["subtitles"] = {"id": track, **body["subtitles"]}

    answer = first.post("/2/media/subtitles", body)

    assert answer.status_code == status
    assert sim.uploads[0].captions == ({"en": track} if status == 200 else {})
    if status == 200:
        read = media_models.CreateSubtitlesResponse.model_validate(answer.json())
        assert (read.data.id, read.data.model_extra, read.model_extra) == (video, {}, {})
        assert read.data.associated_subtitles == named


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=6),
    lambda inner: (
        some.lists(inner, max_size=2)
        | some.dictionaries(
            some.sampled_from(
                [
                    "text",
                    "media",
                    "media_ids",
                    "media_type",
                    "total_bytes",
                    "segment_index",
                    "subtitles",
                    "id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_KINDS = some.sampled_from(
    [
        "application/json",
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    some.sampled_from([(method, path.replace("{id}", "7")) for method, path, _ in PATHS]),
    _JSON.map(lambda value: json.dumps(value).encode()) | some.binary(max_size=40),
    _KINDS,
    some.dictionaries(
        some.sampled_from(["media_id", "command", "max_results", "start_time"]), some.text(max_size=4)
    ),
)
def test_any_request_is_answered(
    place: tuple[str, str], body: bytes, kind: str, params: dict[str, str]
) -> None:
    """Whatever comes, it is answered or refused as X does, and never fails in the simulator."""
    service = SIMULATOR.service
    token = SIMULATOR.accounts.grant(FIRST)["access_token"]
    headers = {"authorization": f"Bearer {token}", "content-type": kind}
    request = Request(place[0], place[1], params, headers, body)
    answer = service.answer(service.begin(request), request)
    assert 200 <= answer.status < 500
