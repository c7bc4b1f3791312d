"""Looking posts up by id, and what becomes of posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.simulator.conftest import Clock

from airflow_twitter.simulator import Rule

Start = Callable[..., Any]
LOOKUP = "/2/tweets"


def test_posts_are_found_by_id(start: Start) -> None:
    """A hundred ids give the same posts as a search, in the order asked for, and are sold."""
    caller = start()
    (page,) = caller.pages("accounting", max_results=100, tweet_fields="created_at")
    ids = [post["id"] for post in page["data"]][::-1]

    answer = caller.get(LOOKUP, ids=",".join(ids), tweet_fields="created_at").json()

    assert answer["data"] == page["data"][::-1]
    assert "errors" not in answer
    assert caller.sim.book.to("lookup")[0].ids == ids


def test_posts_that_others_refer_to_are_found(start: Start) -> None:
    """What came in includes can be looked up as well; what was gone then stays gone."""
    caller = start()
    (page,) = caller.pages(
        "accounting", max_results=100, expansions="referenced_tweets.id", tweet_fields="referenced_tweets"
    )
    included = [post["id"] for post in page["includes"]["tweets"]]
    gone = [error["resource_id"] for error in page["errors"]]

    answer = caller.get(LOOKUP, ids=",".join([*included, *gone])).json()

    assert [post["id"] for post in answer["data"]] == included
    assert [error["resource_id"] for error in answer["errors"]] == gone


def test_unknown_and_future_posts_are_not_found(start: Start, clock: Clock) -> None:
    """Ids of no post, and of posts that are not written yet, are told as not found, and are not sold."""
    caller = start()
    clock.move(86_400)
    (later, *_) = caller.ids("daily", max_results=100)
    clock.move(-86_400)

    answer = caller.get(LOOKUP, ids=f"17,{later}").json()

    assert "data" not in answer
    assert [error["type"].rpartition("/")[2] for error in answer["errors"]] == ["resource-not-found"] * 2
    assert caller.sim.book.to("lookup")[0].ids == []


@pytest.mark.parametrize(
    ("how", "problem"),
    [("deleted", "resource-not-found"), ("protected", "not-authorized-for-resource")],
)
def test_withdrawn_posts_are_shown_nowhere(start: Start, how: str, problem: str) -> None:
    """A deleted post, or one of a protected author, is in no search, count or look-up, until it is restored."""
    caller = start()
    ids = caller.ids("accounting", max_results=100)
    caller.sim.withdraw(ids[:2], how)

    assert caller.ids("accounting", max_results=100) == ids[2:] == caller.sim.truth("accounting")
    counts = caller.get("/2/tweets/counts/recent", query="accounting", granularity="day").json()
    assert counts["meta"]["total_tweet_count"] == len(ids) - 2
    answer = caller.get(LOOKUP, ids=",".join(ids[:3])).json()
    assert [post["id"] for post in answer["data"]] == ids[2:3]
    assert [error["resource_id"] for error in answer["errors"]] == ids[:2]
    assert {error["type"] for error in answer["errors"]} == {f"https://api.twitter.com/2/problems/{problem}"}

    caller.sim.withdraw(ids[:2], "restored")
    assert caller.ids("accounting", max_results=100) == ids


def test_withheld_and_edited_posts_say_so(start: Start) -> None:
    """A post that is withheld somewhere names the countries; an edited one names its later version."""
    caller = start()
    withheld, edited = caller.ids("sevdesk")
    caller.sim.withdraw([withheld], "withheld")
    caller.sim.withdraw([edited], "edited")

    first, second = caller.get(LOOKUP, ids=f"{withheld},{edited}", tweet_fields="withheld").json()["data"]

    assert first["withheld"] == {"copyright": False, "country_codes": ["DE", "FR"]}
    assert (second["edit_history_tweet_ids"][0], len(second["edit_history_tweet_ids"])) == (edited, 2)


def test_a_withdrawn_post_is_not_included(start: Start) -> None:
    """A post that others refer to is an error in their includes once it is gone."""
    caller = start()
    asked = {"max_results": 100, "expansions": "referenced_tweets.id"}
    (page,) = caller.pages("accounting", **asked)
    gone = page["includes"]["tweets"][0]["id"]
    caller.sim.withdraw([gone])

    (page,) = caller.pages("accounting", **asked)

    assert gone not in [post["id"] for post in page["includes"]["tweets"]]
    assert gone in [error["resource_id"] for error in page["errors"]]


@pytest.mark.parametrize("ids", ["", "a", "1,b", ",".join(map(str, range(1, 102))), "12345678901234567890"])
def test_bad_ids_are_refused(start: Start, ids: str) -> None:
    """No ids, over a hundred, and what is no id are answered with 400 that names the parameter."""
    answer = start().get(LOOKUP, ids=ids)
    assert answer.status_code == 400
    assert "ids" in answer.json()["errors"][0]["parameters"]


def test_rules_hold_here_too(start: Start) -> None:
    """Look-ups have their own window and can be told to go wrong."""
    caller = start(limits={"lookup": 2}, rules=[Rule(endpoint="lookup", nth=1, fault="credits")])
    assert [caller.get(LOOKUP, ids="17").status_code for _ in range(3)] == [402, 200, 429]


def test_posts_are_withdrawn_over_http(start: Start) -> None:
    """Another process can withdraw and restore posts, and see which are."""
    caller = start()
    (first, _) = caller.ids("sevdesk")
    control = f"{caller.sim.url}/_simulator/withdrawn"

    told = caller.session.post(control, json={"ids": [first], "how": "deleted"}, timeout=20).json()
    assert told == caller.session.get(control, timeout=20).json() == {first: "deleted"}
    assert len(caller.ids("sevdesk")) == 1

    assert caller.session.post(control, json={"ids": [first], "how": "restored"}, timeout=20).json() == {}
    refused = caller.session.post(control, json={"ids": [first], "how": "eaten"}, timeout=20)
    assert (refused.status_code, "eaten" in refused.json()["error"]) == (400, True)
