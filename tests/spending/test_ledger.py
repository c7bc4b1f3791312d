"""The ledger: what was bought counts once, whatever happens, and budgets hold."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_twitter.api.prices import PRICES, Prices
from airflow_twitter.posts.disk import DiskFull
from airflow_twitter.posts.store import Store
from airflow_twitter.spending.budgets import BudgetReached, Budgets
from airflow_twitter.spending.ledger import Ledger, Purchase, Reservation, Summary, connections

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
DAY = date(2026, 12, 1)
FILE = "ledger/twitter_default/2026-12-01.jsonl"
PAGE = {"post_read": 100}
NONE = Budgets()


def page(key: str, *ids: str, at: datetime = NOON, run: str = "dag/run", **more: Any) -> Purchase:
    """A page of posts that was bought."""
    return Purchase(key=key, run=run, at=at, items={"post_read": list(ids), **more})


def ledger(store: Store, prices: Prices = PRICES) -> Ledger:
    """The ledger as another process would open it."""
    return Ledger(store, "twitter_default", prices)


def reserve(
    book: Ledger,
    place: str,
    units: Mapping[str, int] = PAGE,
    *,
    run: str = "dag/run",
    at: datetime = NOON,
    budgets: Budgets = NONE,
) -> Reservation:
    """Reserve the price of some units."""
    return book.reserve(place, run=run, units=units, at=at, budgets=budgets, since=NOON)


class TestBought:
    """What was bought."""

    def test_nothing(self, store: Store) -> None:
        """Without a file nothing was bought, and looking makes no file."""
        book = ledger(store)
        assert book.day(NOON) == book.month(NOON) == Summary()
        assert book.days() == []
        assert not store.root.exists()

    def test_adds_up(self, store: Store) -> None:
        """Posts, users, requests and dollars of a day, as this process and any other sees them."""
        book = ledger(store)
        assert book.record(page("1", "a", "b", user_read=["u"])) == 0.02
        assert book.record(Purchase(key="2", run="r", at=NOON, items={"counts_recent_request": 1})) == 0.005

        for each in (book, ledger(store)):
            day = each.day(NOON)
            assert (day.posts, day.users, day.requests, day.dollars) == (2, 1, 2, 0.025)
            assert day.units["counts_recent_request"] == 1
            assert each.spent("run", at=NOON, run="dag/run", since=NOON) == 0.02

    def test_run_across_midnight(self, store: Store) -> None:
        """What a run bought before midnight by X's clock, which is behind, counts for a run that began after it."""
        book = ledger(store)
        midnight = datetime(2026, 12, 2, tzinfo=UTC)
        book.record(
            Purchase(key="1", run="r", at=midnight - timedelta(seconds=30), items={"post_read": ["a"]})
        )
        late = midnight + timedelta(seconds=60)
        assert book.spent("run", at=late, run="r", since=late) == 0.005
        assert book.spent("run", at=late, run="another", since=late) == 0

    def test_same_key(self, store: Store) -> None:
        """The same purchase counts once, in this process and in another."""
        book = ledger(store)
        book.record(page("1", "a"))
        assert book.record(page("1", "a")) == ledger(store).record(page("1", "a")) == 0.0
        assert ledger(store).day(DAY).posts == 1
        assert ledger(store).knows("1", NOON)
        assert not ledger(store).knows("2", NOON)

    def test_same_post(self, store: Store) -> None:
        """The same post twice in a UTC day is billed once, as is the same user; on the next day both are again."""
        book = ledger(store)
        book.record(page("1", "a", "b", "a", user_read=["u"]))
        ledger(store).record(page("2", "b", "c", user_read=["u"]))
        book.record(page("3", "a", at=NOON + timedelta(days=1)))

        day = book.day(NOON)
        assert (day.posts, day.users, day.repeated) == (3, 1, {"post_read": 1, "user_read": 1})
        assert book.month(NOON).posts == 4
        assert book.days() == [DAY, DAY + timedelta(days=1)]

    def test_utc_day(self, store: Store) -> None:
        """A day is UTC's, whatever the zone of the moment."""
        book = ledger(store)
        book.record(page("1", "a", at=datetime.fromisoformat("2026-12-02T01:30:00+02:00")))
        assert book.days() == [DAY]

    def test_month(self, store: Store) -> None:
        """A month is the UTC calendar month."""
        book = ledger(store)
        for day in ("2026-11-30", "2026-12-01", "2026-12-31", "2027-01-01"):
            book.record(page(day, "a", at=datetime.fromisoformat(f"{day}T12:00:00Z")))
        assert book.month(DAY).posts == 2

    def test_prices(self, store: Store) -> None:
        """What was bought keeps the price of its day, and new purchases have the new one."""
        ledger(store).record(page("1", "a"))
        dear = ledger(store, Prices(post_read=1.0))
        dear.record(page("2", "b"))
        assert dear.day(NOON).dollars == 1.005

    def test_connections(self, store: Store) -> None:
        """Connections have ledgers of their own."""
        Ledger(store, "my app/2").record(page("1", "a"))
        ledger(store).record(page("1", "a", "b"))
        assert connections(store) == ["my app/2", "twitter_default"]
        assert Ledger(store, "my app/2").day(NOON).posts == 1

    def test_published(self, store: Store) -> None:
        """What is written is bought too."""
        items = {"post_with_url_created": 1, "media_metadata": 1, "own_post_read": ["a", "b"]}
        assert ledger(store).record(Purchase(key="p", run="r", at=NOON, items=items)) == 0.207


