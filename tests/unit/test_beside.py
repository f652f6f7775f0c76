"""Two pieces of work side by side end as if the first had gone before."""

from __future__ import annotations

import threading

import pytest

from importer.beside import begin, side_by_side
from synthgen.errors import BundleError, RefusedError
from synthgen.progress import silent

PATIENCE_S = 60


def fail(error):
    """Make work that fails at once."""
    def work(_):
        raise error

    return work


def until_ended(was_ended):
    """Make work that reports itself until it is told that it is in vain."""
    def work(progress):
        for _ in range(PATIENCE_S * 100):
            try:
                progress("waiting", 0, 0)
            except Exception:
                was_ended.append(True)
                raise
            threading.Event().wait(0.01)

    return work


def test_both_are_under_way_at_once_and_both_answers_come_back():
    """Each waits for the other: one after the other they would never end."""
    met = threading.Barrier(2, timeout=PATIENCE_S)
    reports = []

    def work(answer):
        def meeting(progress):
            met.wait()
            progress(answer, 1, 1)
            return answer

        return meeting

    assert side_by_side(work("one"), work("two"), lambda *report: reports.append(report)) == ("one", "two")
    assert sorted(reports) == [("one", 1, 1), ("two", 1, 1)]


def test_what_the_first_finds_wrong_is_told_even_when_the_second_fails_sooner():
    """One after the other, the second would not have begun."""
    second_failed = threading.Event()

    def first(_):
        assert second_failed.wait(PATIENCE_S)
        raise BundleError("rows are wrong")

    def second(_):
        second_failed.set()
        raise RefusedError("the base has changed")

    with pytest.raises(BundleError, match="rows are wrong"):
        side_by_side(first, second, silent)


def test_a_failure_of_the_second_alone_is_told():
    """The first ends its work before."""
    done = []
    with pytest.raises(RefusedError, match="the base has changed"):
        side_by_side(lambda _: done.append(True), fail(RefusedError("the base has changed")), silent)
    assert done == [True]


def test_when_the_first_fails_the_second_is_ended():
    """A base of millions of nodes is not read to its end for nothing."""
    was_ended = []
    with pytest.raises(BundleError, match="rows are wrong"):
        side_by_side(fail(BundleError("rows are wrong")), until_ended(was_ended), silent)
    assert was_ended == [True]


def test_an_interrupt_ends_both():
    """Ctrl-C comes into the second, in the main thread."""
    was_ended = []
    with pytest.raises(KeyboardInterrupt):
        side_by_side(until_ended(was_ended), fail(KeyboardInterrupt()), silent)
    assert was_ended == [True]


def test_what_is_begun_tells_nobody_until_somebody_listens():
    """A bar drawn beside a question would garble it."""
    is_told, goes_on, reports = threading.Event(), threading.Event(), []

    def work(progress):
        progress("early", 1, 2)
        is_told.set()
        assert goes_on.wait(PATIENCE_S)
        progress("late", 2, 2)
        return "done"

    with begin(work) as one:
        assert is_told.wait(PATIENCE_S)
        one.listen(lambda *report: reports.append(report))
        goes_on.set()
        assert one.result() == "done"
    assert reports == [("late", 2, 2)]


def test_what_nobody_waited_for_is_ended_with_the_block():
    """A load that is refused does not read a hundred million rows to their end first."""
    was_ended = []
    with pytest.raises(RefusedError), begin(until_ended(was_ended)):
        raise RefusedError("it is loaded already")
    assert was_ended == [True]


def test_an_error_of_what_is_begun_comes_where_it_is_waited_for():
    """And as often as it is."""
    with begin(fail(BundleError("rows are wrong"))) as one:
        for _ in range(2):
            with pytest.raises(BundleError, match="rows are wrong"):
                one.result()
