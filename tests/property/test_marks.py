"""Marks say of many numbers which were met, whatever order and company they came in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthgen.bundle.marks import Marks, seen_in

COUNT = 100_000
columns = st.one_of(st.lists(st.integers(0, COUNT - 1), max_size=30),
                    st.lists(st.integers(500, 620), min_size=20, max_size=60))


@given(st.lists(columns, max_size=5))
def test_what_was_met_is_marked_and_nothing_else(met: list[list[int]]) -> None:
    """Near ones and far ones, none, the same one again and again."""
    marks = Marks(COUNT)
    for column in met:
        marks.add(seen_in(np.array(column, np.int64)))
    expected = sorted({number for column in met for number in column})
    assert marks.numbers().tolist() == expected
    assert marks.met() == len(expected)


@given(st.integers(0, 40))
def test_the_last_number_counts_too(count: int) -> None:
    """Also when the numbers are no multiple of eight."""
    marks = Marks(count)
    marks.add(seen_in(np.arange(count)))
    assert marks.met() == count
    assert marks.numbers().tolist() == list(range(count))


def test_far_numbers_take_little_room() -> None:
    """What a worker reports of a part does not grow with the operation."""
    numbers = np.random.default_rng(1).integers(0, 1_000_000_000, 1_000)
    assert seen_in(numbers).bits.nbytes <= 1_000
