"""Checking stored posts again, and taking out what X no longer shows."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException
from tests.airflow_in_memory import NOON, Airflow

from airflow_twitter.api.client import XClient
from airflow_twitter.operators.recheck import TwitterLookupOperator, TwitterRecheckPlanOperator
from airflow_twitter.operators.withdraw import TwitterWithdrawOperator
from airflow_twitter.posts.store import Store
from airflow_twitter.simulator import Rule, Simulator
from airflow_twitter.spending.ledger import Ledger

Start = Callable[..., Simulator]
ACCOUNTING = {"keyword": "accounting", "max_results": 100}
RUN = "manual__check"

pytestmark = pytest.mark.usefixtures("clock")


class Check:
    """The tasks of one check."""

    def __init__(self, airflow: Airflow) -> None:
        self.airflow = airflow

    def price(self, run_id: str = RUN, **options: Any) -> dict[str, Any]:
        """Make the plan."""
        options = {"again_after_days": 0, **options}
        return TwitterRecheckPlanOperator(task_id="price", **options).execute(self.context("price", run_id))

    def look_up(self, run_id: str = RUN, **options: Any) -> dict[str, Any]:
        """Ask X."""
        context = self.context("look_up", run_id)
        told = TwitterLookupOperator(task_id="look_up", **options).execute(context)
        context["ti"].xcom_push("return_value", told)
        return told

    def withdraw(self, run_id: str = RUN, **options: Any) -> dict[str, Any]:
        """Take out what is gone."""
        return TwitterWithdrawOperator(task_id="withdraw", **options).execute(
            self.context("withdraw", run_id)
        )

    def all(self, run_id: str = RUN, **options: Any) -> dict[str, Any]:
        """Do the whole check."""
        self.price(run_id)
        self.look_up(run_id)
        return self.withdraw(run_id, **options)

    def context(self, task_id: str, run_id: str) -> Any:
        """What a task is given."""
        return self.airflow.context(task_id, run_id=run_id)


@pytest.fixture
def check(airflow: Airflow, clock: time_machine.Traveller) -> Check:
    """A check, a second after what was collected."""
    return Check(airflow)


def stored(data_folder: Path, folder: str = "posts/accounting") -> list[dict[str, Any]]:
    """The lines of a part of the dataset."""
    files = sorted((data_folder / folder).glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def ids(lines: list[dict[str, Any]]) -> list[str]:
    """The ids of lines."""
    return [line["id"] for line in lines]


def exported(data_folder: Path) -> list[str]:
    """The ids in the export."""
    return ids(json.loads((data_folder / "tweets_accounting.json").read_bytes()))


def report(data_folder: Path, run_id: str = RUN) -> dict[str, Any]:
    """The report of a check."""
    return dict(json.loads((data_folder / "rechecks" / f"{run_id}.json").read_bytes()))


@pytest.fixture
def collected(airflow: Airflow, start_simulator: Start, clock: time_machine.Traveller) -> Simulator:
    """A simulator of which all posts were collected an hour ago."""
    simulator = start_simulator()
    airflow.collect(ACCOUNTING)
    clock.shift(timedelta(hours=1))
    return simulator


def test_gone_posts_are_removed(collected: Simulator, check: Check, data_folder: Path) -> None:
    """Deleted, protected and withheld posts leave the dataset and the export; the report names each with its reason."""
    every = collected.truth("accounting")
    for post_id, how in zip(every, ("deleted", "protected", "withheld", "edited"), strict=False):
        collected.withdraw([post_id], how)

    counts = check.all()

    assert counts == {
        "checked": 60,
        "gone": {"deleted": 1, "protected": 1, "withheld": 1},
        "changed": 1,
        "unanswered": 0,
        "left": 0,
        "removed": 3,
        "media_removed": 0,
        "stopped": None,
    }
    assert ids(stored(data_folder)) == exported(data_folder) == every[:2:-1]
    told = report(data_folder)
    assert told["gone"] == {"deleted": every[:1], "protected": every[1:2], "withheld": every[2:3]}
    assert told["changed"] == every[3:4]
    assert not list(data_folder.glob("staging/*/manual__check"))


def test_shown_posts_are_the_newest_observation(
    collected: Simulator, check: Check, data_folder: Path
) -> None:
    """What X shows replaces what was stored: paid for, it is kept, and counts as seen."""
    edited = collected.truth("accounting")[0]
    collected.withdraw([edited], "edited")
    check.all()

    lines = {line["id"]: line for line in stored(data_folder)}
    assert len(lines[edited]["edit_history_tweet_ids"]) == 2
    assert {line["_fetched_at"] for line in lines.values()} == {"2026-12-01T13:00:00.000000Z"}
    assert {line["_run_id"] for line in lines.values()} == {RUN}


def test_redacted(
    collected: Simulator, check: Check, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """Redacted, a post keeps its id and loses its text and everything else; it is not asked for again."""
    gone = collected.truth("accounting")[0]
    collected.withdraw([gone])

    assert check.all(action="redact")["removed"] == 1

    (line,) = [line for line in stored(data_folder) if line["id"] == gone]
    assert (line["text"], line["_withdrawn"]) == ("", "deleted")
    assert set(line) == {"id", "text", "_withdrawn", "_fetched_at", "_run_id", "_page"}
    assert len(exported(data_folder)) == 60
    clock.shift(timedelta(hours=1))
    assert check.price("manual__again")["due"] == 59


def test_staged_pages_do_not_bring_it_back(
    airflow: Airflow, collected: Simulator, check: Check, data_folder: Path
) -> None:
    """Merging the pages of before again leaves a removed post out; only its id is kept of it."""
    gone = collected.truth("accounting")[0]
    collected.withdraw([gone])
    check.all()

    airflow.validate()
    airflow.merge(clear_number=1)

    assert gone not in ids(stored(data_folder)) + exported(data_folder)
    (kept,) = [json.loads(line) for file in data_folder.glob("withdrawn/posts/*") for line in file.open()]
    assert kept == {"id": gone, "at": "2026-12-01T13:00:00.000000Z", "reason": "deleted"}


def test_a_post_that_is_there_again(
    airflow: Airflow, collected: Simulator, check: Check, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """A post that a later search finds is stored again: the newest observation wins."""
    gone = collected.truth("accounting")[0]
    collected.withdraw([gone], "protected")
    check.all()
    collected.withdraw([gone], "restored")
    clock.shift(timedelta(hours=1))

    airflow.collect({**ACCOUNTING, "start_time": "2026-11-26"}, run_id="manual__2")

    assert gone in ids(stored(data_folder))


def test_includes_and_media(
    airflow: Airflow, start_simulator: Start, check: Check, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """Referenced posts are checked as well, and the media of a removed post go with it."""
    simulator = start_simulator()
    airflow.collect({**ACCOUNTING, "expand": True})
    clock.shift(timedelta(hours=1))
    included = ids(stored(data_folder, "includes/accounting/posts"))
    with_media = next(line for line in stored(data_folder) if "attachments" in line)
    simulator.withdraw([included[0], with_media["id"]])

    counts = check.all()

    assert (counts["checked"], counts["removed"], counts["media_removed"]) == (60 + len(included), 2, 1)
    assert ids(stored(data_folder, "includes/accounting/posts")) == included[1:]
    kept = [line["media_key"] for line in stored(data_folder, "includes/accounting/media")]
    assert kept
    assert with_media["attachments"]["media_keys"][0] not in kept


def test_media_that_another_post_shows(
    airflow: Airflow, start_simulator: Start, check: Check, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """The media of a removed post stay while another post of the dataset shows them."""
    simulator = start_simulator()
    airflow.collect({**ACCOUNTING, "expand": True})
    clock.shift(timedelta(hours=1))
    with_media = next(line for line in stored(data_folder) if "attachments" in line)
    (other,) = [line for line in stored(data_folder) if line["id"] == simulator.truth("accounting")[0]]
    # Seen later than the check, so that its answer does not replace it.
    sharing = {
        **other,
        "attachments": with_media["attachments"],
        "_fetched_at": "2026-12-02T00:00:00.000000Z",
    }
    (file,) = [path for path in data_folder.glob("posts/accounting/*") if other["id"] in path.read_text()]
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    file.write_text("".join(json.dumps(sharing if line == other else line) + "\n" for line in lines))
    assert other["id"] != with_media["id"]
    simulator.withdraw([with_media["id"]])

    check.price()
    check.look_up()
    with_shared = stored(data_folder)
    counts = check.withdraw()

    assert len(with_shared) - len(stored(data_folder)) == counts["removed"] == 1
    assert counts["media_removed"] == 0
    kept = [line["media_key"] for line in stored(data_folder, "includes/accounting/media")]
    assert with_media["attachments"]["media_keys"][0] in kept


def test_what_the_post_vocabulary_bills_is_kept(
    airflow: Airflow, start_simulator: Start, check: Check, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """A check in the post vocabulary is not given authors and references; those that are stored stay."""
    start_simulator()
    airflow.collect({**ACCOUNTING, "vocabulary": "post", "expand": True})
    clock.shift(timedelta(hours=1))
    names = ("author_id", "in_reply_to_user_id", "referenced_posts")
    before = [{name: line.get(name) for name in names} for line in stored(data_folder)]
    assert any(fields["referenced_posts"] for fields in before)

    check.price()
    check.look_up(vocabulary="post")
    check.withdraw()

    after = stored(data_folder)
    assert {line["_run_id"] for line in after} == {RUN}
    assert [{name: line.get(name) for name in names} for line in after] == before


def test_too_many_are_gone(collected: Simulator, check: Check, data_folder: Path) -> None:
    """When X calls many posts gone, none is taken out until somebody says that this is right."""
    collected.withdraw(collected.truth("accounting")[:20], "protected")
    with pytest.raises(AirflowFailException, match=r"20 of 60 posts gone \(33%.*Nothing was taken out"):
        check.all()
    assert len(stored(data_folder)) == len(exported(data_folder)) == 60

    check.price("manual__again")
    check.look_up("manual__again")
    assert check.withdraw("manual__again", gone_share_max="0.4")["removed"] == 20
    assert len(stored(data_folder)) == len(exported(data_folder)) == 40


def test_all_are_gone(collected: Simulator, check: Check, data_folder: Path) -> None:
    """A dataset of which nothing is left has no export either."""
    collected.withdraw(collected.truth("accounting"))
    assert check.all(gone_share_max=1)["removed"] == 60
    assert stored(data_folder) == []
    assert not (data_folder / "tweets_accounting.json").exists()


def test_two_keywords_share_a_post(
    airflow: Airflow, collected: Simulator, check: Check, data_folder: Path, clock: time_machine.Traveller
) -> None:
    """A post that two datasets hold is asked for once and taken out of both."""
    airflow.collect({"keyword": "books", "query": "accounting", "max_results": 100}, run_id="manual__2")
    clock.shift(timedelta(hours=1))
    gone = collected.truth("accounting")[0]
    collected.withdraw([gone])
    assert check.price()["asked"] == 60
    check.look_up()
    check.withdraw()

    assert gone not in ids(stored(data_folder)) + ids(stored(data_folder, "posts/books"))


def test_price_and_budget(collected: Simulator, check: Check, data_folder: Path) -> None:
    """The price is told before anything is asked; a budget cuts the check, and the next one goes on where it ended."""
    asked = len(collected.book.requests)
    assert check.price(budget="0.1") == {"due": 60, "asked": 20, "requests": 1, "dollars": 0.1}
    assert len(collected.book.requests) == asked
    check.look_up(budget="0.1")
    assert check.withdraw()["left"] == 40

    assert check.price("manual__next", budget="10")["due"] == 40
    check.look_up("manual__next", budget="10")
    first, second = [entry.params["ids"].split(",") for entry in collected.book.to("lookup")]
    assert len(first) == 20
    assert not set(first) & set(second)


def test_dry_run(collected: Simulator, check: Check, data_folder: Path) -> None:
    """A run that only tells the price asks X for nothing."""
    asked = len(collected.book.requests)
    check.price()
    with pytest.raises(AirflowSkipException):
        check.look_up(tell_only="True")
    assert len(collected.book.requests) == asked


def test_what_was_just_seen_is_left_out(collected: Simulator, check: Check) -> None:
    """Posts that a search has seen within the days that were asked for are not due."""
    assert check.price(again_after_days="7") == {"due": 0, "asked": 0, "requests": 0, "dollars": 0.0}


def test_a_killed_look_up_buys_nothing_twice(
    airflow: Airflow, collected: Simulator, check: Check, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up that ends in the middle goes on behind its last committed answer; the ledger knows each post once."""
    monkeypatch.setattr("airflow_twitter.posts.recheck.IDS_A_REQUEST", 20)
    collected.add_rules([Rule(endpoint="lookup", nth=2, fault="credits")])
    check.price()
    with pytest.raises(AirflowFailException, match=r"Buy credits.*What was checked is kept"):
        check.look_up()

    assert check.look_up()["answers"] == 3

    sold = [entry.ids for entry in collected.book.to("lookup") if entry.status == 200]
    assert sorted(itertools.chain.from_iterable(sold)) == sorted(collected.truth("accounting"))
    ledger = Ledger(Store(data_folder), "twitter_default")
    spent = ledger.spent("run", at=NOON + timedelta(hours=1), run=f"twitter_search/{RUN}", since=NOON)
    # X bills a post once a day, and all of them were bought today.
    assert spent == 0
    assert check.withdraw()["checked"] == 60


