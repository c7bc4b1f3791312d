"""Windows: which span of time a run collects, and what X is asked for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from airflow_twitter.posts.deciding import RunTimes, check_reach, decide, decide_continuation, same_span
from airflow_twitter.posts.windows import SearchRequest, Window, WindowError
from airflow_twitter.times import rfc3339

NOW = datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=UTC)
SETTLED = datetime(2026, 11, 22, 11, 59, 20, tzinfo=UTC)
DAY = timedelta(days=1)
MANUAL = RunTimes(interval=None)


def request(**changes: Any) -> SearchRequest:
    """A request for `sevdesk` from recent search, with a deadline in 24 hours."""
    asked: dict[str, Any] = {
        "keyword": "sevdesk",
        "slug": "sevdesk",
        "query": "sevdesk",
        "fingerprint": "0123456789abcdef",
        "endpoint": "recent",
        "reach_s": 7 * 86400.0,
        "max_results": 100,
        "deadline": NOW + DAY,
    }
    return SearchRequest(**{**asked, **changes})


def archive(**changes: Any) -> SearchRequest:
    """The same request of the full archive."""
    return request(endpoint="all", reach_s=None, **changes)


def decided(asked: SearchRequest, run: RunTimes = MANUAL, covered_until: datetime | None = None) -> Window:
    """The window that is decided now."""
    return decide(asked, run, covered_until=covered_until, now=NOW)


def day(number: int) -> datetime:
    """The start of a day of November."""
    return datetime(2026, 11, number, tzinfo=UTC)


class TestInterval:
    """A schedule or a backfill means its interval."""

    def test_is_taken_as_it_is(self) -> None:
        """An interval is neither cut off at now nor moved to what is covered, and wins over the form."""
        asked = request(start_time=day(18), end_time=day(19), page_max=3)

        window = decided(asked, RunTimes((day(20), day(21)), clear_number=2), covered_until=day(22))

        assert (window.since, window.until, window.source) == (day(20), day(21), "interval")
        assert (window.page_max, window.clear_number, window.decided_at) == (3, 2, NOW)

    def test_neighbours_meet(self) -> None:
        """The windows of three days meet: each ends where the next begins, and both times are asked for so."""
        windows = [decided(request(overlap_s=0), RunTimes((day(n), day(n + 1)))) for n in (18, 19, 20)]

        times = [window.times(NOW) for window in windows]
        assert [asked["start_time"] for asked in times[1:]] == [asked["end_time"] for asked in times[:-1]]
        assert times[0] == {"start_time": "2026-11-18T00:00:00Z", "end_time": "2026-11-19T00:00:00Z"}

    def test_in_another_zone(self) -> None:
        """Times of any zone become UTC."""
        zone = timezone(timedelta(hours=5, minutes=30))
        window = decided(request(), RunTimes((datetime(2026, 11, 20, 5, 30, tzinfo=zone), day(21))))

        assert window.since == day(20)
        assert window.since.utcoffset() == timedelta(0)

    def test_ends_now(self) -> None:
        """An end that has not settled is kept; the window says when it will have."""
        end = datetime(2026, 11, 22, 12, tzinfo=UTC)
        window = decided(request(), RunTimes((day(22), end)))

        assert window.until == end
        assert window.settled_at == end + timedelta(seconds=40)

    def test_settles_after_the_deadline(self) -> None:
        """An interval that cannot settle before the deadline is refused, naming both moments."""
        asked = request(deadline=NOW + timedelta(seconds=10))
        with pytest.raises(
            WindowError, match=r"settled at 2026-11-22T12:00:40Z, after the deadline 2026-11-22T12:00:10Z"
        ):
            decided(asked, RunTimes((day(22), datetime(2026, 11, 22, 12, tzinfo=UTC))))

    def test_beyond_recent_search(self) -> None:
        """An interval that recent search no longer reaches is refused, naming the endpoint that does."""
        with pytest.raises(
            WindowError, match=r'reaches back only 7 days, to 2026-11-15T12:00:00Z.*endpoint "all"'
        ):
            decided(request(), RunTimes((day(14), day(15))))

    def test_half_beyond_recent_search(self) -> None:
        """An interval is refused as well when only its beginning is out of reach: it could not be whole."""
        with pytest.raises(WindowError, match="Nothing was bought"):
            decided(request(), RunTimes((day(15), day(16))))

    def test_of_the_archive(self) -> None:
        """The full archive reaches any interval."""
        window = decided(
            archive(), RunTimes((datetime(2010, 1, 1, tzinfo=UTC), datetime(2010, 1, 2, tzinfo=UTC)))
        )
        assert window.times(NOW)["start_time"] == "2009-12-31T23:59:00Z"

    @pytest.mark.parametrize("end", [day(20), day(19)])
    def test_spans_no_time(self, end: datetime) -> None:
        """An interval without length, as some timetables make, is refused and not taken for everything."""
        with pytest.raises(WindowError, match="The window is empty"):
            decided(request(), RunTimes((day(20), end)))


class TestForm:
    """A manual run covers the times of its form."""

    def test_both_times(self) -> None:
        """Both times make the window, whatever is covered."""
        window = decided(request(start_time=day(18), end_time=day(19)), covered_until=day(21))
        assert (window.since, window.until, window.source) == (day(18), day(19), "form")

    def test_start_alone(self) -> None:
        """A start alone ends at what has settled."""
        window = decided(request(start_time=day(18)))
        assert (window.since, window.until, window.source) == (day(18), SETTLED, "form")

    def test_end_alone(self) -> None:
        """An end alone begins at what is covered."""
        window = decided(request(end_time=day(21)), covered_until=day(20))
        assert (window.since, window.until) == (day(20), day(21))

    def test_end_alone_before_what_is_covered(self) -> None:
        """An end within what is covered cannot begin there: the window reaches back seven days."""
        window = decided(archive(end_time=day(10)), covered_until=day(20))
        assert (window.since, window.until) == (day(3), day(10))

    def test_end_alone_and_nothing_covered(self) -> None:
        """Recent search begins at its reach, which is not refused after a wait: nobody asked for that second."""
        window = decided(request(end_time=day(21)))

        assert window.since == (NOW - 7 * DAY).replace(microsecond=0)
        check_reach(window, NOW + timedelta(hours=1))

    def test_end_alone_beyond_recent_search(self) -> None:
        """An end that recent search does not reach is refused and not taken for a window without posts."""
        with pytest.raises(WindowError, match="The window is empty"):
            decided(request(end_time=day(10)))

    def test_end_in_the_future(self) -> None:
        """An end in the future is waited for when the deadline allows it."""
        end = NOW.replace(microsecond=0) + timedelta(hours=2)
        assert decided(request(end_time=end)).settled_at == end + timedelta(seconds=40)

        with pytest.raises(WindowError, match="an earlier end_time or a later deadline"):
            decided(request(end_time=NOW + timedelta(hours=25)))

    @pytest.mark.parametrize(("start", "end"), [(day(20), day(20)), (day(21), day(20)), (NOW + DAY, None)])
    def test_end_not_after_the_start(self, start: datetime, end: datetime | None) -> None:
        """Times that make no window are refused, a start in the future alone as well."""
        with pytest.raises(WindowError, match="Give an end_time after the start_time"):
            decided(request(start_time=start, end_time=end))

    def test_start_beyond_recent_search(self) -> None:
        """A start that recent search does not reach is refused."""
        with pytest.raises(WindowError, match='endpoint "all"'):
            decided(request(start_time=day(15)))


class TestNew:
    """A manual run without times covers what is new."""

    def test_nothing_covered(self) -> None:
        """Without coverage it is the last seven days up to what has settled, and the start is left to X."""
        window = decided(request())

        assert (window.until, window.source) == (SETTLED, "new")
        assert window.since == (NOW - 7 * DAY).replace(microsecond=0)
        assert window.times(NOW) == {"end_time": "2026-11-22T11:59:20Z"}

    def test_since_what_is_covered(self) -> None:
        """With coverage it begins where that ends, and looks back over the overlap."""
        window = decided(request(), covered_until=day(22))

        assert (window.since, window.until) == (day(22), SETTLED)
        assert window.times(NOW)["start_time"] == "2026-11-21T23:59:00Z"

    def test_nothing_new(self) -> None:
        """Right after another run the window has no length, and only the overlap is looked at."""
        window = decided(request(overlap_s=90), covered_until=SETTLED)

        assert (window.since, window.until) == (SETTLED, SETTLED)
        assert window.times(NOW) == {
            "start_time": rfc3339(SETTLED - timedelta(seconds=90)),
            "end_time": rfc3339(SETTLED),
        }

    def test_covered_beyond_what_has_settled(self) -> None:
        """When more is covered than has settled by this run's measure, the window does not go backwards."""
        covered = SETTLED + timedelta(seconds=20)
        window = decided(request(), covered_until=covered)
        assert (window.since, window.until) == (covered, covered)

    def test_coverage_out_of_reach(self) -> None:
        """After a long pause recent search begins at its reach; the window does not claim the hole before."""
        window = decided(request(), covered_until=day(1))
        assert window.since == (NOW - 7 * DAY).replace(microsecond=0)

    def test_coverage_of_the_archive(self) -> None:
        """The full archive goes on at the end of what is covered, however long ago."""
        assert decided(archive(), covered_until=day(1)).since == day(1)

    def test_deadline_has_passed(self) -> None:
        """A deadline in the past is refused."""
        with pytest.raises(WindowError, match="a later deadline"):
            decided(request(deadline=NOW - timedelta(minutes=5)))

    @pytest.mark.parametrize("settle_s", [0.0, 30.0, 600.0])
    def test_has_settled(self, settle_s: float) -> None:
        """What is new has always settled: there is nothing to wait for."""
        assert decided(request(settle_s=settle_s)).settled_at <= NOW


