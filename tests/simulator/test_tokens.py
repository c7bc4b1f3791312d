"""Pagination tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_both_token_parameters_work(start: Callable[..., Any]) -> None:
    """The token is taken as next_token and as pagination_token, not as both."""
    caller = start()
    token = caller.recent("accounting").json()["meta"]["next_token"]
    one = caller.recent("accounting", next_token=token)
    other = caller.recent("accounting", pagination_token=token)
    assert one.json() == other.json()
    assert caller.recent("accounting", pagination_token=token, next_token=token).status_code == 400


def test_a_token_belongs_to_its_query(start: Callable[..., Any]) -> None:
    """A token of another query, window or endpoint, and a damaged one, are refused by name."""
    caller = start()
    token = caller.recent("accounting").json()["meta"]["next_token"]
    window = {"start_time": "2026-11-17T12:00:00Z"}
    for answer in (
        caller.recent("daily", next_token=token),
        caller.recent("accounting", next_token=token, **window),
        caller.archive("accounting", next_token=token),
        caller.recent("accounting", next_token=token[:-1] + ("a" if token[-1] != "a" else "b")),
        caller.recent("accounting", next_token="nonsense"),
    ):
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert list(error["parameters"]) == ["next_token"]


def test_tokens_outlive_the_process(start: Callable[..., Any]) -> None:
    """Another simulator of the same world goes on from a token."""
    token = start().recent("accounting").json()["meta"]["next_token"]
    caller = start()
    found = [post["id"] for post in caller.recent("accounting", next_token=token).json()["data"]]
    assert found == caller.sim.truth("accounting")[10:20]
