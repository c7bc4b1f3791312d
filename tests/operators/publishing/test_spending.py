"""What posts cost is noted in the ledger, and asked of the budgets before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from tests.publishing.films import film
from tests.publishing_in_memory import ACCOUNT, RUN, Publishing, texts

from airflow_twitter.api.errors import NetworkError
from airflow_twitter.api.prices import PRICES
from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Rule, Simulator
from airflow_twitter.spending.ledger import Ledger

Start = Callable[..., Simulator]
UNPUBLISH = {"account": "main", "post": RUN}


@pytest.fixture
def budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the budget of a day."""
    path = tmp_path / "spending.yaml"
    monkeypatch.setenv("TWITTER_SPENDING", str(path))

    def write(day: float) -> None:
        path.write_text(f"budgets:\n  twitter_default: {{day: {day}}}\n")

    return write


def spent(airflow: Publishing) -> float:
    """What the ledger says of today, in dollars."""
    return Ledger(airflow.store, "twitter_default").day(datetime.now(UTC)).dollars


def reserved(airflow: Publishing) -> float:
    """What is set aside for requests without an answer, in dollars."""
    return Ledger(airflow.store, "twitter_default").day(datetime.now(UTC)).reserved


@pytest.mark.parametrize("fault", [None, "lost_answer"])
@pytest.mark.parametrize("text", ["Hello", "See https://example.com"])
def test_ledger_is_the_book(
    airflow: Publishing, start_simulator: Start, text: str, fault: str | None
) -> None:
    """The ledger says what the simulator charges, also when an answer got lost, and after running everything again."""
    rules = [Rule(endpoint="create_post", fault=fault, nth=1)] if fault else []
    simulator = start_simulator(rules=rules)
    airflow.publish(text=text)
    for _ in range(2):
        airflow.post()

    assert spent(airflow) == pytest.approx(simulator.book.dollars)
    assert spent(airflow) >= airflow.record().details["price"]


KINDS: dict[str, tuple[dict[str, Any], float]] = {
    "text": ({"text": "Hello"}, 0.015),
    "link": ({"text": "See https://example.com"}, 0.200),
    "video": ({"text": "Look", "video": "good.mp4"}, 0.015),
    "video and link": ({"text": "Look: example.com/a", "video": "good.mp4"}, 0.200),
    "captions": ({"text": "Look", "video": "good.mp4", "captions": "good.srt"}, 0.015),
}