class TestContinuation:
    """A run goes on where another stopped."""

    INHERITED = decided(
        request(start_time=day(18), end_time=day(20), page_max=1, max_results=50, expand=True)
    )

    def go_on(self, asked: SearchRequest, token: str | None = "t1", complete: bool = False) -> Window:
        """The window that continues run `r1`."""
        return decide_continuation(
            asked,
            RunTimes((day(1), day(2)), clear_number=1),
            inherited=self.INHERITED,
            complete=complete,
            token=token,
            oldest_id="1700",
            run_id="r1",
            now=NOW + DAY,
        )

    def test_inherits(self) -> None:
        """Query, span, page size and fields are the other's; pages at most and the deadline its own."""
        window = self.go_on(request(page_max=7, deadline=NOW + 2 * DAY, max_results=10))

        same = ("since", "until", "query", "max_results", "expand", "fingerprint", "overlap_s", "vocabulary")
        assert all(getattr(window, name) == getattr(self.INHERITED, name) for name in same)
        assert (window.page_max, window.deadline, window.decided_at) == (7, NOW + 2 * DAY, NOW + DAY)
        assert (window.start_token, window.start_until_id, window.continues) == ("t1", "1700", "r1")
        assert (window.source, window.clear_number) == ("continued", 1)

    def test_nothing_to_continue(self) -> None:
        """A run that reached its last page cannot be continued."""
        with pytest.raises(WindowError, match="Run r1 reached the last page"):
            self.go_on(request(), token=None, complete=True)

    def test_without_a_token(self) -> None:
        """A run whose token cannot be carried over is continued below its oldest post."""
        window = self.go_on(request(), token=None)
        assert (window.start_token, window.start_until_id) == (None, "1700")

    def test_of_another_query(self) -> None:
        """A token belongs to its query: another one is refused, naming both."""
        with pytest.raises(WindowError, match=r"'sevdesk' \(recent\), this run for 'other' \(all\)"):
            self.go_on(request(fingerprint="f" * 16, query="other", endpoint="all"))

    def test_is_not_out_of_reach(self) -> None:
        """A continued window is not refused for its age: its token may still be good, and X decides."""
        check_reach(self.go_on(request()), NOW + 9 * DAY)


