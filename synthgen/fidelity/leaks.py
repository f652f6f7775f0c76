"""What of the reference stands in other rows: whole rows, and ids within texts; a quick look, not the privacy gate.

Rows are compared by a hash of all their properties. An id of the reference is found as a whole value, or within a text
before a mark that ends it, such as a quote or a slash.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from synthgen.fidelity.measured import Measured, Rows
from synthgen.graph import column
from synthgen.seeding import shuffled

_ENDS = ('"', "/", ",", " ", "'")
_TEXTS = frozenset(("STRING", "LIST<STRING>"))
SHORTEST_ID = 6
"""Shorter ids, such as numbers, stand in other texts by chance."""
MOST_IDS = 20_000
"""Of more ids a seeded sample is looked for, so that the search stays linear in the rows."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What is looked for: the ids of the reference with each mark that may end one, and hashes of its rows."""

    ids: pl.Series
    rows: pl.Series


def searched_in(graph: Measured, id_property: str | None) -> Searched:
    """Collect what is looked for from a reference."""
    ids, hashes = [pl.Series([], dtype=pl.String)], [pl.Series([], dtype=pl.UInt64)]
    for rows in graph.nodes():
        if rows.types:
            hashes.append(_hashed(rows))
        if id_property is not None and rows.types.get(id_property) == "STRING":
            ids.append(rows.frame[id_property].drop_nulls().rename(""))
    unique = pl.concat(ids).unique().sort()
    unique = unique.filter(unique.str.len_chars() >= SHORTEST_ID)
    unique = unique[shuffled(len(unique), 0)[:MOST_IDS]]
    return Searched(pl.concat([unique + mark for mark in _ENDS]), pl.concat(hashes).unique())


class Leaks:
    """Counts over the rows looked at.

    Attributes:
        rows: Rows looked at.
        identical: Those that are a row of the reference in all properties.
        with_ids: Those with an id of the reference in one of their texts.
    """

    def __init__(self, searched: Searched) -> None:
        self._searched = searched
        self.rows = self.identical = self.with_ids = 0

    def add(self, rows: Rows) -> None:
        """Look at some rows; those without properties hold nothing."""
        if not rows.types:
            return
        self.rows += rows.frame.height
        self.identical += int(_hashed(rows).is_in(self._searched.rows.implode()).sum())
        texts = [column(name) if kind == "STRING" else column(name).list.join('"')
                 for name, kind in rows.types.items() if kind in _TEXTS]
        if texts and len(self._searched.ids):
            ids = self._searched.ids.implode()
            held = [(text + '"').str.contains_any(ids).fill_null(value=False) for text in texts]
            self.with_ids += int(rows.frame.select(pl.any_horizontal(held)).to_series().sum())


def _hashed(rows: Rows) -> pl.Series:
    return rows.frame.select(sorted(rows.frame.columns)).hash_rows()
