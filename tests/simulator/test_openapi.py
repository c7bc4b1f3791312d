"""Answers against X's own OpenAPI document, where it lies beside the project.

The document is of the `post.fields` vocabulary. Every object is closed to names that it does not
list, so that an invented field is found. The other tests check shapes without it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator, FormatChecker

from airflow_twitter.simulator import Rule, Topic
from airflow_twitter.simulator.publishing import POST_PARAMETERS
from airflow_twitter.simulator.uploads import CATEGORIES, MEDIA_MAX_BYTES, MEDIA_TYPES
from airflow_twitter.simulator.vocabulary import POST

DOCUMENT = Path(__file__).resolve().parents[3] / "shared/x-api/openapi-2.167-used.json"
pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="X's OpenAPI document is not beside the project"
)

EVERYTHING = {
    "post_fields": ",".join(POST["post.fields"]),
    "user_fields": ",".join(POST["user.fields"]),
    "media_fields": ",".join(POST["media.fields"]),
    "expansions": ",".join(POST["expansions"]),
    "max_results": 100,
}


def close(schema: Any) -> Any:
    """Close every object to unlisted names, and let null be null."""
    if isinstance(schema, list):
        return [close(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: close(value) for name, value in schema.items() if name != "discriminator"}
    if isinstance(closed.get("properties"), dict) and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    if closed.get("nullable") is True and isinstance(closed.get("type"), str):
        closed["type"] = [closed["type"], "null"]
    return closed


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """X's document, closed."""
    read = json.loads(DOCUMENT.read_text("utf-8"))
    read["components"]["schemas"] = close(read["components"]["schemas"])
    return read


def errors(
    document: dict[str, Any], path: str, body: Any, method: str = "get", status: str = "200"
) -> list[str]:
    """Return what an answer of a path gets wrong."""
    answers = document["paths"][path][method]["responses"][status]["content"]
    schema = {**copy.deepcopy(answers["application/json"]["schema"]), "components": document["components"]}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(body)]


@pytest.mark.parametrize("path", ["/2/tweets/search/recent", "/2/tweets/search/all"])
def test_pages_are_as_x_describes_them(
    start: Callable[..., Any], document: dict[str, Any], path: str
) -> None:
    """A full page with everything in it, an empty one and one with errors follow the document."""
    rules = [Rule(endpoint="*", nth=2, fault="partial_errors"), Rule(endpoint="*", nth=3, fault="empty_page")]
    caller = start(
        {"busy": Topic(total=100)}, rules=rules, clock=iter(range(1_795_176_000, 1_795_179_999)).__next__
    )
    bodies = [caller.get(path, query="busy", **EVERYTHING).json() for _ in range(3)]
    assert set(bodies[0]) == {"data", "includes", "errors", "meta"}
    assert set(bodies[0]["includes"]) == {"users", "media", "posts"}
    assert len(bodies[1]["errors"]) == len(bodies[0]["errors"]) + 1
    assert "data" not in bodies[2]
    for body in bodies:
        assert errors(document, path, body) == []


@pytest.mark.parametrize("path", ["/2/tweets/counts/recent", "/2/tweets/counts/all"])
def test_counts_are_as_x_describes_them(
    start: Callable[..., Any], document: dict[str, Any], path: str
) -> None:
    """Counts follow the document."""
    body = start().get(path, **{"query": "daily", "search_count.fields": "end,post_count,start"}).json()
    assert len(body["data"]) > 100
    assert errors(document, path, body) == []


def test_usage_is_as_x_describes_it(start: Callable[..., Any], document: dict[str, Any]) -> None:
    """Usage follows the document."""
    caller = start()
    caller.recent("daily")
    fields = "cap_reset_day,daily_client_app_usage,daily_project_usage,project_cap,project_id,project_usage"
    body = caller.get("/2/usage/tweets", usage_fields=fields).json()
    assert set(body["data"]) == set(fields.split(","))
    assert errors(document, "/2/usage/tweets", body) == []


