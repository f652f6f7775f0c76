"""What the kinds are drawn with: heavy-tailed choices without twins, missing values, tables; knows no kind of graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from synthgen.graph import END, START, NodeTable, RelationshipTable, SchemaItem
from synthgen.sample.columns import kept, skewed_ends, some, weighted
from synthgen.seeding import I64, derive_seed, mix, pick
from synthgen.types import polars_schema

_FRACTION_BITS = 20
_EPOCH_1950_DAYS = -7_305


def numbers(size: int) -> I64:
    """Number rows from 0."""
    return np.arange(size, dtype=np.int64)


def heavy_tailed(size: int, seed: int, *, least: int, most: int) -> I64:
    """Give each row a number in `least` … `most`, with a Pareto tail of exponent 1: half of them are near `least`."""
    uniform = (mix(numbers(size), seed) >> np.uint64(64 - _FRACTION_BITS)).astype(np.int64) + 1
    drawn: I64 = np.minimum(most, least * (1 << _FRACTION_BITS) // uniform)
    return drawn


def favourites(rows: I64, seed: int, size: int) -> I64:
    """Choose one of `size` for each row; a few are chosen very often, and most seldom."""
    return weighted(rows, derive_seed(seed, "choice"), skewed_ends(size, derive_seed(seed, "share")))


def without_twins(start: I64, end: I64) -> tuple[I64, I64]:
    """Leave out pairs that stand earlier already, and those of one and the same."""
    _, first = np.unique(start * (int(end.max(initial=0)) + 1) + end, return_index=True)
    first = np.sort(first)
    first = first[start[first] != end[first]]
    return start[first], end[first]


def often(values: pl.Series, seed: int, percent: int) -> pl.Series:
    """Leave the value out in all but about this many of 100 rows."""
    return kept(values, some(numbers(len(values)), seed, percent))


def dates(rows: I64, seed: int, *, years: int) -> pl.Series:
    """Give each row a date in the years since 1950, as Neo4j writes it."""
    days = pl.Series("", _EPOCH_1950_DAYS + pick(rows, seed, years * 365))
    return pl.from_epoch(days, time_unit="d").dt.strftime("%Y-%m-%d")


def points(rows: I64, seed: int) -> pl.Series:
    """Give each row one of a few hundred places as text, in degrees."""
    east, north = (pl.Series("", 35 + pick(rows, derive_seed(seed, axis), 20)).cast(pl.String) for axis in ("x", "y"))
    return "{srid:4326,x:" + east + ".5,y:" + north + ".25}"


def lists_of(pool: list[str], rows: I64, seed: int, *, most: int) -> pl.Series:
    """Give each row a list of none to `most` texts of the pool, of which the first are the commonest."""
    length = pick(rows, derive_seed(seed, "length"), most + 1)
    drawn = [[pick(rows, derive_seed(seed, place, time), len(pool)) for time in range(2)] for place in range(most)]
    return lists([pl.Series("", pool).gather(np.minimum(*both)) for both in drawn], length)


def lists(columns: list[pl.Series], length: I64) -> pl.Series:
    """Give each row the list of the first `length` of its values."""
    frame = pl.DataFrame([column.alias(f"{place}") for place, column in enumerate(columns)])
    return frame.select(pl.concat_list(pl.all()).list.head(pl.lit(pl.Series(length)))).to_series()


def node_table(labels: tuple[str, ...], columns: Mapping[str, tuple[str, pl.Series]]) -> NodeTable:
    """Make a table from property → (type, values)."""
    types = {name: kind for name, (kind, _) in sorted(columns.items())}
    frame = pl.DataFrame({name: columns[name][1] for name in types}, schema_overrides=polars_schema(types))
    return NodeTable(labels, types, frame)


def relationship_table(
    type_: str, start: I64, end: I64, columns: Mapping[str, tuple[str, pl.Series]] | None = None
) -> RelationshipTable:
    """Make a table from node numbers and property → (type, values)."""
    types = {name: kind for name, (kind, _) in sorted((columns or {}).items())}
    values = {name: (columns or {})[name][1] for name in types}
    frame = pl.DataFrame({START: start, END: end, **values}, schema_overrides=polars_schema(types))
    return RelationshipTable(type_, types, frame)


def unique(label: str, name: str) -> SchemaItem:
    """Make a uniqueness constraint."""
    return SchemaItem("constraint", "NODE_PROPERTY_UNIQUENESS", f"{label.lower()}_{name.lower()}",
                      f"CREATE CONSTRAINT `{label.lower()}_{name.lower()}` FOR (n:`{label}`) REQUIRE (n.`{name}`) IS"
                      " UNIQUE", labels=(label,), properties=(name,))
