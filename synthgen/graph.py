"""A property graph as typed frames; knows Polars and property types, neither files nor servers.

Structural columns begin with a colon, as in Neo4j's import headers, so that they are apart from properties:
`:start` and `:end` (Int64) hold the node numbers of a relationship's ends. A node's number is its table's `first`
plus its row's position; numbers are dense from 0 over all node tables in order. A null is an absent property.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    """One index or constraint, as the statement that creates it again.

    Attributes:
        kind: `index`, `constraint`, or `uniqueness` for a constraint that makes values unique.
        label: Label or relationship type it is for, when it is for one.
        properties: What it covers.
    """

    kind: str
    name: str
    statement: str
    label: str = ""
    properties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole graph held in memory: what a snapshot is written from when it does not come from a database."""

    nodes: Sequence[NodeTable]
    relationships: Sequence[RelationshipTable]
    schema: Sequence[SchemaItem] = field(default_factory=tuple)


def column(name: str) -> pl.Expr:
    """Name one column of a frame, whatever its name: `pl.col` takes `*` and `^…$` for patterns."""
    return selectors.by_name(name).as_expr()