def test_waiting_holds_no_slot(collected: Simulator, check: Check) -> None:
    """When X's window is used up, the task is rescheduled to its reset."""
    collected.add_rules([Rule(endpoint="lookup", nth=1, fault="rate_limited", params={"reset": 300})])
    check.price()
    with pytest.raises(AirflowRescheduleException) as raised:
        check.look_up()
    assert (raised.value.reschedule_date - NOON).total_seconds() == 3900


def test_trouble_that_goes_on(
    collected: Simulator, check: Check, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between refusals of a limit too, trouble is borne for an hour; then the check fails for good."""
    quick = partial(XClient, sleep=clock.shift, monotonic=lambda: datetime.now(UTC).timestamp())
    monkeypatch.setattr("airflow_twitter.hooks.twitter.XClient", quick)
    collected.add_rules(
        [
            Rule(endpoint="lookup", every=2, fault="rate_limited", params={"reset": 600}),
            Rule(endpoint="lookup", nth=(1, None), fault="html"),
        ]
    )
    check.price()
    begun = datetime.now(UTC)

    def attempt() -> bool:
        try:
            check.look_up()
        except AirflowRescheduleException as wait:
            clock.move_to(wait.reschedule_date)
        return True

    with pytest.raises(AirflowFailException, match="no usable answer since"):
        all(attempt() for _ in range(100))
    assert timedelta(hours=1) <= datetime.now(UTC) - begun < timedelta(hours=2)


def test_again(
    collected: Simulator, check: Check, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was ended in the middle is done by doing it again, with the same report; once more changes nothing."""
    collected.withdraw(collected.truth("accounting")[:3])
    check.price()
    check.look_up()
    with monkeypatch.context() as patch:
        patch.setattr(Store, "delete_tree", lambda self, prefix: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            check.withdraw()

    assert check.withdraw()["gone"] == {"deleted": 3}
    before = {path: path.read_bytes() for path in data_folder.rglob("*.json*") if ".notes" not in path.parts}
    assert check.withdraw()["gone"] == {"deleted": 3}
    assert before == {
        path: path.read_bytes() for path in data_folder.rglob("*.json*") if ".notes" not in path.parts
    }


def test_unanswered_posts_stay(collected: Simulator, check: Check, data_folder: Path) -> None:
    """Nothing follows for a post that X neither shows nor calls gone."""
    check.price()
    context = check.context("look_up", RUN)
    TwitterLookupOperator(task_id="look_up").execute(context)
    (page,) = data_folder.glob("staging/*/manual__check/pages/*.page")
    head, _, body = page.read_bytes().partition(b"\n")
    content = json.loads(body)
    missing = content["data"].pop()["id"]
    body = json.dumps(content).encode()
    known = json.loads(head) | {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    page.write_bytes(json.dumps(known).encode() + b"\n" + body)

    assert check.withdraw()["unanswered"] == 1
    assert missing in ids(stored(data_folder))


def test_unknown_keyword(collected: Simulator, check: Check) -> None:
    """A keyword without a dataset is refused, with the names of those that there are."""
    with pytest.raises(AirflowFailException, match="no dataset posts/nothing; there are accounting"):
        check.price(keyword="nothing")
