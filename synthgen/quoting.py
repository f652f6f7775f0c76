"""Which relationships of the base a property of one of their ends repeats, so that they cannot be swapped; pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from synthgen.base import Base, BaseNodes, BaseRelationships, Mask
from synthgen.clones import Clones
from synthgen.identifiers import ITEM_END, Identifiers
from synthgen.seeding import I64


class Quoting:
    """Finds relationships whose start says in a property what its end is, or the other way round.

    A machine's `location` names the region that it is tied to; a network interface's JSON holds its machine's id.
    """

    def __init__(self, base: Base, clones: Clones, identifiers: Identifiers) -> None:
        """Look through all texts of cloned nodes; `identifiers` know these."""
        self._base = base
        self._cloned = clones.count > 0
        pairs = {speaker * base.size + meant for speaker, meant in _spoken_of(base, self._cloned, identifiers)}
        self._pairs = np.array(sorted(pairs), np.int64)

    def repeated(self, table: BaseRelationships, picks: I64) -> Mask:
        """Mark those of these relationships, all between two tables of nodes, that a property repeats."""
        start, end, size = table.start[picks], table.end[picks], self._base.size
        spoken = np.isin(start * size + end, self._pairs) | np.isin(end * size + start, self._pairs)
        result: Mask = spoken | self._same_text(start, end)
        return result

    def _same_text(self, start: I64, end: I64) -> Mask:
        """Mark pairs of a cloned and an uncloned node that have a text in common."""
        found = np.zeros(len(start), np.bool_)
        if not len(start) or self._cloned[start[0]] == self._cloned[end[0]]:
            return found
        ends = [list(self._texts(numbers)) for numbers in (start, end)]
        for one in ends[0]:
            for other in ends[1]:
                found |= (one == other).fill_null(value=False).to_numpy()
        return found

    def _texts(self, numbers: I64) -> Iterator[pl.Series]:
        table = self._base.nodes[int(self._base.table_of[numbers[0]])]
        for name, kind in table.types.items():
            if kind == "STRING":
                yield table.frame[name][numbers - table.first].str.to_lowercase()


def _spoken_of(base: Base, cloned: Mask, identifiers: Identifiers) -> Iterator[tuple[int, int]]:
    for table in base.nodes:
        numbers = table.first + np.flatnonzero(cloned[table.numbers])
        for values in _columns_of_text(table, numbers):
            for node, value in zip(numbers.tolist(), values, strict=True):
                if value is not None:
                    yield from ((node, mention.node) for mention in identifiers.mentions(value))


def _columns_of_text(table: BaseNodes, numbers: I64) -> Iterator[pl.Series]:
    for name, kind in table.types.items():
        if kind == "STRING":
            yield table.frame[name][numbers - table.first]
        elif kind == "LIST<STRING>":
            yield table.frame[name][numbers - table.first].list.join(ITEM_END)
