"""How a window is divided: by arithmetic alone, then under a model of how Airflow schedules."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_twitter.collecting.fair_share import AWAY_MIN_S, LAST_LOOK_S, Want, away_s, shares

LONG_S = 900.0


def wants(*taken: int) -> dict[str, Want]:
    """Keywords a, b, c ... that have taken so much, and wait in this order."""
    return {chr(ord("a") + at): Want(count, since=float(at)) for at, count in enumerate(taken)}


wanted = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=2),
    st.builds(Want, taken=st.integers(0, 40), since=st.floats(0, 1e9)),
    min_size=1,
    max_size=12,
)


class TestShares:
    """The division of what is left."""

    @pytest.mark.parametrize(
        ("taken", "remaining", "given"),
        [
            ((0,), 450, (450,)),
            ((0, 0), 450, (225, 225)),
            ((0, 0, 0), 8, (3, 3, 2)),
            ((250, 0), 200, (0, 200)),
            ((250, 0, 0), 200, (0, 100, 100)),
            ((10, 0), 20, (5, 15)),
            ((0, 0, 0), 2, (1, 1, 0)),
            ((1, 1, 0), 1, (0, 0, 1)),
            ((0, 0), 0, (0, 0)),
        ],
    )
    def test_examples(self, taken: tuple[int, ...], remaining: int, given: tuple[int, ...]) -> None:
        """Who has had least comes first, then who has waited longest."""
        assert tuple(shares(wants(*taken), remaining).values()) == given

    def test_nobody(self) -> None:
        """Nobody wants anything: nothing is given."""
        assert shares({}, 5) == {}

    @given(wanted, st.integers(0, 100))
    def test_all_is_given_and_levelled(self, wants: dict[str, Want], remaining: int) -> None:
        """Everything is given away, and nobody gets a second one while somebody has had less."""
        given = shares(wants, remaining)
        assert sum(given.values()) == remaining
        had = {keyword: want.taken + given[keyword] for keyword, want in wants.items()}
        for keyword, count in given.items():
            if count:
                assert had[keyword] - 1 <= min(had.values())


class TestAway:
    """Whose turn it is."""

    def test_alone(self) -> None:
        """A keyword that nobody waits beside takes the whole window."""
        assert away_s("a", wants(449), 1, LONG_S) is None

    def test_share_is_left(self) -> None:
        """Up to its share a keyword asks at once."""
        assert away_s("a", wants(9, 0), 11, LONG_S) is None

    def test_share_is_used_up(self) -> None:
        """Then it leaves the slot to the others, for longer when there are more of them."""
        assert away_s("a", wants(10, 0), 10, LONG_S) == AWAY_MIN_S
        assert away_s("a", wants(10, *[0] * 19), 10, LONG_S, runs=20) == 40.0

    def test_looked_in_vain(self) -> None:
        """It stays away twice as long each time, so that the others come in, however slowly tasks start."""
        away = [away_s("a", wants(10, 0), 10, LONG_S, runs=10, looked=looked) for looked in (0, 1, 2, 3, 99)]
        assert away == [20.0, 40.0, 80.0, 160.0, LONG_S - LAST_LOOK_S]

    def test_rest(self) -> None:
        """A rest that does not suffice for one more each goes to whoever is there, but not before all have had one."""
        assert away_s("a", wants(3, 3, 3), 2, LONG_S) is None
        assert away_s("c", wants(3, 3, 3), 2, LONG_S) is None
        assert away_s("c", wants(0, 0, 0), 2, LONG_S) == AWAY_MIN_S

    def test_looks_once_more_before_the_window_ends(self) -> None:
        """It is back in time to take what is left over."""
        assert away_s("a", wants(10, *[0] * 19), 10, 20.0, runs=20) == 20.0 - LAST_LOOK_S

    def test_no_time_to_come_back(self) -> None:
        """With no time to come back it takes what the others would not use, but one for each that can begin."""
        assert away_s("a", wants(10, 0), 10, 9.0) is None
        assert away_s("a", wants(10, 0, 0), 3, 9.0) is None
        assert away_s("a", wants(10, 0, 0), 2, 9.0) == AWAY_MIN_S
        assert away_s("a", wants(10, 0, 0), 2, 1.5) is None
        assert away_s("a", wants(10, 0), 1, 15.0) == AWAY_MIN_S
        assert away_s("a", wants(10, 0), 1, 14.0) == 14.0

    @given(wanted, st.integers(1, 60), st.floats(-10, 1000))
    def test_somebody_may_ask(self, wants: dict[str, Want], remaining: int, left_s: float) -> None:
        """While something is left somebody may ask for it, and nobody is sent away for less than 10 seconds."""
        away = {keyword: away_s(keyword, wants, remaining, left_s) for keyword in wants}
        assert None in away.values()
        assert all(s is None or s >= AWAY_MIN_S > 10 for s in away.values())


@dataclass
class Run:
    """A keyword's run: how many pages it needs, when it is ready, and what it has had by window."""

    keyword: str
    pages: int
    place: int
    ready: float = 0.0
    since: float = 0.0
    looked: int = 0
    had: Counter[int] = field(default_factory=Counter)