class TestDamage:
    """What a killed writer, or a disk, left behind."""

    @pytest.mark.parametrize("lost", [1, 2, 30, 10_000])
    def test_torn_line(self, store: Store, lost: int) -> None:
        """A line that was cut short does not count, goes away with the next one, and can be recorded again."""
        ledger(store).record(page("1", "a"))
        whole = store.read(FILE)
        ledger(store).record(page("2", "b"))
        torn = store.read(FILE)
        (store.root / FILE).write_bytes(torn[: max(len(whole), len(torn) - lost)])

        book = ledger(store)
        assert book.day(NOON).posts == 1
        book.record(page("2", "b"))
        assert book.day(NOON).posts == 2
        assert store.read(FILE) == torn

    def test_damaged_line(self, store: Store, caplog: pytest.LogCaptureFixture) -> None:
        """A line that is none is left out, and the log says so."""
        ledger(store).record(page("1", "a"))
        with (store.root / FILE).open("ab") as file:
            file.write(b'{"kind": "boug\xff\n\0\0\0\n[]\n')
        ledger(store).record(page("2", "b"))
        assert ledger(store).day(NOON).posts == 2
        assert "cannot be read" in caplog.text

    def test_long_torn_line(self, store: Store) -> None:
        """A torn line may be longer than what is looked at in one step."""
        ledger(store).record(page("1", "a"))
        whole = store.read(FILE)
        (store.root / FILE).write_bytes(whole + b"x" * 200_000)
        ledger(store).record(page("2", "b"))
        assert ledger(store).day(NOON).posts == 2

    def test_full_disk(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """What does not fit leaves the file as it was."""
        import io

        ledger(store).record(page("1", "a"))
        before = store.read(FILE)

        class Full(io.FileIO):
            """A file on a disk that takes ten more bytes."""

            def write(self, data: Any) -> int:
                if len(data) > 10:
                    return super().write(data[:10])
                raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("airflow_twitter.posts.disk.FileIO", Full)
            with pytest.raises(DiskFull):
                store.append(FILE, b"x" * 15 + b"\n")
        assert store.read(FILE) == before

    def test_other_files(self, store: Store) -> None:
        """Files that are none of the ledger's are no days."""
        store.put("ledger/twitter_default/notes.txt", b"")
        store.put("ledger/twitter_default/notes.jsonl", b"")
        assert ledger(store).days() == []


class TestReserved:
    """Money for requests under way."""

    def test_counts_until_bought(self, store: Store) -> None:
        """What is reserved counts at its highest price until the purchase says what it cost."""
        book = ledger(store)
        held = reserve(book, "1")
        assert (ledger(store).day(NOON).reserved, ledger(store).day(NOON).dollars) == (0.5, 0.0)
        assert book.spent("run", at=NOON, run="dag/run", since=NOON) == 0.5
        book.record(page("another", "a"), held)
        assert book.day(NOON).reserved == 0.5
        ledger(store).record(Purchase(key="1@13", place="1", run="dag/run", at=NOON, items={}))
        assert book.day(NOON).reserved == 0.0

    def test_refused(self, store: Store) -> None:
        """What X refused costs nothing, and was answered."""
        book = ledger(store)
        book.release(reserve(book, "1"))
        book.release(reserve(book, "1"))
        assert (book.day(NOON).reserved, book.day(NOON).unanswered) == (0.0, 0)

    def test_unanswered(self, store: Store) -> None:
        """A lost answer may have been sold: it is told, and stays reserved until its place is bought."""
        book = ledger(store)
        book.unanswered(reserve(book, "1"), requests=3)
        assert (book.day(NOON).reserved, book.day(NOON).unanswered) == (0.5, 3)
        reserve(ledger(store), "1")
        assert (book.day(NOON).reserved, book.day(NOON).unanswered) == (0.5, 3)
        book.record(page("1", "a"))
        assert (book.day(NOON).reserved, book.day(NOON).unanswered) == (0.0, 3)

    def test_refused_after_a_lost_answer(self, store: Store) -> None:
        """What X refuses now does not tell what it sold when its answer was lost."""
        book = ledger(store)
        book.unanswered(reserve(book, "1"))
        book.release(reserve(book, "1"))
        reserve(ledger(store), "1")
        book.release(reserve(ledger(store), "1", {"post_read": 10}))
        assert (book.day(NOON).reserved, book.day(NOON).unanswered) == (0.5, 2)
        book.record(page("1", "a"))
        assert book.day(NOON).reserved == 0.0

    def test_killed_between_request_and_answer(self, store: Store) -> None:
        """A request that is made again, though nobody noted what became of it, was never answered."""
        reserve(ledger(store), "1")
        reserve(ledger(store), "1")
        day = ledger(store).day(NOON)
        assert (day.reserved, day.unanswered) == (0.5, 1)

    def test_midnight(self, store: Store) -> None:
        """A page that is reserved before midnight and answered after it is bought on the new day alone."""
        book = ledger(store)
        late = NOON.replace(hour=23, minute=59, second=59)
        held = reserve(book, "1", at=late)
        book.record(page("1", "a", at=late + timedelta(seconds=2)), held)
        assert book.day(late).reserved == 0.0
        assert book.day(late + timedelta(days=1)).posts == 1

    def test_asked_again_the_next_day(self, store: Store) -> None:
        """What was lost yesterday may be billed yesterday and again today."""
        book = ledger(store)
        book.unanswered(reserve(book, "1"))
        tomorrow = NOON + timedelta(days=1)
        with pytest.raises(BudgetReached, match="month"):
            reserve(book, "1", at=tomorrow, budgets=Budgets(month=0.9))
        book.record(page("1", "a", at=tomorrow), reserve(book, "1", at=tomorrow, budgets=Budgets(month=1.0)))
        assert book.month(NOON).reserved == 0.5


class TestBudgets:
    """Nothing is overspent."""

    @pytest.mark.parametrize("scope", ["run", "day", "month"])
    def test_worst_case(self, store: Store, scope: str) -> None:
        """A request that may break a budget is refused before it is sent; one that just fits is not."""
        book = ledger(store)
        book.record(page("1", *map(str, range(100))))
        with pytest.raises(BudgetReached) as caught:
            reserve(book, "2", budgets=Budgets(**{scope: 0.99}))
        assert (caught.value.scope, caught.value.spent, caught.value.wanted) == (scope, 0.5, 0.5)
        assert str(caught.value) == (
            f"The budget of the {scope} for twitter_default is $0.99; $0.50 of it is spent, and the next request may "
            "cost up to $0.50."
        )
        assert book.day(NOON).reserved == 0.0
        reserve(book, "2", budgets=Budgets(**{scope: 1.0}))

    def test_own_reservation(self, store: Store) -> None:
        """A retry does not stand in its own way; another page does."""
        reserve(ledger(store), "1", budgets=Budgets(day=0.5))
        reserve(ledger(store), "1", budgets=Budgets(day=0.5))
        with pytest.raises(BudgetReached):
            reserve(ledger(store), "2", budgets=Budgets(day=0.5))

    def test_scopes(self, store: Store) -> None:
        """Another run's, day's or month's spending is not this one's."""
        book = ledger(store)
        book.record(page("1", "a", run="dag/other"))
        book.record(page("2", "a", at=NOON - timedelta(days=1)))
        budgets = Budgets(run=0.005, day=0.01, month=0.01)
        assert reserve(book, "x", {"post_read": 1}, run="dag/third", budgets=budgets)

    def test_run_over_days(self, store: Store) -> None:
        """A run that goes on after midnight still has spent what it has spent."""
        book = ledger(store)
        book.record(page("1", "a"))
        tomorrow = NOON + timedelta(days=1)
        with pytest.raises(BudgetReached):
            reserve(book, "2", {"post_read": 1}, at=tomorrow, budgets=Budgets(run=0.009))


def _buy(root: str, name: int, budget: float) -> None:
    """Buy page after page as a process of its own, until the budget ends it."""
    book = Ledger(Store(root), "twitter_default")
    for number in range(1000):
        try:
            held = reserve(
                book, f"{name}/{number}", {"post_read": 10}, run=f"dag/{name}", budgets=Budgets(day=budget)
            )
        except BudgetReached:
            return
        book.record(
            page(f"{name}/{number}", *(f"{name}-{number}-{i}" for i in range(10)), run=f"dag/{name}"), held
        )


def test_parallel_runs_share_a_budget(store: Store) -> None:
    """Runs at once of one connection never spend more than there is, and all of it."""
    context = multiprocessing.get_context("fork")
    buyers = [context.Process(target=_buy, args=(str(store.root), name, 1.0)) for name in range(3)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join(120)
        assert buyer.exitcode == 0
    day = ledger(store).day(NOON)
    assert (day.dollars, day.posts, day.requests, day.reserved, day.unanswered) == (1.0, 200, 20, 0.0, 0)


IDS = st.lists(st.sampled_from([str(number) for number in range(12)]), max_size=6)
PURCHASES = st.lists(st.tuples(IDS, st.integers(0, 2), IDS), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(bought=PURCHASES, data=st.data())
def test_any_order_and_any_repeats(
    tmp_path_factory: pytest.TempPathFactory,
    bought: Sequence[tuple[list[str], int, list[str]]],
    data: st.DataObject,
) -> None:
    """Whatever the order, however often each is recorded, and wherever the file is torn: the sum is the same.

    It is the price of the different posts and users of each day.
    """
    store = Store(tmp_path_factory.mktemp("ledger"))
    purchases = [
        page(str(number), *posts, at=NOON + timedelta(days=day), user_read=users)
        for number, (posts, day, users) in enumerate(bought)
    ]
    for purchase in data.draw(st.permutations(purchases * 2)):
        book = ledger(store)
        book.record(purchase)
        if data.draw(st.booleans()):
            key = f"ledger/twitter_default/{purchase.at.date().isoformat()}.jsonl"
            file = store.root / key
            file.write_bytes(file.read_bytes()[: data.draw(st.integers(0, file.stat().st_size))])
    for purchase in purchases:  # the next start finds what is committed, and makes up for what was torn off
        ledger(store).record(purchase)
    for day in range(3):
        of_day = [entry for entry in bought if entry[1] == day]
        posts = {each for entry in of_day for each in entry[0]}
        users = {each for entry in of_day for each in entry[2]}
        found = ledger(store).day(NOON + timedelta(days=day))
        assert (found.posts, found.users, found.requests) == (len(posts), len(users), len(of_day))
        assert found.dollars == PRICES.cost({"post_read": len(posts), "user_read": len(users)})


NUMBERS = st.one_of(st.integers(-(10**30), 10**30), st.floats(), st.none(), st.text(max_size=3))
LINES = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["bought", "reserved", "released", "unanswered", "sold", 7]),
        "key": st.sampled_from(["a", "b", "", 3]),
        "at": st.sampled_from(["2026-12-01T12:00:00Z", "never", None]),
        "run": st.sampled_from(["r", 3]),
        "place": st.sampled_from(["a", "b", []]),
        "requests": NUMBERS,
        "dollars": NUMBERS,
        "units": st.one_of(st.dictionaries(st.sampled_from(["post_read", "x"]), NUMBERS), NUMBERS),
        "ids": st.dictionaries(st.sampled_from(["post_read", "x"]), st.lists(NUMBERS, max_size=2)),
    },
)


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(
        st.one_of(st.binary(max_size=40), LINES.map(lambda it: json.dumps(it).encode())), max_size=5
    )
)
def test_any_content(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """Whatever somebody wrote into a day's file, it is read, shown, and what is bought then counts."""
    store = Store(tmp_path_factory.mktemp("ledger"))
    store.put(FILE, b"\n".join(lines))
    before = ledger(store).day(NOON)
    assert ledger(store).month(NOON).requests == before.requests
    ledger(store).record(page("new", "an id that is new"))
    after = ledger(store).day(NOON)
    assert (after.posts, after.requests) == (before.posts + 1, before.requests + 1)
    with contextlib.suppress(BudgetReached):
        reserve(ledger(store), "new place", budgets=Budgets(run=1, day=1, month=1))
    assert str(after)
