"""Makes parts in this process, a few at a time; knows no manifest."""

from __future__ import annotations

from collections.abc import Iterator

from synthgen.ahead import ahead
from synthgen.bundle.part import Due, Made, make_part

AT_ONCE = 2
"""While the rows of one part are made, those of another are written and digested, which leaves Python to others."""


def make_here(due: Due, at_once: int = AT_ONCE) -> Iterator[Made]:
    """Make parts in their order; memory holds `at_once` of them.

    Raises:
        OSError: The disk is full or not writable.
    """
    return ahead(lambda number: make_part(due.outline, number, due.folder), due.numbers, at_once)