@pytest.mark.parametrize("tokens", ["oauth1", "oauth2"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_request_of_a_post_is_in_the_ledger(
    airflow: Publishing,
    start_simulator: Start,
    connect: Callable[..., None],
    data_folder: Path,
    kind: str,
    tokens: str,
) -> None:
    """From the look for the same post to its deletion: what the ledger says is what X bills, in units and dollars."""
    simulator = start_simulator()
    me = 0.0
    if tokens == "oauth2":
        me = 0.010  # only an OAuth 1.0a token tells whose it is
        connect(simulator.url, "", "", oauth2_user_token=simulator.accounts.grant(ACCOUNT)["access_token"])
    folder = data_folder / "videos"
    folder.mkdir(parents=True)
    film(folder / "good.mp4", seconds=1.0)
    (folder / "good.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    asked, price = KINDS[kind]
    simulator.post_by_hand("By hand")
    airflow.publish(**asked)
    assert airflow.record().details["price"] == price

    airflow.post()
    looked = 0.001  # the post that was there before
    assert spent(airflow) == simulator.book.dollars == pytest.approx(price + looked + me)

    airflow.task("twitter_unpublish", "delete", {"account": "main", "post": RUN}, run_id="manual__9")
    assert spent(airflow) == simulator.book.dollars == pytest.approx(price + looked + me + 0.010)

    units = dict(Ledger(airflow.store, "twitter_default").day(datetime.now(UTC)).units)
    created = "post_created" if price == 0.015 else "post_with_url_created"
    bought_me = {"user_read": 1} if me else {}
    assert units == {created: 1, "own_post_read": 1, "post_deleted": 1, **bought_me}
    assert PRICES.cost(units) == simulator.book.dollars
    # Uploads, their status and captions have no price.
    dear = {entry.endpoint for entry in simulator.book.requests if entry.cost}
    assert dear == {"create_post", "delete_post"}


def test_looks_are_billed_once_a_day(airflow: Publishing, start_simulator: Start) -> None:
    """A lost answer has the timeline read again and again; X bills each of its posts once a day, and so do we."""
    simulator = start_simulator(rules=[Rule(endpoint="create_post", fault="reset_before", nth=1)])
    for number in range(3):
        simulator.post_by_hand(f"By hand {number}")
    airflow.publish(text="Hello")
    airflow.step("create_post")
    airflow.step("create_post")

    reads = [len(entry.read) for entry in simulator.book.to("timeline")]
    assert len(reads) >= 2
    assert min(reads) >= 3
    assert spent(airflow) == pytest.approx(simulator.book.dollars)


@pytest.mark.parametrize("fault", ["lost_answer", "reset_before"])
@pytest.mark.parametrize("tries", [1, 2])
def test_deletion_that_got_lost(
    airflow: Publishing,
    start_simulator: Start,
    monkeypatch: pytest.MonkeyPatch,
    impatient: None,
    fault: str,
    tries: int,
) -> None:
    """Whatever gets lost of a deletion, inside of a try or between two, X bills it once, and the ledger says so."""
    simulator = start_simulator(rules=[Rule(endpoint="delete_post", fault=fault, nth=(1, tries))])
    airflow.publish(text="Hello")
    airflow.post()
    for number in range(1, tries + 2):
        try:
            airflow.task("twitter_unpublish", "delete", UNPUBLISH, run_id="manual__9", try_number=number)
        except NetworkError:
            assert reserved(airflow) in (0.0, 0.010)

    assert texts(simulator) == []
    assert airflow.record().state is PostState.DELETED
    assert spent(airflow) == pytest.approx(simulator.book.dollars)
    assert reserved(airflow) == 0.0


def test_deletion_of_what_is_gone(airflow: Publishing, start_simulator: Start) -> None:
    """A post that somebody deleted by hand costs nothing to delete; a refused deletion neither."""
    simulator = start_simulator(rules=[Rule(endpoint="delete_post", fault="credits", nth=1)])
    airflow.publish(text="Hello")
    airflow.post()
    before = spent(airflow)
    with pytest.raises(AirflowRescheduleException):
        airflow.task("twitter_unpublish", "delete", UNPUBLISH, run_id="manual__9")
    assert (spent(airflow), reserved(airflow)) == (before, 0.0)
    airflow.release()
    post = simulator.posts[0]
    simulator.service.publishing.posts.delete(post.account, str(post.id))

    airflow.task("twitter_unpublish", "delete", UNPUBLISH, run_id="manual__9")
    assert airflow.record().state is PostState.DELETED
    assert (spent(airflow), reserved(airflow)) == (before, 0.0)
    assert spent(airflow) == pytest.approx(simulator.book.dollars)


def test_no_budget_keeps_a_post_on_x(
    airflow: Publishing, start_simulator: Start, budget: Callable[[float], None]
) -> None:
    """A post can be taken back though the day's budget is spent."""
    budget(0.02)
    simulator = start_simulator()
    airflow.publish(text="Hello")
    airflow.post()
    airflow.task("twitter_unpublish", "delete", UNPUBLISH, run_id="manual__9")
    assert texts(simulator) == []
    assert spent(airflow) == pytest.approx(0.025)


def test_dry_run_costs_nothing(airflow: Publishing, start_simulator: Start) -> None:
    """A dry run buys nothing and asks nothing."""
    simulator = start_simulator()
    airflow.prepare(text="See https://example.com", dry_run=True)
    assert (spent(airflow), simulator.book.requests) == (0.0, [])


def test_budget_holds_the_account(
    airflow: Publishing, start_simulator: Start, budget: Callable[[float], None]
) -> None:
    """A budget that does not hold the next post holds the account before anything is sent; raised, it goes on."""
    budget(0.02)
    simulator = start_simulator()
    for number in (1, 2):
        airflow.publish(text=f"Post {number}", run_id=f"manual__{number}")
    airflow.post()

    assert isinstance(airflow.step("create_post", run_id="manual__2"), datetime)

    state = airflow.state("create_post", run_id="manual__2")
    assert (state["state"], state["error_type"]) == ("held", "budget")
    assert texts(simulator) == ["Post 1"]
    budget(1.0)
    airflow.release()
    airflow.post(run_id="manual__2")
    assert texts(simulator) == ["Post 1", "Post 2"]


def test_refused_costs_nothing(
    airflow: Publishing, start_simulator: Start, budget: Callable[[float], None]
) -> None:
    """What X refused was not sold: its price is free for the next try."""
    budget(0.02)
    simulator = start_simulator(rules=[Rule(endpoint="create_post", fault="credits", nth=(1, 3))])
    airflow.publish(text="Hello")
    for _ in range(3):
        assert isinstance(airflow.step("create_post"), datetime)
        assert airflow.state("create_post")["error_type"] == "credits"
        airflow.release()
    airflow.post(run_id=RUN)
    assert texts(simulator) == ["Hello"]
