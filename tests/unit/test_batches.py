"""Batches of a part: every row once, whatever the pace; batches side by side share no node."""

from __future__ import annotations

import heapq

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.batches import BUCKETS, DuePart, OpenPart, Source, gaps_between, node_keys, order_by_buckets


def part_of(starts, ends, gaps=None):
    """Make a part of relationships, ready to be written."""
    order, pairs = order_by_buckets(starts, ends)
    frame = pl.DataFrame({"start": starts, "end": ends, "row": range(len(starts))})[order]
    opened = OpenPart("", [], frame, pairs)
    return DuePart("relationships", 0, 0, gaps or ((0, len(starts)),), lambda: opened)


def drain(source, rows, writers, random):
    """Write with several writers, which end in random order; gives the batches, checking those side by side."""
    under_way, given_out = [], []
    while True:
        while len(under_way) < writers:
            busy = sum(batch.buckets for batch in under_way)
            batch = source.take(rows, busy=busy, writers=writers)
            if batch is None:
                break
            for other in under_way:
                assert not nodes_of(batch) & nodes_of(other)
            under_way.append(batch)
            given_out.append(batch)
        if not under_way:
            return given_out
        under_way.pop(random.integers(len(under_way)))


def nodes_of(batch):
    """All end nodes of a batch, in either role."""
    return {end for row in batch.rows() for end in row[:2]}


@given(st.integers(1, 2_000), st.integers(1, 400), st.integers(1, 300), st.integers(1, 5), st.integers(0, 2**31))
def test_every_row_is_given_once_and_neighbours_share_no_node(count, nodes, rows, writers, seed):
    """For any relationships of one node set, batch size and number of writers."""
    random = np.random.default_rng(seed)
    starts, ends = random.integers(0, nodes, (2, count))
    batches = drain(Source(iter([part_of(starts, ends), part_of(ends, starts)])), rows, writers, random)
    given_rows = [row for batch in batches for row in batch.rows()]
    expected = [*zip(starts, ends, range(count), strict=True), *zip(ends, starts, range(count), strict=True)]
    assert sorted(given_rows) == sorted(expected)
    assert max(batch.range.rows for batch in batches) <= rows


@given(st.integers(1, 500), st.lists(st.integers(1, 60), max_size=12), st.integers(0, 2**31))
def test_what_is_done_is_not_given_again(count, sizes, seed):
    """A part that was written in ranges by one pace is finished by another."""
    random = np.random.default_rng(seed)
    starts, ends = random.integers(0, 50, (2, count))
    first, done, taken = Source(iter([part_of(starts, ends)])), [], []
    for size in sizes:
        batch = first.take(size, busy=0, writers=3)
        if batch is not None:
            done.append((batch.range.first, batch.range.first + batch.range.rows))
            taken += batch.rows()
    gaps = gaps_between(done, count)
    rest = drain(Source(iter([part_of(starts, ends, gaps)] if gaps else [])), 37, 2, random)
    assert sorted([*taken, *(row for batch in rest for row in batch.rows())]) == sorted(
        zip(starts, ends, range(count), strict=True))


def test_the_order_depends_on_the_part_alone():
    """A range of rows means the same in every run of every version: this order is part of the ledger's format."""
    order, pairs = order_by_buckets(np.arange(12), np.arange(12) * 5 % 12)
    assert order.tolist() == [0, 2, 10, 4, 8, 6, 1, 5, 7, 11, 9, 3]
    assert all(mask.bit_count() <= 2 and mask < 1 << 2 * BUCKETS for mask in pairs.tolist())


@given(st.integers(1, 400), st.integers(1, 200), st.integers(1, 200), st.integers(0, 2**31))
def test_a_range_means_the_same_rows_whatever_the_pace(count, rows, other_rows, seed):
    """What one pace calls rows 5 to 9 of a part is what another calls so."""
    starts, ends = np.random.default_rng(seed).integers(0, 50, (2, count))
    meant = []
    for size, writers in ((rows, 2), (other_rows, 5)):
        batches = drain(Source(iter([part_of(starts, ends)])), size, writers, np.random.default_rng(seed))
        meant.append({batch.range.first + place: row for batch in batches for place, row in enumerate(batch.rows())})
    assert meant[0] == meant[1]


def makespan(parts, rows, writers):
    """Write batches whose time is their rows and 300 more; gives by how much it would be faster if none ever waited."""
    source, under_way, now, number, total = Source(iter(parts)), [], 0, 0, 0
    while True:
        while len(under_way) < writers and (
                batch := source.take(rows, busy=sum(one[2].buckets for one in under_way), writers=writers)):
            number += 1
            total += batch.range.rows
            heapq.heappush(under_way, (now + 300 + batch.range.rows, number, batch))
        if not under_way:
            return (total + 300 * total / rows) / writers / now
        now = heapq.heappop(under_way)[0]


def random_parts(random):
    """Relationships among 100,000 nodes, their ties to 31 base nodes, one of them a hub, and small parts."""
    def among(count):
        return node_keys("operation", random.integers(0, 100_000, count))

    base = np.minimum(random.integers(0, 45, 50_000), 30)
    return [part_of(among(90_000), among(90_000)), part_of(among(50_000), node_keys("base", base)),
            *(part_of(among(9_000), among(9_000)) for _ in range(4)), part_of(among(60_000), among(60_000))]


@pytest.mark.parametrize(("rows", "writers", "least"), [(10_000, 1, 0.95), (10_000, 2, 0.85), (5_000, 3, 0.6),
                                                        (5_000, 4, 0.5), (2_000, 5, 0.6)])
def test_writers_seldom_wait_for_each_other(rows, writers, least):
    """Several parts are open, so that there nearly always is something that touches nothing of the others'."""
    assert makespan(random_parts(np.random.default_rng(1)), rows, writers) >= least


@pytest.mark.parametrize("space", ["operation", "base"])
def test_a_hub_of_a_million_does_not_keep_the_others_waiting(space):
    """A million relationships end on one node, as many do not: these are written beside them."""
    random, count = np.random.default_rng(1), 1_000_000
    starts = node_keys("operation", random.integers(1, 300_000, 2 * count))
    ends = node_keys(space, np.where(np.arange(2 * count) % 2 == 0, 0, random.integers(1, 300_000, 2 * count)))
    assert makespan([part_of(starts, ends)], 10_000, 2) >= 0.75


def test_nodes_of_the_two_spaces_have_keys_of_their_own():
    """Base node 3 is not the operation's node 3."""
    numbers = np.arange(1000)
    keys = [*node_keys("base", numbers), *node_keys("operation", numbers)]
    assert len(set(keys)) == 2000


@pytest.mark.parametrize(("done", "gaps"), [
    ([], ((0, 10),)), ([(0, 10)], ()), ([(3, 5), (0, 2)], ((2, 3), (5, 10))),
])
def test_gaps_are_what_is_missing(done, gaps):
    """Ranges in any order."""
    assert gaps_between(done, 10) == gaps


@pytest.mark.parametrize("done", [[(0, 5), (4, 6)], [(0, 5), (0, 5)], [(8, 11)], [(3, 3)]])
def test_ranges_that_cannot_be_are_an_error(done):
    """A ledger that was damaged is found out."""
    with pytest.raises(ValueError, match="overlap"):
        gaps_between(done, 10)
