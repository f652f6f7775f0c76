"""Reads a database's content as typed tables, streaming; knows no files.

Two passes: the first asks for every label set and relationship type which properties have which types, the second reads
each table with exact values. Temporal values come as the server's own text, because drivers hold fewer years.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import neo4j
import numpy as np
import polars as pl

from synthgen.database import Address, quote, translated
from synthgen.errors import SnapshotError
from synthgen.graph import END, START
from synthgen.metadata import OPERATION_ID
from synthgen.progress import Progress, silent
from synthgen.seeding import I64
from synthgen.types import TYPES, polars_schema, type_named

ROWS_AT_ONCE = 20_000
_NOTHING = "LIST<NOTHING>"


@dataclass(frozen=True, slots=True)
class Shape:
    """One table to be read: nodes with exactly these labels, or relationships of this type.

    Attributes:
        conditions: Cypher that tells this table from others of the same labels or type, where a property has several
            types; `{e}` stands for the entity.
    """

    labels: tuple[str, ...]
    type: str
    types: Mapping[str, str]
    rows: int
    conditions: tuple[str, ...] = ()


@dataclass
class Content:
    """A database read as tables, without the nodes of some operations and what is tied to them.

    Nodes are numbered from 0 in the order in which `read_nodes` gives them.
    """

    driver: neo4j.Driver
    address: Address
    without: Collection[str] = ()
    progress: Progress = silent
    _ids: list[I64] = field(default_factory=list)
    _order: tuple[I64, I64] | None = None
    _done: int = 0
    _due: int = 0

    def node_shapes(self) -> list[Shape]:
        """Find the node tables, sorted by labels."""
        counted = self._rows(f"MATCH (e) WHERE {self._kept('e')} RETURN labels(e) AS labels, count(*) AS count")
        counts: dict[tuple[str, ...], int] = {}
        for labels, count in counted:
            key = tuple(sorted(labels))
            counts[key] = counts.get(key, 0) + count
        typed = self._rows(
            f"MATCH (e) WHERE {self._kept('e')} UNWIND keys(e) AS key"
            " RETURN labels(e) AS labels, key, valueType(e[key]) AS type, count(*) AS count"
        )
        found: dict[tuple[str, ...], dict[str, set[str]]] = {labels: {} for labels in counts}
        for labels, key, type_, _ in typed:
            found[tuple(sorted(labels))].setdefault(key, set()).add(type_.replace(" NOT NULL", ""))
        self._due, self._done = sum(counts.values()), 0
        return [shape for labels in sorted(counts) for shape in self._split(
            Shape(labels, "", {}, counts[labels]), found[labels], self._match_nodes(labels))]

    def relationship_shapes(self) -> list[Shape]:
        """Find the relationship tables, sorted by type."""
        match = f"MATCH (a)-[e]->(b) WHERE {self._kept('a')} AND {self._kept('b')}"
        counts = dict(self._rows(f"{match} RETURN type(e) AS type, count(*) AS count"))
        found: dict[str, dict[str, set[str]]] = {type_: {} for type_ in counts}
        for type_, key, value_type in self._rows(
                f"{match} UNWIND keys(e) AS key RETURN DISTINCT type(e), key, valueType(e[key])"):
            found[type_].setdefault(key, set()).add(value_type.replace(" NOT NULL", ""))
        self._due, self._done = sum(counts.values()), 0
        return [shape for type_ in sorted(counts) for shape in self._split(
            Shape((), type_, {}, counts[type_]), found[type_], self._match_relationships(type_))]

    def read_nodes(self, shape: Shape) -> Iterator[pl.DataFrame]:
        """Read a node table in pieces; columns are the properties of `shape.types`."""
        conditions = [condition.replace("{e}", "e") for condition in shape.conditions]
        match = " AND ".join([self._match_nodes(shape.labels), *conditions])
        for ids, frame in self._read(f"{match} RETURN id(e)", shape, 1, "reading nodes"):
            self._ids.append(ids[0])
            yield frame

    def read_relationships(self, shape: Shape) -> Iterator[pl.DataFrame]:
        """Read a relationship table in pieces: `:start`, `:end` (node numbers), then the properties.

        Raises:
            SnapshotError: An end is a node that was not read: the database was written to meanwhile.
        """
        conditions = [condition.replace("{e}", "e") for condition in shape.conditions]
        match = " AND ".join([self._match_relationships(shape.type), *conditions])
        for ids, frame in self._read(f"{match} RETURN id(a), id(b)", shape, 2, "reading relationships"):
            yield pl.DataFrame({START: self._numbers(ids[0]), END: self._numbers(ids[1])}).hstack(frame.get_columns())

    def internal_ids(self) -> I64:
        """Give the internal id of every node read, in order of node numbers."""
        return np.concatenate([np.zeros(0, np.int64), *self._ids])

    def bookmark(self) -> frozenset[str]:
        """Give a mark that changes whenever the database is written to."""
        with translated(self.address), self.driver.session(database=self.address.database,
                                                           default_access_mode=neo4j.READ_ACCESS) as session:
            session.execute_read(lambda transaction: transaction.run("RETURN 1").consume())
            return session.last_bookmarks().raw_values

    def _numbers(self, ids: I64) -> I64:
        if self._order is None:
            every = self.internal_ids()
            order = np.argsort(every, kind="stable")
            self._order = every[order], order
        known, order = self._order
        places = np.searchsorted(known, ids)
        missing = (places >= len(known)) | (known[np.minimum(places, max(len(known) - 1, 0))] != ids) if len(
            known) else np.ones(len(ids), np.bool_)
        if missing.any():
            raise written_meanwhile(self.address)
        return order[places]

    def _kept(self, name: str) -> str:
        if not self.without:
            return "true"
        property_ = f"{name}.{quote(OPERATION_ID)}"
        return f"({property_} IS NULL OR NOT {property_} IN $without)"

    def _match_nodes(self, labels: Sequence[str]) -> str:
        marks = "".join(f":{quote(label)}" for label in labels)
        return f"MATCH (e{marks}) WHERE size(labels(e)) = {len(labels)} AND {self._kept('e')}"

    def _match_relationships(self, type_: str) -> str:
        return f"MATCH (a)-[e:{quote(type_)}]->(b) WHERE {self._kept('a')} AND {self._kept('b')}"

    def _split(self, shape: Shape, found: Mapping[str, set[str]], match: str) -> list[Shape]:
        """Make a table for each combination of types, where a property has more than one."""
        # An empty list fits any list type; on its own it is taken for a list of texts.
        known = {name: kinds - {_NOTHING} or {"LIST<STRING>"} for name, kinds in found.items()}
        types = {name: next(iter(kinds)) for name, kinds in known.items() if len(kinds) == 1}
        torn = sorted(name for name, kinds in known.items() if len(kinds) > 1)
        tables: list[tuple[tuple[str, ...], int]] = [((), shape.rows)]
        if torn:
            values = ", ".join(f"valueType(e.{quote(name)})" for name in torn)
            tables = [(tuple(combination), count)
                      for combination, count in self._rows(f"{match} RETURN [{values}], count(*)")]
        result = []
        for combination, rows in sorted(tables):
            named: dict[str, str] = dict(zip(torn, combination, strict=True))
            conditions = tuple(f"valueType({{e}}.{quote(name)}) = '{kind}'" for name, kind in named.items())
            exact = {name: kind.replace(" NOT NULL", "") for name, kind in named.items() if kind != "NULL"}
            exact = {name: "LIST<STRING>" if kind == _NOTHING else kind for name, kind in exact.items()}
            every = {name: type_named(kind).name for name, kind in sorted({**types, **exact}.items())}
            every = {name: self._bytes_or(kind, name, match, conditions) for name, kind in every.items()}
            result.append(Shape(shape.labels, shape.type, every, rows, conditions))
        return result

    def _bytes_or(self, kind: str, name: str, match: str, conditions: tuple[str, ...]) -> str:
        """Tell bytes from lists of integers, which Cypher's `valueType` does not."""
        if kind != "LIST<INTEGER>":
            return kind
        where = " AND ".join([match, f"size(e.{quote(name)}) > 0", *(c.replace("{e}", "e") for c in conditions)])
        found = list(self._rows(f"{where} RETURN e.{quote(name)} LIMIT 1"))
        return "BYTES" if found and isinstance(found[0][0], bytes) else kind

    def _read(self, query: str, shape: Shape, ends: int, phase: str) -> Iterator[tuple[list[I64], pl.DataFrame]]:
        fields = [TYPES[kind].read.replace("{p}", f"e.{quote(name)}") for name, kind in shape.types.items()]
        schema = polars_schema(shape.types)
        rows = self._rows(", ".join([query, *fields]))
        done = 0
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            columns = list(zip(*batch, strict=True))
            ids = [np.array(column, np.int64) for column in columns[:ends]]
            frame = pl.DataFrame(height=len(batch)).with_columns(
                pl.Series(name, _values(columns[ends + position], name, kind), dtype=schema[name], strict=True)
                for position, (name, kind) in enumerate(shape.types.items())
            )
            done += len(batch)
            self._done += len(batch)
            self.progress(phase, self._done, self._due)
            yield ids, frame
        if done != shape.rows:
            raise written_meanwhile(self.address)

    def _rows(self, query: str) -> Iterator[list[Any]]:
        with translated(self.address), self.driver.session(
            database=self.address.database, default_access_mode=neo4j.READ_ACCESS, fetch_size=ROWS_AT_ONCE
        ) as session:
            for record in session.run(query, without=list(self.without)):
                yield record.values()


