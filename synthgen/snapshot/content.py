"""Reads a database's content as typed tables, streaming; knows no files.

First it is found which properties of every label set and relationship type have which types, then each table is read
with exact values, in pages of internal ids. A page comes as few records that hold columns: a record for each row would
cost the driver more than all else together. Temporal values come as the server's own text, because drivers hold fewer
years.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, compress
from typing import Any

import neo4j
import numpy as np
import polars as pl

from synthgen.database import Address, quote
from synthgen.graph import END, START
from synthgen.metadata import OPERATION_ID
from synthgen.progress import Progress, silent
from synthgen.seeding import I64
from synthgen.snapshot.state import DatabaseState
from synthgen.snapshot.survey import IdFile, Key, Survey, survey_nodes, survey_relationships
from synthgen.snapshot.values import column_of, share, weight
from synthgen.types import TYPES, type_named

ROWS_AT_ONCE = 20_000
WEIGHT_AT_ONCE = 16_000_000
"""So many characters, bytes and numbers end a piece of a table, however few its rows."""
_FIRST_PAGE = 200
_FIRST_ROWS, _MOST_ROWS = 20, 200
_RECORD_WEIGHT = 250_000
_NOTHING = "LIST<NOTHING>"


@dataclass(frozen=True, slots=True)
class Shape:
    """One table to be read: nodes with exactly these labels, or relationships of this type.

    Attributes:
        rows: How many entities meet the conditions.
        conditions: What tells this table from others of the same labels or type, where a property has several types:
            the property, and what `valueType()` says of it.
        earlier: Types of tables of the same entities that were read before, and differ in what are bytes and what are
            lists of integers.
    """

    labels: tuple[str, ...]
    type: str
    types: Mapping[str, str]
    rows: int
    conditions: tuple[tuple[str, str], ...] = ()
    earlier: tuple[Mapping[str, str], ...] = ()


@dataclass
class Content:
    """A database in one state, read as tables: first all nodes, then all relationships.

    Left out are the nodes of some operations and what is tied to them. Nodes are numbered from 0 in the order in which
    they are given. Relationships come in the order of their internal ids, or, where a few are read beside many that are
    not, in `any_order`. Memory: 24 bytes a node.
    """

    driver: neo4j.Driver
    address: Address
    without: Collection[str] = ()
    progress: Progress = silent
    any_order: bool = False
    _ids: list[I64] = field(default_factory=list)
    _order: tuple[I64, I64] | None = None
    _done: int = 0
    _due: int = 0

    def __post_init__(self) -> None:
        self.state = DatabaseState(self.driver, self.address)

    def nodes(self) -> Iterator[tuple[Shape, Iterator[pl.DataFrame]]]:
        """Give the node tables, sorted by labels, each in pieces whose columns are the properties of `shape.types`.

        Raises:
            ChangedMeanwhileError: The database was written to meanwhile.
        """
        with IdFile[tuple[str, ...]]() as ids:
            survey = survey_nodes(self.state, ids, self._kept("e"), self.progress, without=list(self.without))
            self._done, self._due = 0, sum(survey.counts.values())
            for labels in sorted(survey.counts):
                for shape in self._split(Shape(labels, "", {}, survey.counts[labels]), survey, labels):
                    yield from self._tables(shape, survey, labels)

    def relationships(self) -> Iterator[tuple[Shape, Iterator[pl.DataFrame]]]:
        """Give the relationship tables, sorted by type, each in pieces: `:start`, `:end`, then the properties.

        Raises:
            ChangedMeanwhileError: The database was written to meanwhile; so it was if an end is a node not read.
        """
        with IdFile[str]() as ids:
            kept = f"{self._kept('a')} AND {self._kept('b')}"
            starts = self.internal_ids() if self.any_order and self.without else None
            survey = survey_relationships(self.state, ids, kept, self.progress, starts, without=list(self.without))
            self._done, self._due = 0, sum(survey.counts.values())
            for type_ in sorted(survey.counts):
                for shape in self._split(Shape((), type_, {}, survey.counts[type_]), survey, type_):
                    yield from self._tables(shape, survey, type_)

    def internal_ids(self) -> I64:
        """Give the internal id of every node read, in order of node numbers."""
        self._ids = [np.concatenate([np.zeros(0, np.int64), *self._ids])]
        return self._ids[0]

    def _numbers(self, ids: I64) -> pl.Series:
        if self._order is None:
            every = self.internal_ids()
            order = np.argsort(every, kind="stable")
            self._order = every[order], order
        known, order = self._order
        places = np.searchsorted(known, ids)
        missing = (places >= len(known)) | (known[np.minimum(places, max(len(known) - 1, 0))] != ids) if len(
            known) else np.ones(len(ids), np.bool_)
        if missing.any():
            raise self.state.changed()
        return pl.Series(order[places])

    def _kept(self, name: str) -> str:
        if not self.without:
            return "true"
        property_ = f"{name}.{quote(OPERATION_ID)}"
        return f"({property_} IS NULL OR NOT {property_} IN $given.without)"

    def _split(self, shape: Shape, survey: Survey[Key], key: Key) -> Iterator[Shape]:
        """Make a table for each combination of types, where a property has more than one."""
        # An empty list fits any list type, and no other; on its own it is taken for a list of texts.
        known = {name: kinds - {_NOTHING} or {"LIST<STRING>"} if all(kind.startswith("LIST<") for kind in kinds)
                 else kinds for name, kinds in survey.types[key].items()}
        types = {name: next(iter(kinds)) for name, kinds in known.items() if len(kinds) == 1}
        torn = sorted(name for name, kinds in known.items() if len(kinds) > 1)
        tables = Counter({(): shape.rows})
        if torn:
            tables = Counter()
            for ids in survey.ids.read(key):
                for combination, count in self.state.rows(
                        f"{_find(shape)} RETURN [name IN $given.torn | valueType(e[name])], count(*)",
                        ids=ids, torn=torn):
                    tables[tuple(combination)] += count
        for combination, rows in sorted(tables.items()):
            named: dict[str, str] = dict(zip(torn, combination, strict=True))
            exact = {name: kind.replace(" NOT NULL", "") for name, kind in named.items() if kind != "NULL"}
            exact = {name: "LIST<STRING>" if kind == _NOTHING else kind for name, kind in exact.items()}
            every = {name: type_named(kind).name for name, kind in sorted({**types, **exact}.items())}
            table = replace(shape, types=every, rows=rows, conditions=tuple(named.items()))
            yield replace(table, types={name: self._bytes_or(kind, name, table, survey.ids.read(key))
                                        for name, kind in every.items()})

    def _bytes_or(self, kind: str, name: str, table: Shape, pages: Iterator[list[int]]) -> str:
        """Tell bytes from lists of integers, which Cypher's `valueType` does not, by the first value there is.

        That of an empty list, `LIST<NOTHING>`, is told: only bytes can be empty here.
        """
        if kind != "LIST<INTEGER>":
            return kind
        query = f"{_find(table)} AND valueType(e[$given.name]) STARTS WITH 'LIST<INTEGER' RETURN e[$given.name] LIMIT 1"
        for ids in pages:
            for [value] in self.state.rows(query, ids=ids, name=name, conditions=table.conditions):
                return "BYTES" if isinstance(value, bytes) else kind
        return kind

    def _tables(self, shape: Shape, survey: Survey[Key], key: Key) -> Iterator[tuple[Shape, Iterator[pl.DataFrame]]]:
        """Give a table, and a further one while there are bytes or lists of integers that fit none of those before."""
        waiting = [shape]
        while waiting:
            shape = waiting.pop()
            yield shape, self._frames(shape, survey.ids.read(key), waiting)

    def _frames(self, shape: Shape, pages: Iterator[list[int]], further: list[Shape]) -> Iterator[pl.DataFrame]:
        """Read a table in pieces; what fits neither it nor an earlier one makes a table in `further`."""
        tables = (*shape.earlier, shape.types)
        rows, left = 0, None
        for internal, values in self._pieces(shape, pages):
            rows += len(internal[0])
            wanted, homeless = share(values, tables)
            left = left or homeless
            if wanted is None:
                yield self._frame(shape, internal, values)
            else:
                yield self._frame(shape, *([list(compress(column, wanted)) for column in columns]
                                           for columns in (internal, values)))
        if rows != shape.rows:
            raise self.state.changed()
        if left is not None:
            further.append(replace(shape, types=left, earlier=tables))

    def _frame(self, shape: Shape, internal: list[list[int]], values: list[list[Any]]) -> pl.DataFrame:
        ids = [np.array(column, np.int64) for column in internal]
        self._done += len(ids[0])
        self.progress("reading relationships" if shape.type else "reading nodes", self._done, self._due)
        columns = [column_of(name, column, kind)
                   for (name, kind), column in zip(shape.types.items(), values, strict=True)]
        if shape.type:
            return pl.DataFrame({START: self._numbers(ids[0]), END: self._numbers(ids[1])}).with_columns(columns)
        self._ids += ids
        return pl.DataFrame(height=len(ids[0])).with_columns(columns)

    def _pieces(self, shape: Shape, pages: Iterator[list[int]]) -> Iterator[tuple[list[list[int]], list[list[Any]]]]:
        """Read a table's columns, a piece of its rows at a time: internal ids, or those of both ends; properties."""
        reads = _Reads(shape.types)
        query, ends = _query(shape)
        rows_of_record = _FIRST_ROWS
        piece: list[list[Any]] = [[] for _ in range(ends + len(shape.types))]
        heavy = 0
        for ids in _short_first(pages):
            read, of_page = 0, 0
            for record in self.state.rows(query, ids=ids, rows=rows_of_record, conditions=shape.conditions,
                                          **reads.names):
                found = reads.in_order(record[ends:])
                for column, values in zip(piece, (*record[:ends], *found), strict=True):
                    column.extend(values)
                own = sum(map(weight, found, shape.types.values()))
                read, of_page, heavy = read + len(record[0]), of_page + own, heavy + own
                if len(piece[0]) >= ROWS_AT_ONCE or heavy >= WEIGHT_AT_ONCE:
                    yield piece[:ends], piece[ends:]
                    piece, heavy = [[] for _ in piece], 0
            # Not more than threefold at once: rows that come may be far heavier than those that were seen.
            rows_of_record = max(1, min(_MOST_ROWS, 3 * rows_of_record, read * _RECORD_WEIGHT // max(of_page, 1)))
        if piece[0]:
            yield piece[:ends], piece[ends:]


def _short_first(pages: Iterator[list[int]]) -> Iterator[list[int]]:
    """Give the pages, with the first one cut into longer and longer pieces, by which it is seen how heavy rows are."""
    first, size = next(pages, []), _FIRST_PAGE
    while first:
        yield first[:size]
        first, size = first[size:], 10 * size
    yield from pages


class _Reads:
    """Which properties of a table are read in which way: as they are, or by one of the functions of `types`."""

    def __init__(self, types: Mapping[str, str]) -> None:
        of_way = {way: [name for name, kind in types.items() if TYPES[kind].read == way] for way in _WAYS}
        self.names = {parameter: of_way[way] for way, parameter in _WAYS.items()}
        places = {name: place for place, name in enumerate(chain.from_iterable(of_way.values()))}
        self._places = [places[name] for name in types]

    def in_order(self, found: Sequence[list[list[Any]]]) -> list[list[Any]]:
        """Give the columns in the order of the types, from those of each way."""
        columns = list(chain.from_iterable(found))
        return [columns[place] for place in self._places]


_WAYS = {read: f"read{number}" for number, read in enumerate(sorted({kind.read for kind in TYPES.values()}))}
"""Ways in which types are read, and the parameter for the names that are read so."""


def _find(table: Shape, ids: str = "$given.ids") -> str:
    """Make the part of a query that finds what a table has of some internal ids.

    Names are parameters everywhere: the server makes a plan for each text, and there may be thousands of tables.
    """
    conditions = " AND all(c IN $given.conditions WHERE valueType(e[c[0]]) = c[1])" if table.conditions else ""
    return f"UNWIND {ids} AS i MATCH {'(a)-[e]->(b)' if table.type else '(e)'} WHERE id(e) = i{conditions}"


def _query(table: Shape) -> tuple[str, int]:
    """Make the query that reads what a table has of `ids`, `rows` at a time, and say how many columns are ids."""
    ids = ["id(startNode(e))", "id(endNode(e))"] if table.type else ["id(e)"]
    fields = [f"[name IN $given.{names} | [e IN found | {way.replace('{p}', 'e[name]')}]]"
              for way, names in _WAYS.items()]
    columns = [f"[e IN found | {field}]" for field in ids] + fields
    return (
        "UNWIND range(0, size($given.ids) - 1, $given.rows) AS first CALL (first)"
        f" {{ {_find(table, '$given.ids[first..first + $given.rows]')} RETURN collect(e) AS found }}"
        f" RETURN {', '.join(f'{column} AS c{number}' for number, column in enumerate(columns))}"
    ), len(ids)