def test_posts_by_id_are_as_x_describes_them(start: Callable[..., Any], document: dict[str, Any]) -> None:
    """Posts with everything in them, withheld and edited ones, and errors follow the document."""
    caller = start({"busy": Topic(total=100)})
    ids = caller.ids("busy", max_results=100)
    for post_id, how in zip(ids, ("deleted", "protected", "withheld", "edited"), strict=False):
        caller.sim.withdraw([post_id], how)
    asked = {name: value for name, value in EVERYTHING.items() if name != "max_results"}
    body = caller.get("/2/tweets", ids=",".join(ids), **asked).json()
    assert set(body) == {"data", "includes", "errors"}
    assert errors(document, "/2/tweets", body) == []


def test_every_parameter_of_the_document_is_known(
    document: dict[str, Any], start: Callable[..., Any]
) -> None:
    """The simulator takes each parameter and value that the document lists, and checks find the rest."""
    listed = {
        item["name"]: item["schema"]["items"]["enum"]
        for item in document["components"]["parameters"].values()
    }
    for name in ("post.fields", "user.fields", "media.fields", "poll.fields", "place.fields"):
        assert sorted(POST[name]) == sorted(listed[name]), name
    (expansions,) = [
        item["schema"]["items"]["enum"]
        for key, item in document["components"]["parameters"].items()
        if key == "PostExpansionsParameter"
    ]
    assert sorted(POST["expansions"]) == sorted(expansions)
    assert start().recent("daily", **EVERYTHING).status_code == 200


def test_publishing_is_as_x_describes_it(start: Callable[..., Any], document: dict[str, Any]) -> None:
    """An upload, its post, the timeline with everything in it and the account follow the document."""
    sim = start({}, processing_s=4.0).sim
    token = sim.accounts.grant(sim.accounts.accounts[0])["access_token"]

    def ask(method: str, path: str, template: str = "", status: int = 200, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, sim.url + path, headers=headers, timeout=5, **options)
        assert answer.status_code == status, answer.text
        assert errors(document, template or path, answer.json(), method.lower(), str(status)) == []
        return answer.json()["data"]

    wanted = {"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": 4}
    media_id = ask("POST", "/2/media/upload/initialize", json=wanted)["id"]
    place = f"/2/media/upload/{media_id}"
    segment = {"files": {"media": b"abcd"}, "data": {"segment_index": "0"}}
    ask("POST", f"{place}/append", "/2/media/upload/{id}/append", **segment)
    ask("POST", f"{place}/finalize", "/2/media/upload/{id}/finalize")
    ask("GET", "/2/media/upload", params={"command": "STATUS", "media_id": media_id})
    sim.uploads[0].processing_s = 0
    image = ask("POST", "/2/media/upload", files={"media": b"png"}, data={"media_category": "tweet_image"})[
        "id"
    ]
    ask("POST", "/2/media/metadata", json={"id": image, "metadata": {"alt_text": {"text": "Two lines"}}})
    post = {"text": "One & two https://example.com #tag", "media": {"media_ids": [media_id]}}
    post_id = ask("POST", "/2/tweets", status=201, json=post)["id"]
    everything = {name.replace("_fields", ".fields"): value for name, value in EVERYTHING.items()}
    me = ask("GET", "/2/users/me", params={"user.fields": everything["user.fields"]})["id"]
    (seen,) = ask("GET", f"/2/users/{me}/tweets", "/2/users/{id}/tweets", params=everything)
    assert seen["id"] == post_id
    ask("DELETE", f"/2/tweets/{post_id}", "/2/tweets/{id}")


def test_the_simulator_takes_what_the_document_lists(document: dict[str, Any]) -> None:
    """Media types, categories and the parameters of a post are those of the document."""
    schemas = document["components"]["schemas"]
    media = schemas["InitializeMediaUploadRequest"]["properties"]
    assert set(MEDIA_TYPES) == set(media["media_type"]["enum"])
    assert set(CATEGORIES) == set(media["media_category"]["enum"])
    assert media["total_bytes"]["maximum"] == MEDIA_MAX_BYTES
    assert set(POST_PARAMETERS) == set(schemas["CreatePostsRequest"]["properties"])


def test_the_check_finds_mistakes(document: dict[str, Any]) -> None:
    """A wrong type and an invented field do not pass."""
    for post in ({"id": 1, "text": "a"}, {"id": "1", "tweet": "a"}):
        assert errors(document, "/2/tweets/search/recent", {"data": [post]})
