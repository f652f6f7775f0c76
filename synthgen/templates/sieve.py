"""Picks those of many rows that pass a test, so that any range of the picked ones can be made alone; pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from synthgen.seeding import I64

CHUNK = 65_536


class Sieve:
    """The rows of 0 … rows - 1 that pass; memory holds one number for each chunk of them.

    Attributes:
        rows: How many pass.
    """

    def __init__(self, rows: int, passes: Callable[[I64], npt.NDArray[np.bool_]]) -> None:
        """Count what passes.

        Args:
            rows: Of all.
            passes: Says of any row numbers which pass; the same every time.
        """
        self._all = rows
        self._passes = passes
        counts = [int(passes(self._chunk(first)).sum()) for first in range(0, rows, CHUNK)]
        self._before: I64 = np.cumsum([0, *counts])
        self.rows = int(self._before[-1])

    def __call__(self, start: int, stop: int) -> I64:
        """Give the numbers of the passing rows start … stop - 1, counted among those that pass."""
        pieces = [np.zeros(0, np.int64)]
        first, last = np.searchsorted(self._before, [start, max(start, stop - 1)], side="right") - 1
        for chunk in range(int(first), int(last) + 1) if stop > start else []:
            numbers = self._chunk(chunk * CHUNK)
            passing = numbers[self._passes(numbers)]
            before = int(self._before[chunk])
            pieces.append(passing[max(0, start - before): stop - before])
        return np.concatenate(pieces)

    def _chunk(self, first: int) -> I64:
        return np.arange(first, min(first + CHUNK, self._all), dtype=np.int64)
