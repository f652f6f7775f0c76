"""A property graph as typed frames; knows Polars and property types, neither files nor servers.

Structural columns begin with a colon, as in Neo4j's import headers, so that they are apart from properties:
`:start` and `:end` (Int64) hold the node numbers of a relationship's ends. A node's number is its table's `first`
plus its row's position; numbers are dense from 0 over all node tables in order. A null is an absent property.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl
from polars import selectors

START = ":start"
END = ":end"


@dataclass(frozen=True, slots=True)
class NodeTable:
    """All nodes of one label set whose properties agree in type.

    Attributes:
        labels: Sorted; may be empty.
        types: Property name → Neo4j type name (`synthgen.types`), sorted by name.
        frame: One row per node, one column per property; nulls are absent properties.
    """

    labels: tuple[str, ...]
    types: Mapping[str, str]
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class RelationshipTable:
    """All relationships of one type whose properties agree in type.

    Attributes:
        type: Relationship type.
        types: As in `NodeTable`.
        frame: `:start`, `:end`, then the properties.
    """

    type: str
    types: Mapping[str, str]
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class SchemaItem:
    """One index or constraint.

    Attributes:
        type: As `SHOW INDEXES` and `SHOW CONSTRAINTS` of Cypher 25 name it: `RANGE`, `NODE_PROPERTY_UNIQUENESS` ….
        name: Indexes and constraints share one name space.
        statement: Cypher that creates it again. It begins with `CYPHER 25` when no older version has a form for it, and
            is empty when the server gives none, as for parts of a graph type.
        labels: Labels or relationship types it is for; several with some kinds of index, none with `LOOKUP`.
        properties: What it covers.
        options: Its index configuration, every setting spelled out.
        property_type: What a property type constraint asks for.
        failure: Why the server could not fill the index, where it could not.
    """

    kind: Literal["constraint", "index"]
    type: str
    name: str
    statement: str
    entity: Literal["NODE", "RELATIONSHIP"] = "NODE"
    labels: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    property_type: str = ""
    failure: str = ""

    def makes_unique(self, labels: Collection[str]) -> bool:
        """Say whether it keeps the values of its properties apart among nodes with these labels."""
        return (self.kind == "constraint" and self.entity == "NODE" and self.type.endswith(("_UNIQUENESS", "_KEY"))
                and not set(self.labels).isdisjoint(labels))


LOOKUPS = (
    SchemaItem("index", "LOOKUP", "index_343aff4e",
               "CREATE LOOKUP INDEX `index_343aff4e` FOR (n) ON EACH labels(n)"),
    SchemaItem("index", "LOOKUP", "index_f7700477",
               "CREATE LOOKUP INDEX `index_f7700477` FOR ()-[r]-() ON EACH type(r)", "RELATIONSHIP"),
)
"""The two indexes that every new database has."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole graph held in memory: what a snapshot is written from when it does not come from a database."""

    nodes: Sequence[NodeTable]
    relationships: Sequence[RelationshipTable]
    schema: Sequence[SchemaItem] = LOOKUPS


def column(name: str) -> pl.Expr:
    """Name one column of a frame, whatever its name: `pl.col` takes `*` and `^…$` for patterns."""
    return selectors.by_name(name).as_expr()
