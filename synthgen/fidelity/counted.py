"""A measured graph, counted: the histograms that all measures are made of; one pass over its rows, each counted once.

Memory: the arrays of the graph, one code per own node and paired property, and the histograms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import polars as pl

from synthgen.fidelity.columns import Columns, Comparison, Property, comparable
from synthgen.fidelity.distances import COUNT, added
from synthgen.fidelity.leaks import Leaks, Searched
from synthgen.fidelity.measured import I32, Measured, Rows
from synthgen.seeding import I64

PIECES_AT_ONCE = 16
"""Histograms of so many pieces are kept before they are added up."""
OUT, IN = "out", "in"
NOT_OWN = -1
"""In place of the degree's bin of an end that is not own."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rows of two graphs that are compared are read: decided from the reference, the same for both."""

    nodes: Columns
    relationships: Columns
    searched: Searched


class Counted:
    """A measured graph and its histograms, each counted when it is first asked for.

    Attributes:
        graph: The graph.
        reading: How its rows are read.
    """

    def __init__(self, graph: Measured, reading: Reading) -> None:
        self.graph = graph
        self.reading = reading

    @cached_property
    def kinds(self) -> pl.DataFrame:
        """Own nodes by `kind`."""
        return _counted(pl.DataFrame({"kind": self.graph.kind[self.graph.own]}))

    @cached_property
    def patterns(self) -> pl.DataFrame:
        """Relationships by `start` (kind), `type` and `end` (kind)."""
        return _counted(self._patterns())

    def _patterns(self) -> pl.DataFrame:
        graph = self.graph
        return pl.DataFrame({"start": graph.kind[graph.start], "type": graph.type, "end": graph.kind[graph.end]})

    @cached_property
    def degrees(self) -> pl.DataFrame:
        """Own nodes by `kind`, `type`, `direction` and `degree`, without the zeros."""
        graph = self.graph
        pieces = []
        for direction, ends in ((OUT, graph.start), (IN, graph.end)):
            mine = graph.own[ends]
            per_node = _counted(pl.DataFrame({"node": ends[mine], "type": graph.type[mine]}))
            kind = graph.kind[per_node["node"].to_numpy()]
            pieces.append(_counted(pl.DataFrame({
                "kind": kind, "type": per_node["type"], "degree": per_node[COUNT]})).with_columns(
                    pl.lit(direction).alias("direction")))
        return pl.concat(pieces).select("kind", "type", "direction", "degree", COUNT)

    @cached_property
    def degree(self) -> I64:
        """Relationships of every node in both directions; shape (nodes,)."""
        nodes = len(self.graph.kind)
        both: I64 = np.bincount(self.graph.start, minlength=nodes) + np.bincount(self.graph.end, minlength=nodes)
        return both

    @cached_property
    def joint_degrees(self) -> pl.DataFrame:
        """Relationships by pattern and by `start_bin` and `end_bin`: the whole part of log2 of the ends' degrees."""
        bins = np.where(self.graph.own, np.frexp(self.degree.astype(np.float64))[1] - 1, NOT_OWN).astype(np.int32)
        return _counted(self._patterns().with_columns(
            pl.Series("start_bin", bins[self.graph.start]), pl.Series("end_bin", bins[self.graph.end])))

    @cached_property
    def shared_ends(self) -> pl.DataFrame:
        """Relationships to shared nodes, by `type`, `direction` and `identity` of these."""
        graph = self.graph
        pieces = []
        for direction, ends in ((OUT, graph.start), (IN, graph.end)):
            others = graph.shared[ends]
            pieces.append(_counted(pl.DataFrame({"type": graph.type[others], "identity": graph.identity[ends[others]]}))
                          .with_columns(pl.lit(direction).alias("direction")))
        return added([piece.select("type", "direction", "identity", COUNT) for piece in pieces])

    @cached_property
    def rows(self) -> NodeRows:
        """What one pass over the own nodes' rows gives."""
        return NodeRows(self.graph, self.reading)

    @cached_property
    def relationship_values(self) -> Values:
        """Values of relationships by pattern."""
        values = Values(self.reading.relationships, ("start", "type", "end"))
        graph = self.graph
        for rows in graph.relationships():
            values.add(rows, pl.DataFrame({
                "start": graph.kind[graph.start[rows.numbers]], "type": graph.type[rows.numbers],
                "end": graph.kind[graph.end[rows.numbers]]}))
        return values

    def node_pairs(self) -> Iterator[tuple[Property, Property, pl.DataFrame]]:
        """Give, for each two paired properties, own nodes by `kind` and both codes, `a` and `b`."""
        codes = self.rows.codes
        kind = self.graph.kind[self.graph.own]
        for one, other in combinations(sorted(codes), 2):
            yield one, other, _counted(pl.DataFrame({"kind": kind, "a": codes[one], "b": codes[other]}))

    def tie_pairs(self) -> Iterator[tuple[Property, Property | None, pl.DataFrame]]:
        """Give, for each two properties or a property and the shared node, relationships by pattern, `a` and `b`.

        Of a relationship between own nodes `a` is of the start and `b` the same property of the end; of one with a
        shared node `a` is of the own node and `b` the shared one's identity, the second property then being None.
        """
        graph = self.graph
        place = np.cumsum(graph.own) - 1
        within = graph.own[graph.start] & graph.own[graph.end]
        patterns = self._patterns()
        outward = graph.shared[graph.end]
        tied = outward | graph.shared[graph.start]
        for name, codes in sorted(self.rows.codes.items()):
            pairs = patterns.filter(within).with_columns(
                pl.Series("a", codes[place[graph.start[within]]]), pl.Series("b", codes[place[graph.end[within]]]))
            yield name, name, _counted(pairs)
            mine = np.where(outward, graph.start, graph.end)[tied]
            shared = np.where(outward, graph.end, graph.start)[tied]
            pairs = patterns.filter(tied).with_columns(
                pl.Series("a", codes[place[mine]]), pl.Series("b", graph.identity[shared]))
            yield name, None, _counted(pairs)


