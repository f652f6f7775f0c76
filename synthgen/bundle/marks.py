"""Which of many numbers were met, at one bit each; knows no file."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synthgen.distinct import distinct

_SPREAD = 64
"""Numbers that lie further apart than this, on the average, are kept one by one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Some numbers, in little room: bytes of eight of them each, and where in a row of such bytes they belong.

    Attributes:
        at: The place of the first byte when they follow each other, else of each, sorted.
        bits: The bytes (uint8); the lowest number is the highest bit, as `numpy.packbits` has it.
    """

    at: int | npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint8] = field(repr=False)


def seen_in(numbers: npt.NDArray[np.int64]) -> Seen:
    """Give which numbers, all 0 or more, stand in a column."""
    if not len(numbers):
        return Seen(0, np.zeros(0, np.uint8))
    low, high = int(numbers.min()) >> 3, (int(numbers.max()) >> 3) + 1
    if (high - low) * 8 <= _SPREAD * len(numbers):
        met = np.zeros((high - low) * 8, np.bool_)
        met[numbers - low * 8] = True
        return Seen(low, np.packbits(met))
    single = distinct(numbers)
    places, starts = np.unique(single >> 3, return_index=True)
    return Seen(places, np.bitwise_or.reduceat((128 >> (single & 7)).astype(np.uint8), starts))


class Marks:
    """The numbers 0 … count - 1, each met or not."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._bits = np.zeros(-(-count // 8), np.uint8)

    def add(self, seen: Seen) -> None:
        """Mark what was met."""
        at = seen.at if isinstance(seen.at, np.ndarray) else slice(seen.at, seen.at + len(seen.bits))
        self._bits[at] |= seen.bits

    def met(self) -> int:
        """Count those that were met."""
        return int(np.bitwise_count(self._bits).sum(dtype=np.int64))

    def numbers(self) -> npt.NDArray[np.int64]:
        """Give those that were met, sorted."""
        return np.flatnonzero(np.unpackbits(self._bits, count=self._count))
