"""Rows that repeat a few rows, some texts of them written anew in each; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from synthgen.identifiers import ITEM_END
from synthgen.pieces import Cuts
from synthgen.seeding import I64


@dataclass(frozen=True, slots=True)
class Copies:
    """Makes row i as row i % `rows` of `frame`, for the clone with the number i // `rows`; a `synthgen.growth.Make`.

    What takes such rows one way or another into account, such as `synthgen.bundle.records`, may look into it.

    Attributes:
        rows: How many rows are repeated.
        frame: These; no columns when rows have no properties.
        cuts: Columns of texts, or of lists of texts, that are written anew where they have pieces.
    """

    rows: int
    frame: pl.DataFrame
    cuts: Mapping[str, Cuts]

    def __call__(self, start: int, stop: int) -> pl.DataFrame:
        """Make rows start … stop - 1."""
        return self.made(*self.places(start, stop))

    def places(self, start: int, stop: int) -> tuple[I64, I64]:
        """Give the number of the clone, and the row of `frame`, of rows start … stop - 1."""
        copy, rank = np.divmod(np.arange(start, stop, dtype=np.int64), self.rows)
        return copy, rank

    def made(self, copy: I64, rank: I64) -> pl.DataFrame:
        """Make rows by these; see `places`."""
        if not self.frame.width:
            return pl.DataFrame(height=len(rank))
        frame = self.frame[rank]
        return frame.with_columns(rewritten(frame[name], cut, rank, copy) for name, cut in self.cuts.items())


def rewritten(values: pl.Series, cuts: Cuts, rank: I64, copy: I64) -> pl.Series:
    """Give a column with the texts that are written anew for these rows and clones; a list is cut as one text."""
    texts = cuts.written(rank, copy)
    if values.dtype == pl.List(pl.String):
        return texts.str.split(ITEM_END).zip_with(texts.is_not_null(), values).alias(values.name)
    return texts.zip_with(texts.is_not_null(), values).alias(values.name)
