"""Bytes of some records, kept as a mould: others that differ from them in numbers of the same length are cast from it.

Most of a record is the same in every copy, and so are the places of its numbers while these have as many digits. So
bytes are copied, and only digits are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from synthgen.pieces import GUID_BYTES, Cuts, Mark
from synthgen.seeding import I64

U8 = npt.NDArray[np.uint8]
_NARROW = np.iinfo(np.uint32).max
_ZERO = ord("0")


@dataclass(frozen=True, slots=True)
class _Digits:
    """The numbers with equally many digits: `pieces` they stand behind, and `places` of their first digits."""

    count: int
    pieces: I64
    places: I64


@dataclass(frozen=True, slots=True)
class Mould:
    """The bytes of some records that are copied with other numbers.

    Attributes:
        octets: What they were once.
        ends: Where each record begins, and all end.
        pieces: Of which pieces they are made.
        _least, _most: Of each piece, between which its number has as many digits as it had then.
        _digits: Where the numbers stand.
        _guids: Behind which pieces GUIDs stand.
        _guid_places: Where these begin.
    """

    octets: U8
    ends: I64
    pieces: I64 | slice
    _least: I64
    _most: I64
    _digits: tuple[_Digits, ...]
    _guids: I64
    _guid_places: I64

    @classmethod
    def of(cls, cuts: Cuts, pieces: I64 | slice, number: I64, octets: U8, ends: I64) -> Self:
        """Make a mould of records that were written from these pieces with these numbers."""
        marks = cuts.flat.marks[pieces]
        counted = marks == Mark.TOKEN
        powers = 10 ** np.arange(19, dtype=np.int64)
        digits = np.where(counted, np.maximum(np.searchsorted(powers, number, side="right"), 1), 0)
        lengths = cuts.flat.texts[pieces].str.len_bytes().to_numpy().astype(np.int64)
        behind = np.cumsum(lengths + digits + GUID_BYTES * (marks == Mark.GUID))
        guids = np.flatnonzero(marks == Mark.GUID)
        # Not counted ones fit whatever their number; 0 has a digit, too.
        least = np.where(counted & (digits > 1), powers[np.maximum(digits - 1, 0)], 0)
        most = np.where(counted & (digits < len(powers)), powers[np.minimum(digits, len(powers) - 1)] - 1,
                        np.iinfo(np.int64).max)
        groups = []
        for count in np.flatnonzero(np.bincount(digits[counted])).tolist():
            found = np.flatnonzero(counted & (digits == count))
            groups.append(_Digits(count, found, behind[found] - count))
        return cls(octets, ends, pieces, least, most, tuple(groups), guids, behind[guids] - GUID_BYTES)

    @property
    def bytes(self) -> int:
        """What it takes of memory, roughly."""
        return len(self.octets) + 8 * (2 * len(self.ends) + 5 * len(self._least))

    def fits(self, number: I64) -> bool:
        """Say whether records with these numbers have the same lengths everywhere."""
        return bool(((self._least <= number) & (number <= self._most)).all())

    def cast(self, cuts: Cuts, number: I64) -> U8:
        """Give the bytes of the records with these numbers, which must fit."""
        cast = self.octets.copy()
        for group in self._digits:
            rest = number[group.pieces]
            if rest.max(initial=0) <= _NARROW:
                rest = rest.astype(np.uint32)
            for place in range(group.count - 1, -1, -1):
                tens = rest // 10
                cast[group.places + place] = rest - tens * 10 + _ZERO
                rest = tens
        if len(self._guids):
            salts = cuts.flat.salts[self.pieces][self._guids]
            cast[self._guid_places[:, None] + np.arange(GUID_BYTES)] = cuts.guids(salts, number[self._guids])
        return cast