class NodeRows:
    """What one pass over own nodes' rows gives.

    Attributes:
        values: The histograms of their properties, by kind.
        codes: Per paired property a code for each own node, in order; shape (own nodes,).
        leaks: What of the reference stands in them.
    """

    def __init__(self, graph: Measured, reading: Reading) -> None:
        self.values = Values(reading.nodes, ("kind",))
        self.leaks = Leaks(reading.searched)
        place = np.cumsum(graph.own) - 1
        own = int(graph.own.sum())
        self.codes: dict[Property, I32] = {key: np.zeros(own, np.int32) for key in reading.nodes.codings}
        for rows in graph.nodes():
            self.values.add(rows, pl.DataFrame({"kind": graph.kind[rows.numbers]}))
            self.leaks.add(rows)
            for (name, type_), coding in reading.nodes.codings.items():
                if rows.types.get(name) == type_:
                    values = comparable(rows.frame[name], type_, reading.nodes.comparisons[name, type_])
                    self.codes[name, type_][place[rows.numbers]] = coding.codes(values)


class Values:
    """Histograms of the values of properties, for each kind of node or pattern.

    Attributes:
        keys: The columns that say which kind or pattern.
    """

    def __init__(self, columns: Columns, keys: tuple[str, ...]) -> None:
        self._columns = columns
        self.keys = keys
        self._pieces: dict[tuple[Property, str], list[pl.DataFrame]] = {}
        self._rows: list[pl.DataFrame] = []

    def add(self, rows: Rows, keys: pl.DataFrame) -> None:
        """Count some rows; `keys` has a row for each of them."""
        self._rows.append(_counted(keys))
        for (name, type_), comparison in self._columns.comparisons.items():
            if rows.types.get(name) != type_:
                continue
            column = comparable(rows.frame[name], type_, comparison)
            self._count((name, type_), "present", keys.filter(rows.frame[name].is_not_null()))
            if comparison is Comparison.TEXT:
                lengths, forms = column.str.len_chars().cast(pl.Float64), form_of(column)
                found = {"length": lengths, "form": forms}
            else:
                found = {"value": column}
            for what, values in found.items():
                self._count((name, type_), what, keys.with_columns(values.alias("value")).filter(column.is_not_null()))

    def _count(self, key: Property, what: str, rows: pl.DataFrame) -> None:
        pieces = self._pieces.setdefault((key, what), [])
        pieces.append(_counted(rows))
        if len(pieces) >= PIECES_AT_ONCE:
            self._pieces[key, what] = [added(pieces)]

    def histogram(self, key: Property, what: str) -> pl.DataFrame | None:
        """Give a property's histogram by the keys and `value`; None when no row has it.

        Args:
            key: The property.
            what: `value`, or `length` or `form` of an identifying text.
        """
        pieces = self._pieces.get((key, what))
        return added(pieces) if pieces else None

    def presence(self, key: Property) -> pl.DataFrame:
        """Give by the keys and `present` how many rows have the property and how many have it not."""
        if not self._rows:
            schema = {**dict.fromkeys(self.keys, pl.Int32), "present": pl.Boolean, COUNT: pl.Int64}
            return pl.DataFrame(schema=schema)
        every = added(self._rows)
        found = self.histogram(key, "present")
        have = every.clear() if found is None else found
        lack = every.join(have, on=list(self.keys), how="left", suffix="_have").select(
            *self.keys, (pl.col(COUNT) - pl.col(COUNT + "_have").fill_null(0)).alias(COUNT))
        return pl.concat([frame.select(*self.keys, pl.lit(present).alias("present"), COUNT).filter(pl.col(COUNT) > 0)
                          for present, frame in ((True, have), (False, lack))])


def form_of(texts: pl.Series) -> pl.Series:
    """Hash the form of each text: its marks stay, and every word is the same, parts joined by `-_.` being one."""
    return texts.str.replace_all(r"[\p{L}\p{N}]+(?:[-_.]+[\p{L}\p{N}]+)*", "w").hash()


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by(frame.columns).agg(pl.len().cast(pl.Int64).alias(COUNT))


def totals(histogram: pl.DataFrame, key: str) -> Mapping[int, int]:
    """Give how often each value of one key occurs."""
    return dict(histogram.group_by(key).agg(pl.col(COUNT).sum()).iter_rows())
