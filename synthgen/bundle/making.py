"""Makes parts in this process, a few at a time; knows no manifest."""

from __future__ import annotations

from collections.abc import Iterator

from synthgen.ahead import ahead
from synthgen.bundle.part import Due, Made, give_part

AT_ONCE = 2
"""While the rows of one part are made, those of another are written and digested, which leaves Python to others."""


def make_here(due: Due, at_once: int = AT_ONCE) -> Iterator[Made]:
    """Make parts in their order; memory holds `at_once` of them.

    Raises:
        OSError: The disk is full or not writable.
        StoreError: The store that they go to does not give or take one.
    """
    return ahead(lambda number: give_part(due.outline, number, due.folder, due.files_at, due.known.get(number)),
                 due.numbers, at_once)
