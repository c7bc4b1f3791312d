"""Who sees the page, and what of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ADDRESSES = ("/twitter/status", "/twitter/status.css", "/twitter/frame.js")


@pytest.mark.parametrize("path", ADDRESSES)
def test_nobody_sees_anything_without_a_login(get: Callable[..., Any], path: str) -> None:
    """Every address of the page answers 401 to a request without a login, and gives nothing away."""
    answer = get(path, role="")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Not authenticated"}


@pytest.mark.parametrize("path", ADDRESSES)
def test_without_the_right_to_read_dags_there_is_no_page(
    get: Callable[..., Any], world: Any, path: str
) -> None:
    """A user who may not read DAGs gets 403 at every address, also when he names a DAG himself."""
    world.dag("twitter_search")
    assert get(path, role="GUEST").status_code == 403
    assert get(f"{path}?dag_id=twitter_search", role="GUEST").status_code == 403


def test_a_user_whose_dags_are_others_gets_nothing(get: Callable[..., Any], world: Any) -> None:
    """A user whose rights name no DAG that exists may read no DAG, so there is no page for him."""
    world.dag("twitter_search")
    assert get(dags=["another"]).status_code == 403


def test_an_invented_token_is_refused(get: Callable[..., Any], api_server: Any) -> None:
    """A token that Airflow did not sign is no login."""
    from starlette.testclient import TestClient

    client = TestClient(api_server)
    client.cookies.set("_token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.")
    assert client.get("/twitter/status").status_code in (401, 403)


def test_a_user_sees_his_own_dags_alone(get: Callable[..., Any], world: Any) -> None:
    """Keywords, runs, windows and queries of a DAG that may not be read are nowhere in the page."""
    for name in ("open", "hidden"):
        dag_id = f"twitter_search__{name}"
        world.dag(dag_id)
        world.run(dag_id, f"{name}-run", "running")
        world.task(dag_id, f"{name}-run", "search", "running")
        world.staged(name, dag_id, f"{name}-run", pages=1)
        world.run(dag_id, f"{name}-partial")
        world.covered(name, dag_id, f"{name}-partial", state="partial", next_token="t", query=f"{name} query")
        world.posts(name, "2026-11-01", 5)
    everything = get().text
    own = get(dags=["twitter_search__open"]).text
    assert "hidden" in everything
    assert "hidden" not in own
    for shown in ("open-run", "open-partial", "open query"):
        assert shown in own


def test_a_keyword_of_two_dags_shows_the_readable_query_alone(get: Callable[..., Any], world: Any) -> None:
    """Where two DAGs collect one keyword, the query and runs of the one that may not be read stay hidden."""
    world.dag("twitter_search__tea")
    world.dag("secret_dag")
    world.covered("tea", "twitter_search__tea", "mine", query="tea lang:en")
    world.covered("tea", "secret_dag", "theirs", query="tea from:somebody")
    text = get(dags=["twitter_search__tea"]).text
    assert "tea lang:en" in text
    assert "somebody" not in text
    assert "theirs" not in text


def test_data_of_a_dag_that_is_gone_follows_airflows_own_answer(get: Callable[..., Any], world: Any) -> None:
    """What a deleted DAG collected is still shown to who may read every DAG, and to nobody else."""
    world.dag("twitter_search")
    world.covered("coffee", "twitter_search__coffee", "old-run")
    assert "coffee" in get().text
    assert "coffee" not in get(dags=["twitter_search"]).text


def test_limits_are_for_who_may_read_assets(get: Callable[..., Any], world: Any) -> None:
    """The rate limit is asset state, and is shown to those alone who may read assets."""
    world.dag("twitter_search")
    world.heard("twitter_default.recent", '{"blocked_until": "2099-01-01T00:00:00+00:00", "refusals": 1}')
    assert "2099-01-01" in get().text
    hidden = get(role="NO_ASSETS")
    assert hidden.status_code == 200
    assert "2099-01-01" not in hidden.text


def test_nothing_is_kept_and_nothing_foreign_is_loaded(get: Callable[..., Any], world: Any) -> None:
    """The page may be framed by its own server alone, runs no script but its own, and is never cached."""
    world.dag("twitter_search")
    headers = get().headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