def _values(values: Sequence[Any], name: str, kind: str) -> list[Any]:
    if kind == "POINT":
        return [None if value is None else point_text(value) for value in values]
    if kind == "LIST<POINT>":
        return [None if value is None else [point_text(point) for point in value] for value in values]
    if TYPES[kind].is_vector:
        return [None if value is None else vector_text(value) for value in values]
    if kind in {"BYTES", "LIST<INTEGER>"}:
        wrong = list if kind == "BYTES" else bytes
        for value in values:
            if isinstance(value, wrong) and len(value):
                raise SnapshotError(f"property {name!r} holds bytes on some and lists of integers on others",
                                    hint="give the nodes of one label set one of both", property=name)
        empty: Any = b"" if kind == "BYTES" else []
        return [empty if value is not None and not len(value) else value for value in values]
    return list(values)


def point_text(point: Any) -> str:
    """Write a driver's point as FORMAT.md has it."""
    axes = ",".join(f"{axis}:{value!r}" for axis, value in zip("xyz", point, strict=False))
    return f"{{srid:{point.srid},{axes}}}"


def vector_text(vector: Any) -> str:
    """Write a driver's vector as FORMAT.md has it."""
    return f"[{','.join(map(repr, vector.to_native()))}]"


def written_meanwhile(address: Address) -> SnapshotError:
    """Say that the database changed while it was read."""
    return SnapshotError(f"{address.uri}, database {address.database!r}, was written to while it was read",
                         hint="stop what writes to it and run the command again; nothing was kept")
