"""A post is created exactly once, whatever happens to the request, its answer or the worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from desk import LOOKING, TEXT, Desk, client_of, rule

from airflow_twitter.api import errors as x
from airflow_twitter.posts.store import Store
from airflow_twitter.publishing.create import create_post
from airflow_twitter.publishing.decisions import cancel, mark_not_posted, mark_posted
from airflow_twitter.publishing.errors import (
    BusyError,
    CancelledError,
    DuplicateError,
    ExpiredError,
    LookAgain,
    UnknownOutcomeError,
)
from airflow_twitter.publishing.record import Content
from airflow_twitter.publishing.records import Records
from airflow_twitter.publishing.states import PostState
from airflow_twitter.simulator import Rule, Simulator


def test_created_once_and_written_down(desk: Desk) -> None:
    """The post is made, its id and address are in the record, and a second call changes nothing."""
    record = desk.create()
    assert desk.posts == [record.post_id]
    assert record.post_url == f"https://x.com/i/status/{record.post_id}"
    assert (record.state, record.found, record.intent.sent_at, record.posted_at) == (
        PostState.POSTED,
        False,
        None,
        desk.clock(),
    )
    assert desk.create() == desk.records.read("acme", "first") == record
    assert (desk.sends, len(desk.posts)) == (1, 1)


def test_flags_reach_x(desk: Desk) -> None:
    """What was made with AI, or paid for, is posted as such."""
    content = Content(text="flags", made_with_ai=True, paid_partnership=True)
    desk.records.open("acme", "second", content)
    desk.create("second")
    assert [(post.made_with_ai, post.paid_partnership) for post in desk.simulator.posts] == [(True, True)]


def test_lost_answer_is_found_on_the_timeline(desk: Desk) -> None:
    """The answer is lost and the post exists: it is found at once, by its text, and not sent again."""
    desk.simulator.add_rules([rule("lost_answer")])
    record = desk.create()
    assert (record.found, [record.post_id], desk.sends) == (True, desk.posts, 1)


@pytest.mark.parametrize("fault", ["cut", "truncated_json", "html"])
def test_unreadable_answer_is_a_lost_one(desk: Desk, fault: str) -> None:
    """Half an answer, or an edge's page, says nothing about the post."""
    desk.simulator.add_rules([rule(fault)])
    with suppress(UnknownOutcomeError):
        desk.until_done()
    assert desk.sends == 1
    assert len(desk.posts) == (0 if fault == "html" else 1)


def test_post_that_shows_late_is_waited_for(desk: Desk) -> None:
    """A timeline that lags behind is looked at again, without a second request to create."""
    desk.simulator.add_rules(
        [rule("lost_answer"), Rule(endpoint="timeline", fault="late_index", params={"lag_s": 40.0})]
    )
    record = desk.until_done()
    assert (record.found, [record.post_id], desk.sends) == (True, desk.posts, 1)
    assert [event.state for event in record.history][-2:] == [PostState.POSTING, PostState.POSTED]


@pytest.mark.parametrize("fault", ["reset_before", "server_error"])
def test_lost_request_ends_unknown_and_a_person_decides(desk: Desk, fault: str) -> None:
    """Nothing tells whether the post exists: it is looked for, for the stated time, and never sent by itself."""
    desk.simulator.add_rules([rule(fault)])
    begun = desk.clock()
    with pytest.raises(UnknownOutcomeError, match="Look at the account"):
        desk.until_done()
    assert timedelta(seconds=60) <= desk.clock() - begun < timedelta(seconds=90)
    assert desk.records.read("acme", "first").state is PostState.UNKNOWN
    with pytest.raises(UnknownOutcomeError):
        desk.create()
    assert (desk.sends, desk.posts) == (1, [])
    mark_not_posted(desk.records, "acme", "first", by="ann")
    assert [desk.until_done().post_id] == desk.posts


def test_unknown_post_that_appears_later_is_found(desk: Desk) -> None:
    """A later run of the task looks once more, which settles it."""
    desk.simulator.add_rules(
        [rule("lost_answer"), Rule(endpoint="timeline", fault="late_index", params={"lag_s": 500.0})]
    )
    with pytest.raises(UnknownOutcomeError):
        desk.until_done()
    desk.clock.pass_s(500)
    assert [desk.create().post_id] == desk.posts
    assert desk.sends == 1


