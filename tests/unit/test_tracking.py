"""Rate and remaining time are right for steady work, and defined for any."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synthgen.events import Batch, Finished, Phase, Retry, Scaled, Started, Waiting
from synthgen.monitor import PerformanceMonitor
from synthgen.tracking import MEMORY_SECONDS, Tracker

ENDED = Finished("load", "scale-x", "online", "done", 1.0, PerformanceMonitor("load").performance)
TIMES = st.floats(0, 1e9, allow_nan=False)
EVENTS = st.one_of(
    st.builds(Phase, st.sampled_from(["nodes", "relationships"]), st.integers(0, 10**12), st.integers(0, 10**12)),
    st.builds(Batch, st.just("nodes"), st.integers(0, 10_000), st.floats(0, 60), st.integers(0, 3)),
    st.builds(Retry, st.sampled_from(["too large", "contention", "unreachable"]), st.integers(0, 10),
              st.floats(0, 60), st.just("why")),
    st.builds(Waiting, st.sampled_from(["the database", "the rate limit"]), st.floats(0, 60)),
    st.builds(Scaled, st.integers(1, 10_000), st.integers(1, 5), st.just("why")),
    st.just(Started("load", "scale-x", "online")), st.just(ENDED),
)


@example(rate=1_000.0, before=0, begin=0.0, steps=[1, 999, 1], left=1)
@given(rate=st.floats(0.5, 1e6), before=st.integers(0, 10**9), begin=TIMES,
       steps=st.lists(st.integers(1, 10_000), min_size=1, max_size=60), left=st.integers(0, 10**7))
def test_steady_work_has_the_right_remaining_time(rate, before, begin, steps, left):
    """Whatever the sizes of the steps, and whatever an earlier run had done before the first one."""
    tracker, done, now = Tracker(), before, begin
    due = before + sum(steps) + left
    tracker.see(Phase("nodes", done, due), now)
    for step in steps:
        done += step
        now += step / rate
        tracked = tracker.see(Phase("nodes", done, due), now)
        if now - begin > 1:
            assert tracked.rows_per_second == pytest.approx(rate, rel=1e-3)
            assert tracked.remaining_seconds == pytest.approx((due - done) / rate, rel=1e-3)
    assert (tracked.done, tracked.due, tracked.counts_rows) == (due - left, due, True)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 1e4)), max_size=60), st.floats(0, 1e6))
def test_every_figure_is_finite_and_not_negative(events, idle):
    """Any events at any times, none passing in between included: no division by zero, no infinity."""
    tracker, now = Tracker(), 0.0
    for event, passed in [*events, (None, idle)]:
        now += passed
        tracked = tracker.view(now) if event is None else tracker.see(event, now)
        for figure in (tracked.rows_per_second, tracked.remaining_seconds, tracked.waiting_seconds):
            assert figure is None or (math.isfinite(figure) and figure >= 0)
        assert tracked.remaining_seconds is None or tracked.due


@given(slow=st.floats(1, 1e3), fast=st.floats(1, 1e3))
def test_the_rate_is_that_of_the_last_seconds(slow, fast):
    """A minute after the rate changed, what was before no longer counts."""
    tracker, done, now = Tracker(), 0.0, 0.0
    tracker.see(Phase("nodes", 0, 10**9), now)
    for rate in (slow, fast):
        for _ in range(600):
            now += 0.1
            done += rate * 1_000
            tracked = tracker.see(Phase("nodes", round(done), 10**9), now)
    assert tracked.rows_per_second == pytest.approx(fast * 10_000, rel=0.01 + 5 * slow / fast / math.exp(6))


def test_steps_without_time_between_them_count():
    """A hundred steps at one moment, then some time: all of them are in the rate."""
    tracker = Tracker()
    for done in range(101):
        tracker.see(Phase("nodes", done, 1_000), 5.0)
    assert tracker.see(Phase("nodes", 102, 1_000), 6.0).rows_per_second == pytest.approx(102)


def test_a_step_that_is_overdue_slows_the_rate():
    """Between steps the remaining time counts down; when none comes the rate falls and the time rises again."""
    tracker = Tracker()
    for now in (0, 1, 2):
        tracked = tracker.see(Phase("nodes", 100 * now, 1_000), float(now))
    assert (tracked.rows_per_second, tracked.remaining_seconds) == pytest.approx((100, 8))
    assert tracker.view(2.5).remaining_seconds == pytest.approx(7.5)
    assert tracker.view(3.0).rows_per_second == pytest.approx(100)
    stalled = tracker.view(3.0 + 2 * MEMORY_SECONDS)
    assert stalled.rows_per_second < 20
    assert stalled.remaining_seconds > 40
    assert tracker.view(1e7).remaining_seconds is None


def test_what_cannot_be_known_is_none():
    """Before the first step there is no rate; without what is due there is no remaining time."""
    tracker = Tracker()
    assert tracker.view(0.0).phase is None
    tracked = tracker.see(Phase("reading the dump (MB)", 0, 0), 0.0)
    assert (tracked.rows_per_second, tracked.remaining_seconds, tracked.counts_rows) == (None, None, False)
    tracked = tracker.see(Phase("reading the dump (MB)", 10, 0), 2.0)
    assert (tracked.rows_per_second, tracked.remaining_seconds, tracked.elapsed_seconds) == (5.0, None, 2.0)


def test_a_phase_that_comes_again_begins_anew():
    """The database is read before and after a load: the second time is measured by itself."""
    tracker = Tracker()
    for done, now in ((0, 0.0), (100, 1.0), (0, 500.0)):
        tracked = tracker.see(Phase("reading nodes (try 2)", done, 100), now)
    assert (tracked.rows_per_second, tracked.elapsed_seconds, tracked.counts_rows) == (None, 0.0, True)
    assert tracker.see(Phase("reading nodes (try 2)", 20, 100), 501.0).remaining_seconds == pytest.approx(4)


def test_what_is_waited_for():
    """A wait ends when it said, or, for the database, when something came through."""
    tracker = Tracker()
    assert tracker.see(Waiting("the rate limit", 2.0), 10.0).waiting_for == "the rate limit"
    assert tracker.see(Batch("nodes", 5, 0.1), 11.0).waiting_seconds == 1.0
    assert tracker.view(12.0).waiting_for is None
    assert tracker.see(Retry("contention", 5, 9.0, "why"), 13.0).waiting_for is None
    assert tracker.see(Retry("unreachable", 5, 9.0, "why"), 14.0).waiting_for == "the database"
    assert tracker.see(Batch("nodes", 5, 0.1), 15.0).waiting_for is None
    tracked = tracker.see(Waiting("another run's transactions", 0.0), 16.0)
    assert (tracked.waiting_for, tracked.waiting_seconds) == ("another run's transactions", None)
    assert tracker.view(1e6).waiting_for == "another run's transactions"
    assert tracker.see(ENDED, 1e6).waiting_for is None


def test_work_within_work():
    """A load that fails is rolled back within it; the next load begins with nothing."""
    tracker = Tracker()
    tracker.see(Started("load", "scale-x", "online"), 0.0)
    tracker.see(Retry("contention", 5, 0.1, "why"), 1.0)
    tracker.see(Scaled(500, 3, "why"), 1.0)
    tracked = tracker.see(Started("rollback", "scale-x"), 2.0)
    assert (tracked.work, tracked.retries, tracked.batch_rows, tracked.writers) == ("rollback", 1, 500, 3)
    assert tracker.see(ENDED, 3.0).work == "load"
    assert tracker.see(ENDED, 3.0).work is None
    tracked = tracker.see(Started("validate", "scale-x"), 4.0)
    assert (tracked.work, tracked.retries, tracked.batch_rows, tracked.phase) == ("validate", 0, None, None)
