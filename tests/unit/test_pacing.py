"""The controller of batch size and writers, with a made-up server and clock."""

from __future__ import annotations

import pytest

from importer.pacing import Pacing


def drive(pacing, rate, batches):
    """Let batches succeed on a server of `rate(batch_rows, writers)` rows per second; gives the settings seen."""
    now, seen = 0.0, []
    pacing.began_phase(now)
    for _ in range(batches):
        now += pacing.batch_rows / rate(pacing.batch_rows, pacing.writers)
        pacing.wrote(pacing.batch_rows, now)
        seen.append((pacing.batch_rows, pacing.writers))
    return seen


def test_it_grows_while_larger_is_faster():
    """A server that likes large batches gets the largest, and stays there."""
    pacing = Pacing((100, 10_000), (1, 5))
    seen = drive(pacing, lambda rows, _: rows * 3, 300)
    assert max(rows for rows, _ in seen) == 10_000
    assert all(after[0] <= 10_000 for after in seen)


def test_it_takes_more_writers_while_they_help():
    """A server that scales with writers, not with batch size, gets more writers."""
    pacing = Pacing((100, 10_000), (1, 5))
    drive(pacing, lambda _, writers: 10_000 * writers, 600)
    assert pacing.writers >= 4


def test_what_does_not_help_is_taken_back():
    """On a server where nothing matters the first setting comes back, and it rests."""
    pacing = Pacing((100, 10_000), (1, 5))
    seen = drive(pacing, lambda *_: 10_000.0, 600)
    assert seen.count((2_000, 2)) > len(seen) * 0.7


@pytest.mark.parametrize(("rows_bounds", "writers_bounds"), [((100, 100), (1, 1)), ((10_000, 10_000), (5, 5)),
                                                             ((300, 700), (2, 3))])
def test_bounds_hold_whatever_happens(rows_bounds, writers_bounds):
    """Neither growth nor trouble leaves the bounds; fixed bounds are a fixed setting."""
    pacing = Pacing(rows_bounds, writers_bounds)
    for step in range(200):
        if step % 3:
            pacing.wrote(pacing.batch_rows, step * 1.0)
        else:
            pacing.met(("too large", "contention", "unreachable")[step % 9 // 3], pacing.batch_rows, step * 1.0)
        assert rows_bounds[0] <= pacing.batch_rows <= rows_bounds[1]
        assert writers_bounds[0] <= pacing.writers <= writers_bounds[1]


def test_what_was_too_large_is_not_tried_again():
    """After an out-of-memory the batch is halved at once and never grows to what failed."""
    pacing = Pacing((100, 10_000), (1, 1))
    pacing.met("too large", 2_000, 0.0)
    assert pacing.batch_rows == 1_000
    seen = drive(pacing, lambda rows, _: rows * 3, 100)
    assert max(rows for rows, _ in seen) < 2_000


@pytest.mark.parametrize(("deadlocks", "writers"), [(1, 2), (9, 1)])
def test_many_deadlocks_take_a_writer_away(deadlocks, writers):
    """One now and then is normal; many mean too many writers, not too large a batch."""
    pacing = Pacing((2_000, 2_000), (1, 2))
    pacing.began_phase(0.0)
    for _ in range(deadlocks):
        pacing.met("contention", 2_000, 0.0)
    for step in range(1, 10):
        pacing.wrote(2_000, step * 1.0)
    assert (pacing.batch_rows, pacing.writers) == (2_000, writers)


def test_every_change_has_a_reason():
    """The decisions can be shown: what was set, and why."""
    pacing = Pacing((100, 10_000), (1, 5))
    drive(pacing, lambda rows, _: rows * 3, 50)
    assert pacing.decisions
    assert all(decision.reason for decision in pacing.decisions)
    assert (pacing.decisions[-1].batch_rows, pacing.decisions[-1].writers) == (pacing.batch_rows, pacing.writers)
