"""Records of copies, written as one text: what is the same in every copy is quoted once; knows no file.

A bundle holds the same few rows again and again, but for a number here and there. So the record of each is put together
once, with its commas and quotes, and cut where a copy has something of its own; a copy's record is its pieces with
these between them. The bytes are those of `Layout.write`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from synthgen.bundle.layout import LONG_ROW, Layout
from synthgen.bundle.moulds import Mould
from synthgen.bundle.rest import has_column
from synthgen.copies import Copies
from synthgen.pieces import Cuts, Flat, Mark, joined_texts
from synthgen.seeding import I64

_MOST_MOULD_BYTES = 128_000_000
"""Of one group's moulds; what is beyond is put together anew for each copy."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of the rows that are repeated, cut; each begins with the piece whose number is the import id.

    Attributes:
        copies: What they are records of.
        cuts: Their pieces.
        at_once: How many are written at once.
        _moulds: Of each stretch of rows, by its first and their number, the mould that was made last.
    """

    copies: Copies
    cuts: Cuts
    at_once: int
    _moulds: dict[tuple[int, int], Mould] = field(default_factory=dict, compare=False, repr=False)

    def stretches(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Cut rows start … stop - 1 into stretches of `at_once` rows or less, the same ones of each copy.

        A copy of many rows is cut into stretches; of few rows, several copies come together.
        """
        while start < stop:
            _, end = self._whole(start)
            yield start, min(stop, end)
            start = end

    def _whole(self, row: int) -> tuple[int, int]:
        """Give begin and end of the stretch that a row lies in."""
        rows = self.copies.rows
        if rows <= self.at_once:
            length = self.at_once // rows * rows
            return row // length * length, (row // length + 1) * length
        length = -(-rows // -(-rows // self.at_once))
        copy = row // rows * rows
        begin = row - (row - copy) % length
        return begin, min(begin + length, copy + rows)

    def written(self, start: int, stop: int, first: int) -> tuple[memoryview, int]:
        """Write the records of rows start … stop - 1, whose import ids are `first` and on.

        Returns:
            The bytes, and how long the longest record is when that is more than `LONG_ROW`, else 0.
        """
        copy, rank = self.copies.places(start, stop)
        at, offsets = self.cuts.places(rank)
        number = self.cuts.numbers(at, np.repeat(copy, np.diff(offsets)))
        number[offsets[:-1]] = np.arange(first, first + len(rank))
        key = start % self.copies.rows, stop - start
        mould = self._moulds.get(key)
        if mould is not None and mould.fits(number):
            octets = mould.cast(self.cuts, number)
        else:
            texts = joined_texts(self.cuts.marked(at, number), offsets)
            _, ends, buffer = texts.buffers()
            places = np.frombuffer(ends, np.int64, len(texts) + 1)
            octets = np.frombuffer(buffer or b"", np.uint8, places[-1] - places[0], places[0])
            mould = Mould.of(self.cuts, at, number, octets, places - places[0])
            if (start, stop) == self._whole(start):
                self._keep(key, mould)
        longest = int(np.diff(mould.ends).max(initial=0))
        return octets.data, longest if longest > LONG_ROW else 0

    def _keep(self, key: tuple[int, int], mould: Mould) -> None:
        # Two threads may both find room for the last one: that is one mould too many, and no harm.
        kept = sum(other.bytes for place, other in list(self._moulds.items()) if place != key)
        if kept + mould.bytes <= _MOST_MOULD_BYTES:
            self._moulds[key] = mould
        else:
            self._moulds.pop(key, None)


def records_of(layout: Layout, frame: pl.DataFrame, copies: Copies, *, at_once: int) -> Records | None:
    """Cut the records of rows that are repeated.

    Args:
        layout: Of their file.
        frame: The rows, with all properties of the layout.
        copies: What of them is written anew.
        at_once: How many are written at once.

    Returns:
        Them, or None when that cannot be done: names that clones are given, and properties that CSV has no column for,
        have to be made row by row.
    """
    if any(cut.names is not None or not has_column(name) for name, cut in copies.cuts.items()):
        return None
    fields = layout.fields(frame)
    cut_at = {layout.place_of(name): cut for name, cut in copies.cuts.items()}
    building = _Building(copies.rows)
    for place, values in enumerate(fields):
        building.add(_quoted(values), cut_at.get(place))
    return Records(copies, building.cuts(seed=next((cut.seed for cut in copies.cuts.values()), 0)), at_once)


def _quoted(field: pl.Series) -> pl.Series:
    """Write a column as it stands between commas; nothing for null."""
    if field.dtype == pl.String():
        field = '"' + _escaped(field) + '"'
    return field.cast(pl.String).fill_null("").alias("field")


def _escaped(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all('"', '""', literal=True)


class _Building:
    """Records to which field after field is added; `_pending` is what was not given to a piece yet."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._pending = pl.repeat("", rows, dtype=pl.String, eager=True).alias("pending")
        begin = np.arange(rows + 1)
        self._columns = [_bare(begin, self._pending, Mark.TOKEN)]

    def add(self, field: pl.Series, cut: Cuts | None) -> None:
        whole = _concatenated(self._pending, ",", field)
        if cut is None:
            self._pending = whole
            return
        flat = cut.flat
        has = pl.Series(flat.lengths > 0)
        firsts = flat.begins[:-1][has.to_numpy()]
        texts = _escaped(flat.texts)
        begun = _concatenated(_concatenated(self._pending, ",", '"').filter(has), texts[firsts])
        self._columns.append(_with_texts(flat, texts.scatter(firsts, begun)))
        self._pending = pl.repeat('"', self._rows, dtype=pl.String, eager=True).zip_with(has, whole)

    def cuts(self, seed: int) -> Cuts:
        ends = _bare(np.arange(self._rows + 1), _concatenated(self._pending, "\n"), Mark.NONE)
        return Cuts(_side_by_side([*self._columns, ends]), seed=seed)


def _concatenated(*texts: pl.Series | str) -> pl.Series:
    parts = [pl.lit(text) for text in texts]
    return pl.select(pl.concat_str(parts).alias("text")).to_series()


def _with_texts(flat: Flat, texts: pl.Series) -> Flat:
    return Flat(flat.begins, texts, flat.marks, flat.follows, flat.shifts, flat.periods, flat.moduli, flat.salts,
                flat.nodes, flat.stems, flat.longest)


def _bare(begins: I64, texts: pl.Series, mark: Mark) -> Flat:
    """Give pieces that are what they are, one a row."""
    rows = len(texts)
    none = np.zeros(rows, np.int64)
    return Flat(begins, texts, np.full(rows, mark, np.int8), np.zeros(rows, np.bool_), none, none, none,
                none.astype(np.uint64), none - 1, pl.Series("stem", [None], pl.String).new_from_index(0, rows), 1)


def _side_by_side(columns: list[Flat]) -> Flat:
    """Join the pieces that columns have of each row."""
    rows = len(columns[0])
    rows_of = np.concatenate([np.repeat(np.arange(rows), column.lengths) for column in columns])
    order = np.argsort(rows_of, kind="stable")
    lengths = np.sum([column.lengths for column in columns], axis=0)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(column, name) for column in columns])[order]

    return Flat(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        pl.concat([column.texts.alias("text") for column in columns])[order], joined("marks"), joined("follows"),
        joined("shifts"), joined("periods"), joined("moduli"), joined("salts"), joined("nodes"),
        pl.concat([column.stems.alias("stem") for column in columns])[order],
        max(column.longest for column in columns))