def test_wrong_decision_does_not_post_twice(desk: Desk) -> None:
    """Somebody said "not posted" of a post that was there all the time: X refuses the text, and it is found."""
    desk.simulator.add_rules(
        [rule("lost_answer"), Rule(endpoint="timeline", fault="late_index", params={"lag_s": 200.0})]
    )
    with pytest.raises(UnknownOutcomeError):
        desk.until_done()
    mark_not_posted(desk.records, "acme", "first", by="ann")
    desk.clock.pass_s(90)
    record = desk.until_done()
    assert (record.found, [record.post_id], desk.sends) == (True, desk.posts, 2)


def test_marked_as_posted_is_not_sent(desk: Desk) -> None:
    """After "posted" nothing more goes out."""
    desk.simulator.add_rules([rule("reset_before")])
    with pytest.raises(UnknownOutcomeError):
        desk.until_done()
    mark_posted(desk.records, "acme", "first", "https://x.com/sim_publisher/status/123", by="ann")
    assert (desk.create().post_id, desk.sends) == ("123", 1)


def test_refused_connection_sent_nothing(desk: Desk, simulator: Simulator) -> None:
    """When X cannot have seen the request, the post simply waits, and goes out later."""
    timeline = desk.client.timeline
    address = desk.client.base_url

    def then_unplug(*args: Any, **kwargs: Any) -> Any:
        posts = timeline(*args, **kwargs)
        desk.client.close()
        desk.client.base_url = "http://127.0.0.1:9"
        return posts

    desk.client.timeline = then_unplug  # type: ignore[method-assign]
    with pytest.raises(x.NetworkError) as caught:
        desk.create()
    assert not caught.value.sent
    record = desk.records.read("acme", "first")
    assert (record.state, record.intent.sent_at) == (PostState.WAITING, None)
    desk.client.timeline = timeline  # type: ignore[method-assign]
    desk.client.base_url = address
    assert [desk.create().post_id] == desk.posts


@pytest.mark.parametrize(
    ("fault", "kind", "params"),
    [
        ("rate_limited", x.RateLimitedError, {}),
        ("rate_limited", x.RateLimitedError, {"daily": "user"}),
        ("usage_cap", x.UsageCapError, {}),
        ("credits", x.CreditsError, {}),
        ("bad_credentials", x.CredentialsError, {}),
        ("unauthorized", x.AuthError, {}),
    ],
)
def test_refusal_says_that_nothing_was_created(
    desk: Desk, fault: str, kind: type[x.XError], params: dict[str, Any]
) -> None:
    """Limits, caps, credits and keys: the error comes through, nothing is pending, and the next try posts."""
    desk.simulator.add_rules([rule(fault, params=params)])
    with pytest.raises(kind):
        desk.create()
    assert desk.records.read("acme", "first").intent.sent_at is None
    assert [desk.create().post_id] == desk.posts


def test_posted_by_hand_meanwhile_is_found_before_sending(desk: Desk) -> None:
    """Somebody posted the text in the app while it waited: it is found, and nothing is sent."""
    desk.clock.pass_s(300)
    by_hand = desk.simulator.post_by_hand(TEXT)
    desk.clock.pass_s(300)
    record = desk.create()
    assert (record.post_id, record.found, desk.sends) == (str(by_hand.id), True, 0)


def test_older_post_of_this_text_is_a_duplicate(records: Records, simulator: Simulator, clock: Any) -> None:
    """X refuses a text that was posted before this run: the run names that post and does not call it its own."""
    by_hand = simulator.post_by_hand(TEXT)
    clock.pass_s(3600)
    desk = Desk(simulator, records, clock)
    with pytest.raises(DuplicateError, match=str(by_hand.id)) as caught:
        desk.until_done()
    assert caught.value.post_url == f"https://x.com/i/status/{by_hand.id}"
    record = records.read("acme", "first")
    assert (record.state, record.post_id, len(desk.posts)) == (PostState.DUPLICATE, None, 1)


def test_refusal_without_such_a_post_is_a_refusal(desk: Desk) -> None:
    """A 403 that no post explains is told as such, after the account was looked at for the stated time."""
    desk.simulator.add_rules([rule("forbidden", nth=(1, None))])
    with pytest.raises(x.PostRefusedError):
        desk.until_done()
    record = desk.records.read("acme", "first")
    assert (record.state, record.intent.refused_at, desk.sends) == (PostState.FAILED, None, 1)
    desk.simulator.clear_rules()
    assert [desk.until_done().post_id] == desk.posts


def test_same_words_with_another_link_are_not_ours(desk: Desk) -> None:
    """A post by hand that differs in its link alone does not stop this one."""
    desk.simulator.post_by_hand(TEXT.replace("a=1", "a=2"))
    record = desk.create()
    assert (record.found, len(desk.posts), desk.sends) == (False, 2, 1)


