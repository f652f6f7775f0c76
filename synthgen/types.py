"""THE table of property types: Neo4j type ↔ Polars dtype ↔ CSV header ↔ Cypher; knows neither files nor servers.

Names are those of Cypher's `valueType()` without ` NOT NULL`. Temporal values, durations and points are held as text,
exactly as Neo4j writes them, because no Polars dtype holds nanoseconds, named zones and years beyond 9999 together;
text also goes to CSV and into Cypher's own functions unchanged.
Sources: Cypher manual, "Values and types"; Operations manual, "Import", "Property data types".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from synthgen.errors import UsageError

ARRAY_DELIMITER = "\x1f"
"""Between the elements of a list in CSV. The importer has no escape for it, so data that contains it is refused."""

EMPTY_ARRAYS = "__synthgen_empty"
"""Names a row's properties that are empty arrays. CSV has no form for these, so they are set after an import."""


@dataclass(frozen=True, slots=True)
class PropertyType:
    """One property type in its four forms.

    Attributes:
        name: Neo4j's name, such as `ZONED DATETIME` or `LIST<STRING>`.
        dtype: How frames and Parquet hold it.
        header: Its name in a CSV header.
        read: Cypher that makes `{p}` what `dtype` holds.
        write: Cypher that makes the parameter `{v}` a property value.
    """

    name: str
    dtype: pl.DataType
    header: str
    read: str = "{p}"
    write: str = "{v}"

    @property
    def is_list(self) -> bool:
        """Whether the type is a list of another."""
        return self.name.startswith("LIST<")

    @property
    def element(self) -> PropertyType:
        """The type of a list's elements."""
        return TYPES[self.name[5:-1]]


POINT_WRITE = (
    # From text such as {srid:4326,x:12.5,y:55.75}, with z in the 3D systems; the importer reads the same text.
    "CASE WHEN {v} IS NULL THEN null ELSE head([c IN"
    " [[part IN split(substring({v}, 1, size({v}) - 2), ',') | split(part, ':')[1]]] |"
    " CASE WHEN size(c) = 4"
    " THEN point({srid: toInteger(c[0]), x: toFloat(c[1]), y: toFloat(c[2]), z: toFloat(c[3])})"
    " ELSE point({srid: toInteger(c[0]), x: toFloat(c[1]), y: toFloat(c[2])}) END]) END"
)

_SCALARS = (
    PropertyType("BOOLEAN", pl.Boolean(), "boolean"),
    PropertyType("INTEGER", pl.Int64(), "long"),
    PropertyType("FLOAT", pl.Float64(), "double"),
    PropertyType("STRING", pl.String(), "string"),
    PropertyType("DATE", pl.String(), "date", "toString({p})", "date({v})"),
    PropertyType("LOCAL TIME", pl.String(), "localtime", "toString({p})", "localtime({v})"),
    PropertyType("ZONED TIME", pl.String(), "time", "toString({p})", "time({v})"),
    PropertyType("LOCAL DATETIME", pl.String(), "localdatetime", "toString({p})", "localdatetime({v})"),
    PropertyType("ZONED DATETIME", pl.String(), "datetime", "toString({p})", "datetime({v})"),
    PropertyType("DURATION", pl.String(), "duration", "toString({p})", "duration({v})"),
    # A point is read as the driver gives it: asking a 2D point for its z fails in Cypher.
    PropertyType("POINT", pl.String(), "point", "{p}", POINT_WRITE),
)


def _list_of(scalar: PropertyType) -> PropertyType:
    read, write = "{p}", "{v}"
    if scalar.read != "{p}":
        read = "[x IN {p} | " + scalar.read.replace("{p}", "x") + "]"
    if scalar.write != "{v}":
        write = "[x IN {v} | " + scalar.write.replace("{v}", "x") + "]"
    return PropertyType(f"LIST<{scalar.name}>", pl.List(scalar.dtype), scalar.header + "[]", read, write)


TYPES: dict[str, PropertyType] = {
    kind.name: kind
    for kind in (
        *_SCALARS,
        *(_list_of(scalar) for scalar in _SCALARS),
        # Cypher has no type of its own for bytes; drivers and the importer do.
        PropertyType("BYTES", pl.Binary(), "byte[]"),
    )
}


def type_named(value_type: str) -> PropertyType:
    """Find a type by the text that Cypher's `valueType()` gives.

    Raises:
        UsageError: The type is none that a property of this version can be.
    """
    name = re.sub(r" NOT NULL", "", value_type)
    try:
        return TYPES[name]
    except KeyError:
        raise UsageError(
            f"property type {value_type!r} is not supported",
            hint="remove or convert the property; supported: " + ", ".join(TYPES),
            value_type=value_type,
        ) from None


def check_types(types: Mapping[str, str]) -> None:
    """Check that every type a document gives its properties is in the table.

    Raises:
        TypeError: One is not.
    """
    for name, kind in types.items():
        if kind not in TYPES:
            raise TypeError(f"property {name!r} has the type {kind!r}, which is none")


def polars_schema(types: Mapping[str, str]) -> dict[str, pl.DataType]:
    """Give the Polars schema of a table whose properties have these Neo4j types."""
    return {name: TYPES[kind].dtype for name, kind in types.items()}


def array_properties(types: Mapping[str, str]) -> list[str]:
    """Name the properties that are stored as arrays, and so may be empty ones."""
    return [name for name, kind in types.items() if TYPES[kind].is_list or kind == "BYTES"]