class TestSameSpan:
    """A run that is fetched again covers what it covered."""

    def test_what_was_new(self) -> None:
        """What was new then is collected again, though it is covered now."""
        before = decided(request(), covered_until=day(22))
        again = decide(request(max_results=10), RunTimes(None, 1), covered_until=before.until, now=NOW + DAY)

        window = same_span(again, before.since, before.until, NOW + DAY)

        assert (window.since, window.until, window.source) == (before.since, before.until, "new")
        assert (window.max_results, window.clear_number, window.decided_at) == (10, 1, NOW + DAY)

    def test_out_of_reach(self) -> None:
        """A form's window that is out of reach by now is refused."""
        before = decided(request(start_time=day(16), end_time=day(17)))
        again = decided(request(start_time=day(16), end_time=day(17)))
        with pytest.raises(WindowError, match="Nothing was bought"):
            same_span(again, before.since, before.until, day(25))


class TestReach:
    """Recent search forgets while a run waits."""

    WINDOW = decided(request(start_time=day(16), end_time=day(17)))

    def test_is_checked_again(self) -> None:
        """A window that was in reach when it was decided is refused once it no longer is."""
        check_reach(self.WINDOW, day(23))
        with pytest.raises(WindowError, match="Nothing was bought"):
            check_reach(self.WINDOW, day(23) + timedelta(minutes=2))

    def test_start_is_left_out_near_the_edge(self) -> None:
        """Where X's own floor comes close, start_time is not sent, which X would refuse a second later."""
        assert "start_time" in self.WINDOW.times(day(23) - timedelta(minutes=3))
        assert "start_time" not in self.WINDOW.times(day(23) - timedelta(minutes=1))

    def test_covers_no_more_than_was_seen(self) -> None:
        """Coverage begins where the endpoint still saw when the last page was asked for."""
        assert self.WINDOW.covered_since(NOW) == day(16)
        assert self.WINDOW.covered_since(day(23) + timedelta(hours=1)) == day(16) + timedelta(hours=1)
        assert decided(archive()).covered_since(NOW + 30 * DAY) == decided(archive()).since


def test_is_kept_as_json() -> None:
    """A window comes back from window.json as it was."""
    window = decided(request(start_time=day(18), end_time=day(19)))
    kept = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(window)))
    assert msgspec.convert(kept, Window) == window