def test_post_of_another_run_is_not_ours(desk: Desk) -> None:
    """With allow_duplicate two runs of one text do not take each other's post for their own."""
    desk.records.open("acme", "second", Content(text=TEXT), allow_duplicate=True)
    first = desk.create()
    with pytest.raises(DuplicateError, match=str(first.post_id)) as caught:
        desk.until_done("second")
    assert caught.value.first == "first"
    desk.clock.pass_s(90_000)
    assert desk.until_done("second").post_id != first.post_id
    assert len(desk.posts) == 2


def test_second_run_that_was_opened_meanwhile_stops(desk: Desk) -> None:
    """A failed run that is cleared after another took over its content stops, and names the other."""
    desk.records.note("acme", "first", PostState.FAILED, "Failed.")
    desk.records.open("acme", "second", Content(text=TEXT))
    desk.create("second")
    with pytest.raises(DuplicateError) as caught:
        desk.create()
    assert (caught.value.first, len(desk.posts)) == ("second", 1)


def test_expired_post_is_not_sent(desk: Desk) -> None:
    """After its time a post is not sent any more; one that went out in time is found all the same."""
    end = desk.clock() + timedelta(seconds=10)
    desk.simulator.add_rules(
        [rule("lost_answer"), Rule(endpoint="timeline", fault="late_index", params={"lag_s": 5.0})]
    )
    with pytest.raises(LookAgain):
        desk.create(not_after=end)
    desk.clock.pass_s(20)
    assert desk.create(not_after=end).post_id == desk.posts[0]
    desk.records.open("acme", "second", Content(text="another"))
    with pytest.raises(ExpiredError):
        desk.create("second", not_after=end)
    assert len(desk.posts) == 1


def test_cancelled_post_is_not_sent(desk: Desk) -> None:
    """After a cancellation nothing goes out."""
    cancel(desk.records, "acme", "first", by="ann")
    with pytest.raises(CancelledError):
        desk.create()
    assert desk.posts == []


def test_two_workers_send_once(desk: Desk, store: Store, clock: Callable[[], Any]) -> None:
    """While one worker sends, another is told to look again; afterwards it finds the post."""
    desk.simulator.add_rules([rule("slow", params={"delay_s": 1.0})])
    outcomes: list[str] = []

    def work() -> None:
        records = Records(store, now=clock)
        with client_of(desk.simulator) as client:
            try:
                create_post(records, "acme", "first", client, looking=LOOKING)
                outcomes.append("posted")
            except BusyError:
                outcomes.append("busy")

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert len(outcomes) == 4
    assert "posted" in outcomes
    assert (desk.sends, [desk.create().post_id]) == (1, desk.posts)


def test_timeline_that_fails_keeps_everything(desk: Desk) -> None:
    """When the look itself fails, nothing is sent, and nothing is decided."""
    desk.simulator.add_rules([rule("rate_limited", "timeline")])
    with pytest.raises(x.RateLimitedError):
        desk.create()
    assert desk.sends == 0
    desk.simulator.add_rules([rule("lost_answer"), rule("server_error", "timeline", nth=2)])
    with pytest.raises(x.ServerError):
        desk.create()
    assert [desk.create().post_id] == desk.posts
    assert desk.sends == 1


def test_post_that_appears_after_all_is_found_though_another_is_allowed(desk: Desk) -> None:
    """Sent, not to be seen, "not posted", and then it shows: with `allow_duplicate` too it is not sent again."""
    desk.records.open("acme", "second", Content(text="Twice"), allow_duplicate=True)
    desk.simulator.add_rules(
        [rule("lost_answer"), Rule(endpoint="timeline", fault="late_index", params={"lag_s": 200.0})]
    )
    with pytest.raises(UnknownOutcomeError):
        desk.until_done("second")
    mark_not_posted(desk.records, "acme", "second", by="ann")
    desk.clock.pass_s(200)
    record = desk.until_done("second")
    assert (record.found, [record.post_id], desk.sends) == (True, desk.posts, 1)


def test_another_is_allowed_after_a_plain_no(desk: Desk) -> None:
    """After a limit nothing is in doubt: with `allow_duplicate` a post by hand in between is not ours."""
    desk.records.open("acme", "second", Content(text="Twice"), allow_duplicate=True)
    desk.simulator.add_rules([rule("usage_cap")])
    with pytest.raises(x.UsageCapError):
        desk.create("second")
    desk.simulator.post_by_hand("Twice")
    desk.clock.pass_s(90_000)
    assert not desk.until_done("second").found
    assert len(desk.posts) == 2