@dataclass
class Model:
    """X's windows, and Airflow with one slot, which it gives to the ready run that stands first, fair or not.

    The claims of dead runs stand in the way as if they were about to come, and never run out.
    """

    runs: list[Run]
    limit: int
    window_s: float
    start_s: float
    page_s: float
    now: float = 0.0
    window: int = 0
    ends: float = -math.inf
    remaining: int = 0
    dead: tuple[str, ...] = ()
    asked: Counter[int] = field(default_factory=Counter)
    wanting: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def go(self) -> None:
        """Let every run come to its end."""
        while open_runs := [run for run in self.runs if run.pages]:
            ready = [run for run in open_runs if run.ready <= self.now]
            if not ready:
                self.now = min(run.ready for run in open_runs)
                continue
            run = min(ready, key=lambda run: run.place)
            self.now += self.start_s
            self._attempt(run)

    def _attempt(self, run: Run) -> None:
        while run.pages:
            if self.now < self.ends and not self.remaining:
                if self.ends - self.now > 10:
                    run.ready, run.looked = self.ends, 0
                    return
                self.now = self.ends
            if self.now < self.ends:
                wants, left_s = self._wants(), self.ends - self.now
                away = away_s(run.keyword, wants, self.remaining, left_s, runs=len(wants), looked=run.looked)
                if away is not None:
                    run.ready, run.looked = self.now + away, run.looked + 1
                    return
            self._ask(run)

    def _wants(self) -> dict[str, Want]:
        wants = {run.keyword: Want(run.had[self.window], run.since) for run in self.runs if run.pages}
        return wants | dict.fromkeys(self.dead, Want(0, 0.0))

    def _ask(self, run: Run) -> None:
        if self.now >= self.ends:
            self.window += 1
            self.ends = self.now + self.window_s
            self.remaining = self.limit
            self.wanting[self.window] = {other.keyword for other in self.runs if other.pages}
        self.now += self.page_s
        assert self.remaining > 0, "a request over the limit"
        self.remaining -= 1
        self.asked[self.window] += 1
        run.had[self.window] += 1
        run.pages -= 1
        run.since, run.looked = self.now, 0


@st.composite
def models(draw: st.DrawFn, dead: int = 0) -> Model:
    """Keywords of any size in any order of Airflow's, in windows in which every search can begin and come back."""
    pages = draw(st.lists(st.one_of(st.integers(1, 3), st.integers(1, 150)), min_size=1, max_size=12))
    limit = draw(st.integers(2, 40))
    start_s = draw(st.floats(0.3, 2.5))
    page_s = draw(st.floats(0.02, 0.5))
    places = draw(st.permutations(range(len(pages))))
    busy_s = 2 * (len(pages) + dead) * start_s + limit * page_s
    window_s = max(900.0, busy_s + 3 * AWAY_MIN_S + LAST_LOOK_S) if draw(st.booleans()) else busy_s + 60
    runs = [Run(f"k{at}", count, place) for at, (count, place) in enumerate(zip(pages, places, strict=True))]
    return Model(runs, limit, window_s, start_s, page_s, dead=tuple(f"dead{at}" for at in range(dead)))


class TestModel:
    """Many keywords over many windows, whatever order Airflow starts them in."""

    @settings(max_examples=100, deadline=None)
    @given(models())
    def test_fair_and_used_up(self, model: Model) -> None:
        """All end; no window is exceeded; each keyword has its share in each; nothing is left while pages are."""
        needed = {run.keyword: run.pages for run in model.runs}
        model.go()
        assert max(model.asked.values()) <= model.limit
        by_keyword = {run.keyword: run.had for run in model.runs}
        for window in range(1, model.window):
            assert model.asked[window] == model.limit, "requests were left unused"
        for window in range(1, model.window + 1):
            wanting = model.wanting[window]
            share = model.limit // len(wanting)
            for keyword in wanting:
                before = sum(by_keyword[keyword][earlier] for earlier in range(1, window))
                assert by_keyword[keyword][window] >= min(share, needed[keyword] - before)

    @settings(max_examples=100, deadline=None)
    @given(models(dead=2))
    def test_dead_runs(self, model: Model) -> None:
        """Claims of dead runs keep nobody from coming to an end, and cost a window no more than their shares."""
        model.go()
        assert max(model.asked.values()) <= model.limit
        for window in range(1, model.window):
            share = math.ceil(model.limit / (len(model.wanting[window]) + len(model.dead)))
            assert model.asked[window] >= model.limit - share * len(model.dead)

    def test_without_sharing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The model is able to show unfairness: without shares a large keyword takes whole windows."""
        monkeypatch.setattr(f"{__name__}.away_s", lambda *_, **__: None)
        large, small = Run("large", 100, 0), Run("small", 1, 1)
        model = Model([large, small], limit=20, window_s=900.0, start_s=1.0, page_s=0.1)
        model.go()
        assert small.had == {6: 1}
